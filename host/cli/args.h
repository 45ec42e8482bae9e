/* SPDX-License-Identifier: Apache-2.0
 * Options and arguments of a command, from one table that help and completion read too. */
#ifndef HOST_ARGS_H
#define HOST_ARGS_H

#include <stdbool.h>
#include <stddef.h>

struct cli_option {
    const char *name;     /* "category"; NULL ends a table */
    char letter;          /* 'c' or 0 */
    const char *argument; /* "NAME" or NULL for a flag */
    const char *help;
    bool repeatable;
};

#define ARGS_OPTIONS_MAX 48

struct args {
    const char **values; /* what is no option, in order; NULL-terminated */
    int count;
    struct {
        const struct cli_option *option;
        const char *value; /* "" for a flag */
    } given[ARGS_OPTIONS_MAX];
    int given_count;
};

/* Splits argv (without the command's words) by the tables (own may be NULL). stop_at_value: what
 * follows the first plain argument is left alone. Wrong usage: prints why to stderr, returns -1. */
int args_parse(struct args *args, int argc, char **argv, const struct cli_option *own,
               const struct cli_option *global, bool stop_at_value, const char *command);
void args_clear(struct args *args);

bool args_has(const struct args *args, const char *name);
const char *args_value(const struct args *args, const char *name); /* the last one, or NULL */

/* The index-th value of a repeatable option, or NULL. */
const char *args_nth(const struct args *args, const char *name, int index);

/* A number option: fallback if absent; -1 and a message on stderr if it is none in [min, max]. */
int args_number(const struct args *args, const char *name, long long min, long long max,
                long long fallback, long long *ret_value);

#endif
