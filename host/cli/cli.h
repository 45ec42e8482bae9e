/* SPDX-License-Identifier: Apache-2.0
 * What every command works with: the global options, and configuration, plugins and a channel to a
 * kernel, each made when first asked for. A command is one file with one struct command. */
#ifndef HOST_CLI_H
#define HOST_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include <llmspell/protocol.h>

#include "cli/args.h"
#include "config/config.h"
#include "plugin/catalog.h"
#include "util/error.h"

/* Exit status (DESIGN 5.1). */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_ABSENT = 3, /* no such tool, kernel or file */
    EXIT_CONNECTION = 4,
    EXIT_TIMEOUT = 5,
    EXIT_INTERRUPTED = 130
};

struct cli;

struct command {
    const char *name;      /* "tool list" */
    const char *arguments; /* "NAME [key=value …]" or "" */
    const char *summary;   /* one line */
    const char *help;      /* more, or NULL */
    const struct cli_option *options;
    int min_values, max_values; /* plain arguments; max -1: any number */
    bool rest;                  /* what follows the first plain argument is not ours */
    int (*run)(struct cli *cli, const struct args *args); /* returns the exit status */
};

extern const struct command *const commands[]; /* NULL-terminated, in order of help */
extern const struct cli_option global_options[];

struct cli {
    const struct args *args;
    const char *const *arguments; /* of the command line, without the program; NULL-terminated */
    bool json, quiet, color;
    const char *kernel_name; /* --kernel */
    struct config *config;
    struct catalog *catalog;
    struct channel *channel;
    char *program;    /* absolute path of this binary */
    int interrupt_fd; /* readable after a SIGINT, once asked for; else -1 */
};

/* Prints the error of a command once; returns the exit status that its code means. */
int cli_fail(const struct cli *cli, const struct error *error);
int exit_status(int code);

/* For wrong usage: prints the sentence and where help is; returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const struct command *command,
                                                    const char *format, ...);

/* Each returns 0, or prints why not and returns an exit status. */
int cli_config(struct cli *cli, const struct config **ret_config);
int cli_catalog(struct cli *cli, const struct catalog **ret_catalog);
int cli_channel(struct cli *cli, struct channel **ret_channel);

/* What the two do first, without printing: for a kernel that reloads. cwd: where relative paths of
 * the command line start; previous: NULL at start. New references. */
int cli_load_config(const struct cli *cli, const char *cwd, struct config **ret_config,
                    struct error *ret_error);
int cli_load_catalog(const struct cli *cli, const struct config *config,
                     const struct catalog *previous, struct catalog **ret_catalog,
                     struct error *ret_error);

/* The descriptor that becomes readable at SIGINT (for cancel_fd); -1 if there is none. */
int cli_interrupt_fd(struct cli *cli);

/* Sends a request and waits for its reply. 0, or prints why not and returns an exit status. */
int cli_request(struct cli *cli, const char *msg_type, const json_t *content, int timeout_ms,
                json_t **ret_reply);

/* The same with the events that it causes. */
int cli_request_events(struct cli *cli, const char *msg_type, const json_t *content, int timeout_ms,
                       llmspell_event_fn event, void *data, json_t **ret_reply);

/* A reply with status error: prints its message (or, with --output json, the reply itself) and
 * returns the exit status; 0 if its status is ok. */
int cli_check_reply(const struct cli *cli, const json_t *reply);

/* Prints one JSON document on stdout, indented on a terminal. */
void cli_print_json(const struct cli *cli, const json_t *value);

/* $LLMSPELL_HOME/NAME, made if make is set (mode 0700); the caller frees it; NULL: no memory. */
char *cli_home_path(const struct config *config, const char *name);

void cli_clear(struct cli *cli);

/* cli/help.c */
void help_print_overview(const struct cli *cli);
void help_print_command(const struct cli *cli, const struct command *command);
const struct command *command_find(char **words, int count, int *ret_used);
int command_unknown(char **words, int count); /* says so, with a near miss; EXIT_USAGE */

#endif
