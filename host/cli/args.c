/* SPDX-License-Identifier: Apache-2.0
 * getopt_long behind the option tables. */
#include "cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/near.h"

#define LONG_BASE 256

struct tables {
    const struct cli_option *rows[ARGS_OPTIONS_MAX];
    struct option longs[ARGS_OPTIONS_MAX + 1];
    char shorts[ARGS_OPTIONS_MAX * 2 + 4];
    int count;
};

static void add_table(struct tables *tables, const struct cli_option *table)
{
    for (; table && table->name && tables->count < ARGS_OPTIONS_MAX; table++) {
        int i = tables->count++;
        size_t n = strlen(tables->shorts);
        tables->rows[i] = table;
        tables->longs[i] = (struct option){
            table->name, table->argument ? required_argument : no_argument, NULL, LONG_BASE + i};
        if (table->letter)
            snprintf(tables->shorts + n, sizeof tables->shorts - n, "%c%s", table->letter,
                     table->argument ? ":" : "");
    }
}

static const struct cli_option *find_row(const struct tables *tables, int code)
{
    if (code >= LONG_BASE)
        return tables->rows[code - LONG_BASE];
    for (int i = 0; i < tables->count; i++)
        if (tables->rows[i]->letter == code)
            return tables->rows[i];
    return NULL;
}

/* Why getopt_long stopped: code is ':' (a value is missing) or '?'. */
static int usage_error(int code, const struct tables *tables, const char *word, const char *command)
{
    const struct cli_option *row = optopt ? find_row(tables, optopt) : NULL;
    struct near nearest = {.word = word + strspn(word, "-")};
    for (int i = 0; i < tables->count; i++)
        near_offer(&nearest, tables->rows[i]->name);
    if (code == ':' && row)
        fprintf(stderr, "llmspell: option --%s wants a value: %s", row->name, row->argument);
    else if (row)
        fprintf(stderr, "llmspell: option --%s takes no value", row->name);
    else if (optopt)
        fprintf(stderr, "llmspell: no option is called -%c", optopt);
    else if (nearest.best)
        fprintf(stderr, "llmspell: no option is called %s (did you mean --%s?)", word,
                nearest.best);
    else
        fprintf(stderr, "llmspell: no option is called %s", word);
    fprintf(stderr, "; see `llmspell help%s%s`\n", *command ? " " : "", command);
    return -1;
}

int args_parse(struct args *args, int argc, char **argv, const struct cli_option *own,
               const struct cli_option *global, bool stop_at_value, const char *command)
{
    struct tables tables = {.shorts = ":"};
    char *name = (char *)"llmspell", **all = calloc((size_t)argc + 2, sizeof *all);
    *args = (struct args){0};
    if (!all)
        return -1;
    all[0] = name;
    if (argc > 0)
        memcpy(all + 1, argv, (size_t)argc * sizeof *all);
    if (stop_at_value)
        memcpy(tables.shorts, "+:", 3);
    add_table(&tables, own);
    add_table(&tables, global);
    optind = 0;
    opterr = 0;
    int code;
    while ((code = getopt_long(argc + 1, all, tables.shorts, tables.longs, NULL)) != -1) {
        const struct cli_option *row = find_row(&tables, code);
        if (!row || args->given_count == ARGS_OPTIONS_MAX) {
            usage_error(code, &tables, all[optind - 1], command);
            free(all);
            return -1;
        }
        args->given[args->given_count].option = row;
        args->given[args->given_count++].value = optarg ? optarg : "";
    }
    args->count = argc + 1 - optind;
    args->values = calloc((size_t)args->count + 1, sizeof *args->values);
    for (int i = 0; args->values && i < args->count; i++)
        args->values[i] = all[optind + i];
    free(all);
    return args->values ? 0 : -1;
}

void args_clear(struct args *args)
{
    free(args->values);
    args->values = NULL;
}

const char *args_nth(const struct args *args, const char *name, int index)
{
    for (int i = 0; i < args->given_count; i++)
        if (strcmp(args->given[i].option->name, name) == 0 && index-- == 0)
            return args->given[i].value;
    return NULL;
}

const char *args_value(const struct args *args, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < args->given_count; i++)
        if (strcmp(args->given[i].option->name, name) == 0)
            value = args->given[i].value;
    return value;
}

bool args_has(const struct args *args, const char *name)
{
    return args_value(args, name) != NULL;
}

int args_number(const struct args *args, const char *name, long long min, long long max,
                long long fallback, long long *ret_value)
{
    const char *text = args_value(args, name);
    char *end;
    *ret_value = fallback;
    if (!text)
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max) {
        fprintf(stderr, "llmspell: --%s wants a whole number from %lld to %lld, not \"%s\"\n", name,
                min, max, text);
        return -1;
    }
    *ret_value = value;
    return 0;
}
