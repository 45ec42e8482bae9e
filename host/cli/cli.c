/* SPDX-License-Identifier: Apache-2.0
 * The context of a command. */
#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/channel.h"
#include "cli/kernels.h"
#include "log/logger.h"
#include "plugin/paths.h"
#include "util/json_text.h"

#define CONNECT_TIMEOUT_MS 5000

const struct cli_option global_options[] = {
    {"config", 'c', "FILE", "read this INI file, too", false},
    {"set", 0, "SECTION.KEY=VALUE", "set one value", true},
    {"plugin-dir", 0, "DIR", "look for plugins here first", true},
    {"kernel", 'k', "ID|FILE", "use this running kernel (an id or a connection file)", false},
    {"output", 'o', "text|json", "how to print results", false},
    {"log-level", 0, "LEVEL", "off, error, warn, info, debug or trace", false},
    {"quiet", 'q', NULL, "print less: no headings, no notes", false},
    {"no-color", 0, NULL, "no colours, also on a terminal", false},
    {"help", 'h', NULL, "show help", false},
    {NULL, 0, NULL, NULL, false},
};

int exit_status(int code)
{
    switch (code) {
    case 0:
        return EXIT_OK;
    case LLMSPELL_EUNKNOWN:
    case LLMSPELL_ENOTFOUND:
        return EXIT_ABSENT;
    case LLMSPELL_ENETWORK:
        return EXIT_CONNECTION;
    case LLMSPELL_ETIMEOUT:
        return EXIT_TIMEOUT;
    case LLMSPELL_ECANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

int cli_fail(const struct cli *cli, const struct error *error)
{
    (void)cli;
    fprintf(stderr, "llmspell: %s\n", error->message);
    return exit_status(error->code);
}

int cli_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("llmspell: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see `llmspell help%s%s`\n", command ? " " : "",
            command ? command->name : "");
    return EXIT_USAGE;
}

/* The values of a repeatable option as a NULL-terminated list; the caller frees the list. */
static const char **values_of(const struct args *args, const char *name)
{
    const char **list = calloc(ARGS_OPTIONS_MAX + 1, sizeof *list);
    for (int i = 0; list && i < ARGS_OPTIONS_MAX; i++)
        if (!(list[i] = args_nth(args, name, i)))
            break;
    return list;
}

static int apply_log_level(const struct cli *cli)
{
    struct error error;
    const char *name = args_value(cli->args, "log-level");
    enum log_level level = LOG_WARN;
    if (name && !log_level_parse(name, &level))
        return cli_usage(
            NULL, "--log-level wants off, error, warn, info, debug or trace, not \"%s\"", name);
    struct logger_options options = {.level = level, .color = cli->color};
    return logger_open(&options, &error) < 0 ? cli_fail(cli, &error) : 0;
}

int cli_load_config(const struct cli *cli, const char *cwd, struct config **ret_config,
                    struct error *ret_error)
{
    const char **sets = values_of(cli->args, "set");
    const char *file = args_value(cli->args, "config");
    struct config_options options = {
        .file = file ? file : getenv("LLMSPELL_CONFIG"), .sets = sets, .cwd = cwd};
    int rc = config_load(&options, ret_config, ret_error);
    free(sets);
    return rc;
}

int cli_load_catalog(const struct cli *cli, const struct config *config,
                     const struct catalog *previous, struct catalog **ret_catalog,
                     struct error *ret_error)
{
    const char **arguments = values_of(cli->args, "plugin-dir");
    char **folders = plugin_paths(config, arguments, cli->program);
    struct catalog_options options = {
        .folders = (const char *const *)folders,
        .allow_writable = config_bool(config, "plugins", "allow_writable"),
        .bundled = folders ? plugin_paths_bundled(folders) : NULL,
        .previous = previous,
    };
    int rc = folders ? catalog_open(&options, ret_catalog, ret_error)
                     : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    plugin_paths_free(folders);
    free(arguments);
    return rc;
}

int cli_config(struct cli *cli, const struct config **ret_config)
{
    struct error error;
    if (!cli->config) {
        int rc = cli_load_config(cli, NULL, &cli->config, &error);
        int status = rc < 0 ? cli_fail(cli, &error) : apply_log_level(cli);
        if (status != 0)
            return status;
    }
    *ret_config = cli->config;
    return 0;
}

int cli_catalog(struct cli *cli, const struct catalog **ret_catalog)
{
    struct error error;
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    if (!cli->catalog && cli_load_catalog(cli, config, NULL, &cli->catalog, &error) < 0)
        return cli_fail(cli, &error);
    *ret_catalog = cli->catalog;
    return 0;
}

static int open_channel(struct cli *cli, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *connection = NULL;
    if (cli->kernel_name) {
        int rc = kernels_find(cli->config, cli->kernel_name, &connection, ret_error);
        return rc < 0 ? rc
                      : channel_open_remote(cli->config, cli->catalog, connection,
                                            CONNECT_TIMEOUT_MS, &cli->channel, ret_error);
    }
    LLMSPELL_CLEANUP_FREE char *workdir = getcwd(NULL, 0);
    if (!workdir)
        return error_set(ret_error, LLMSPELL_EIO, "the working directory does not exist any more");
    return channel_open_embedded(cli->config, cli->catalog, workdir, &cli->channel, ret_error);
}

int cli_channel(struct cli *cli, struct channel **ret_channel)
{
    struct error error;
    const struct catalog *catalog;
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    if (!cli->channel && open_channel(cli, &error) < 0)
        return cli_fail(cli, &error);
    *ret_channel = cli->channel;
    return 0;
}

int cli_interrupt_fd(struct cli *cli)
{
    sigset_t set;
    if (cli->interrupt_fd >= 0)
        return cli->interrupt_fd;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        cli->interrupt_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return cli->interrupt_fd;
}

int cli_request_events(struct cli *cli, const char *msg_type, const json_t *content, int timeout_ms,
                       llmspell_event_fn event, void *data, json_t **ret_reply)
{
    struct error error;
    struct channel *channel;
    int cancel_fd = cli_interrupt_fd(cli);
    int status = cli_channel(cli, &channel);
    if (status != 0)
        return status;
    struct llmspell_client_request request = {
        .size = sizeof request,
        .timeout_ms = timeout_ms,
        .msg_type = msg_type,
        .content = content,
        .event = event,
        .data = data,
        .cancel_fd = cancel_fd,
    };
    if (channel_request(channel, &request, ret_reply, &error) < 0)
        return cli_fail(cli, &error);
    return 0;
}

int cli_request(struct cli *cli, const char *msg_type, const json_t *content, int timeout_ms,
                json_t **ret_reply)
{
    return cli_request_events(cli, msg_type, content, timeout_ms, NULL, NULL, ret_reply);
}

int cli_check_reply(const struct cli *cli, const json_t *reply)
{
    if (llmspell_is(reply, "status", "ok"))
        return 0;
    const json_t *error = json_object_get(reply, "error");
    const char *name = llmspell_string(error ? error : reply, error ? "code" : "ename");
    const char *message = llmspell_string(error ? error : reply, error ? "message" : "evalue");
    if (cli->json)
        cli_print_json(cli, reply);
    else
        fprintf(stderr, "llmspell: %s%s%s\n", name ? name : "", name ? ": " : "",
                message ? message : "the kernel gave no reason");
#define X(symbol, number, wire, text)                                                              \
    if (name && strcmp(name, wire) == 0 && symbol != LLMSPELL_ENOTFOUND &&                         \
        symbol != LLMSPELL_ENETWORK)                                                               \
        return exit_status(symbol);
    LLMSPELL_ERRORS(X)
#undef X
    return EXIT_FAILED;
}

void cli_print_json(const struct cli *cli, const json_t *value)
{
    (void)cli;
    json_text_write(stdout, value, isatty(STDOUT_FILENO) ? 2 : 0);
    fputc('\n', stdout);
}

char *cli_home_path(const struct config *config, const char *name)
{
    char *path;
    return asprintf(&path, "%s/%s", config_home(config), name) < 0 ? NULL : path;
}

void cli_clear(struct cli *cli)
{
    channel_close(cli->channel);
    catalog_unref(cli->catalog);
    config_unref(cli->config);
    free(cli->program);
    if (cli->interrupt_fd >= 0)
        close(cli->interrupt_fd);
}
