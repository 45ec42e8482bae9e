/* SPDX-License-Identifier: Apache-2.0
 * `tool invoke NAME [--params JSON|@file|-] [key=value …]`: one call, one reply. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "util/json_text.h"

#define PARAMS_MAX (1u << 20) /* bytes of JSON text (TOOLS.md 2) */

/* A reply like the kernel's, for parameters that never reach it. */
static int refuse(const struct cli *cli, const char *tool, int status, const char *code,
                  const char *message)
{
    if (cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *reply =
            json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:f}", "status", "error", "tool", tool,
                      "error", "code", code, "message", message, "path", "", "duration_ms", 0.0);
        cli_print_json(cli, reply);
    } else {
        fprintf(stderr, "llmspell: %s: %s\n", code, message);
    }
    return status;
}

/* The text of --params: given, from a file, or from stdin. The caller frees it. */
static char *read_params(const char *source, size_t *ret_size)
{
    bool from_stdin = strcmp(source, "-") == 0;
    if (!from_stdin && *source != '@') {
        *ret_size = strlen(source);
        return strdup(source);
    }
    FILE *file = from_stdin ? stdin : fopen(source + 1, "re");
    if (!file) {
        fprintf(stderr, "llmspell: cannot read %s: %s\n", source + 1, strerror(errno));
        return NULL;
    }
    char *text = malloc(PARAMS_MAX + 2);
    *ret_size = text ? fread(text, 1, PARAMS_MAX + 1, file) : 0;
    if (text)
        text[*ret_size] = '\0';
    if (!from_stdin)
        fclose(file);
    return text;
}

/* JSON by its grammar, but not what the parameters of a tool may hold: an error of the call, while
 * text that is no JSON at all is one of the command line. Jansson has no code for lone surrogates.
 */
static bool is_refusal(const json_error_t *where)
{
    switch (json_error_code(where)) {
    case json_error_duplicate_key:
    case json_error_stack_overflow:
    case json_error_null_byte_in_key:
    case json_error_numeric_overflow:
        return true;
    default:
        return strstr(where->text, "invalid Unicode '\\u") != NULL;
    }
}

static int decode(const struct cli *cli, const char *tool, const char *source, json_t **ret_params)
{
    size_t size;
    json_error_t where;
    char message[512];
    LLMSPELL_CLEANUP_FREE char *text = read_params(source, &size);
    if (!text)
        return EXIT_ABSENT;
    if (size > PARAMS_MAX)
        return refuse(cli, tool, EXIT_FAILED, "limit_exceeded",
                      "the parameters have more than 1 MiB of text");
    *ret_params =
        json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
    if (*ret_params)
        return 0;
    snprintf(message, sizeof message, "the parameters are not valid JSON: line %d, column %d: %s",
             where.line, where.column, where.text);
    if (json_error_code(&where) == json_error_stack_overflow)
        snprintf(message, sizeof message, "the parameters are nested deeper than 64 levels");
    return refuse(cli, tool, is_refusal(&where) ? EXIT_FAILED : EXIT_USAGE, "invalid_params",
                  message);
}

/* key=value: value is JSON if it parses as JSON, else a string. */
static int add_pair(json_t *params, const char *pair)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair)
        return -1;
    LLMSPELL_CLEANUP_FREE char *key = strndup(pair, (size_t)(equals - pair));
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (!value)
        value = json_string(equals + 1);
    return key && value ? json_object_set_new(params, key, value) : -1;
}

/* The properties of a tool's parameters, a new reference; NULL if there is no such tool: then the
 * call itself says so. Returns the exit status of asking. */
static int ask_properties(struct cli *cli, const char *tool, json_t **ret_properties)
{
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:s}", "command", "info", "name", tool);
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = content ? cli_request(cli, "tool_request", content, -1, &reply) : 0;
    const json_t *parameters = json_object_get(json_object_get(reply, "info"), "parameters");
    *ret_properties = json_incref(json_object_get(parameters, "properties"));
    return status;
}

static bool has_alias(const json_t *property, const char *name)
{
    size_t i;
    json_t *alias;
    json_array_foreach(json_object_get(property, "x-aliases"), i, alias)
    {
        if (json_is_string(alias) && strcmp(json_string_value(alias), name) == 0)
            return true;
    }
    return false;
}

static bool is_text(const json_t *properties, const char *name)
{
    const char *key;
    json_t *property;
    json_object_foreach((json_t *)properties, key, property)
    {
        if (strcmp(key, name) == 0 || has_alias(property, name))
            return llmspell_is(property, "type", "string");
    }
    return false;
}

/* input=1 is the text "1" for a parameter that is text: only the tool's schema can tell. */
static int keep_texts(struct cli *cli, const struct args *args, json_t *params)
{
    LLMSPELL_CLEANUP_JSON json_t *properties = NULL;
    int status = 0;
    for (int i = 1; i < args->count; i++) {
        const char *equals = strchr(args->values[i], '=');
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(equals - args->values[i]), args->values[i]);
        const json_t *value = json_object_get(params, name);
        if (!value || json_is_string(value))
            continue;
        if (!properties)
            status = ask_properties(cli, args->values[0], &properties);
        if (!properties)
            break;
        if (is_text(properties, name))
            json_object_set_new(params, name, json_string(equals + 1));
    }
    return status;
}

static int collect(struct cli *cli, const struct command *command, const struct args *args,
                   json_t **ret_params)
{
    const char *source = args_value(args, "params");
    LLMSPELL_CLEANUP_JSON json_t *params = source ? NULL : json_object();
    int status = source ? decode(cli, args->values[0], source, &params) : 0;
    for (int i = 1; status == 0 && i < args->count; i++)
        if (!json_is_object(params) || add_pair(params, args->values[i]) != 0)
            status = cli_usage(command, "\"%s\" is no key=value%s", args->values[i],
                               json_is_object(params) ? " in UTF-8"
                                                      : " beside --params that are no object");
    if (status == 0 && args->count > 1)
        status = keep_texts(cli, args, params);
    if (status == 0)
        *ret_params = llmspell_steal_json(&params);
    return status;
}

/* One line on a terminal, which each report replaces. */
struct progress {
    bool shown;
};

static void on_event(void *data, const struct llmspell_message *message)
{
    struct progress *progress = data;
    if (strcmp(message->msg_type, "tool_progress") != 0)
        return;
    double done = json_number_value(json_object_get(message->content, "done"));
    double total = json_number_value(json_object_get(message->content, "total"));
    const char *text = llmspell_string(message->content, "message");
    if (total > 0)
        fprintf(stderr, "\r\033[K%3.0f %%  %.60s", done / total * 100, text ? text : "");
    else
        fprintf(stderr, "\r\033[K%.0f  %.60s", done, text ? text : "");
    progress->shown = true;
}

static int call(struct cli *cli, const json_t *content, json_t **ret_reply)
{
    struct progress progress = {false};
    bool terminal = isatty(STDERR_FILENO) && !cli->quiet;
    int status = cli_request_events(cli, "tool_request", content, -1, terminal ? on_event : NULL,
                                    &progress, ret_reply);
    if (progress.shown)
        fputs("\r\033[K", stderr);
    return status;
}

static void print_result(const json_t *result)
{
    if (json_is_string(result))
        printf("%s\n", json_string_value(result));
    else {
        json_text_write(stdout, result, 2);
        fputc('\n', stdout);
    }
}

static int run(struct cli *cli, const struct args *args)
{
    extern const struct command cmd_tool_invoke;
    LLMSPELL_CLEANUP_JSON json_t *params = NULL, *reply = NULL;
    long long timeout_s;
    if (args_number(args, "timeout", 0, 86400, 0, &timeout_s) < 0)
        return EXIT_USAGE;
    int status = collect(cli, &cmd_tool_invoke, args, &params);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:s, s:O, s:I}", "command", "invoke", "name", args->values[0], "params",
                  params, "timeout_ms", (json_int_t)(timeout_s * 1000));
    if (!content)
        return cli_usage(&cmd_tool_invoke, "the tool's name is not UTF-8 text");
    status = call(cli, content, &reply);
    if (status == 0)
        status = cli_check_reply(cli, reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_json(cli, reply);
    else
        print_result(json_object_get(reply, "result"));
    return EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"params", 'p', "JSON|@FILE|-", "the parameters: a JSON object, a file, or standard input",
     false},
    {"timeout", 't', "SECONDS", "give up after this time (0: what the tool says)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_tool_invoke = {
    .name = "tool invoke",
    .arguments = "NAME [key=value …]",
    .summary = "call a tool",
    .help = "Parameters come from --params, or as key=value, where a value that is JSON counts as\n"
            "such (count=3, flag=true, list=[1,2]), unless the parameter is text, and all else is\n"
            "text.\n\n"
            "    llmspell tool invoke calculator input='2*x+1' variables='{\"x\":5}'",
    .options = OPTIONS,
    .min_values = 1,
    .max_values = -1,
    .run = run,
};
