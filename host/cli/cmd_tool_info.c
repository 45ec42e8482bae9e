/* SPDX-License-Identifier: Apache-2.0
 * `tool info NAME`: everything about one tool, made from its manifest, like a manual page. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"

static void heading(const struct cli *cli, const char *text)
{
    printf("\n%s%s%s\n", cli->color ? "\033[1m" : "", text, cli->color ? "\033[0m" : "");
}

/* Words of text, folded at 92 columns, each line indented. */
static void print_folded(const char *text, int indent)
{
    int column = indent;
    printf("%*s", indent, "");
    while (text && *text) {
        int n = (int)strcspn(text, " \n");
        if (column + n > 92 && column > indent) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%.*s ", n, text);
        column += n + 1;
        text += n + (text[n] != '\0');
    }
    fputc('\n', stdout);
}

static void print_list(const char *label, const json_t *list)
{
    size_t i;
    json_t *item;
    if (json_array_size(list) == 0)
        return;
    printf("    %-14s", label);
    json_array_foreach(list, i, item)
    {
        printf("%s%s", i ? ", " : "", json_string_value(item));
    }
    fputc('\n', stdout);
}

/* "string", "integer", "encode|decode", "string|array" … */
static void type_text(const json_t *schema, char *buffer, size_t size)
{
    const json_t *type = json_object_get(schema, "type"), *values = json_object_get(schema, "enum");
    const json_t *list = values ? values : type;
    size_t i, used = 0;
    json_t *item;
    snprintf(buffer, size, "%s", json_is_string(type) ? json_string_value(type) : "any");
    if (!json_is_array(list))
        return;
    json_array_foreach(list, i, item)
    {
        LLMSPELL_CLEANUP_FREE char *text = json_is_string(item)
                                               ? strdup(json_string_value(item))
                                               : json_dumps(item, JSON_ENCODE_ANY | JSON_COMPACT);
        if (used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? "|" : "",
                                     text ? text : "");
    }
}

static bool is_required(const json_t *parameters, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(parameters, "required"), i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

static void print_parameter(const json_t *parameters, const char *name, const json_t *schema)
{
    static const char *const bounds[] = {"minimum", "maximum", "minLength", "maxLength", NULL};
    char type[512];
    type_text(schema, type, sizeof type);
    printf("    %s: %s%s", name, type, is_required(parameters, name) ? " (required)" : "");
    const json_t *fallback = json_object_get(schema, "default");
    if (fallback) {
        LLMSPELL_CLEANUP_FREE char *text = json_dumps(fallback, JSON_ENCODE_ANY | JSON_COMPACT);
        printf(" = %s", text ? text : "");
    }
    for (size_t i = 0; bounds[i]; i++) {
        const json_t *bound = json_object_get(schema, bounds[i]);
        if (json_is_number(bound))
            printf(", %s %.15g", bounds[i], json_number_value(bound));
    }
    fputc('\n', stdout);
    if (llmspell_string(schema, "description"))
        print_folded(llmspell_string(schema, "description"), 8);
    const json_t *aliases = json_object_get(schema, "x-aliases");
    size_t i;
    json_t *alias;
    json_array_foreach(aliases, i, alias)
    {
        printf("%s%s%s", i ? ", " : "        also called ", json_string_value(alias),
               i + 1 == json_array_size(aliases) ? "\n" : "");
    }
}

static void print_example(const json_t *info, const json_t *example)
{
    const char *name = llmspell_string(info, "name"), *title = llmspell_string(example, "title");
    LLMSPELL_CLEANUP_FREE char *params =
        json_dumps(json_object_get(example, "params"), JSON_COMPACT);
    const json_t *exact = json_object_get(example, "result");
    const json_t *shown = exact ? exact : json_object_get(example, "result_contains");
    LLMSPELL_CLEANUP_FREE char *result =
        shown ? json_dumps(shown, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    printf("    # %s\n", title && *title ? title : "example");
    printf("    llmspell tool invoke %s --params '%s'\n", name, params ? params : "{}");
    printf("    %s %s\n", exact ? "→" : "→ contains", result ? result : "");
}

static void print_calls(const json_t *info)
{
    const char *name = llmspell_string(info, "name");
    printf("    Shell    llmspell tool invoke %s --params '{…}' --output json\n", name);
    printf("    Lua      local result = Tool.%s{…}\n", name);
    printf("    Jupyter  tool_request {\"command\":\"invoke\",\"name\":\"%s\",\"params\":{…}}\n",
           name);
}

/* What it may do here, whatever it asks for, and how that is held. */
static void print_grants(const json_t *info)
{
    const json_t *granted = json_object_get(info, "granted");
    const json_t *enforced = json_object_get(info, "enforced");
    print_list("may read", json_object_get(granted, "read"));
    print_list("may write", json_object_get(granted, "write"));
    print_list("may start", json_object_get(granted, "exec"));
    print_list("may see", json_object_get(granted, "env"));
    if (llmspell_bool(granted, "net", 0))
        printf("    %-14syes\n", "network");
    print_list("not granted", json_object_get(granted, "denied"));
    if (!enforced)
        return;
    printf("    %-14s", "enforced by");
    if (llmspell_integer(enforced, "landlock", 0) > 0)
        printf("Landlock %d, ", (int)llmspell_integer(enforced, "landlock", 0));
    printf("%s%slimits\n", llmspell_bool(enforced, "seccomp", 0) ? "seccomp, " : "",
           llmspell_bool(enforced, "no_new_privs", 0) ? "no_new_privs, " : "");
    const char *missing = llmspell_string(enforced, "missing");
    if (missing && *missing)
        print_folded(missing, 18);
}

static void print_info(const struct cli *cli, const json_t *info)
{
    const json_t *parameters = json_object_get(info, "parameters"), *limits;
    const char *key;
    json_t *value;
    size_t i;
    printf("%s%s%s %s — %s\n", cli->color ? "\033[1m" : "", llmspell_string(info, "name"),
           cli->color ? "\033[0m" : "", llmspell_string(info, "version"),
           llmspell_string(info, "title"));
    print_folded(llmspell_string(info, "description"), 4);
    printf("\n    %-14s%s\n    %-14s%s\n    %-14s%s\n", "category",
           llmspell_string(info, "category"), "level", llmspell_string(info, "level"), "isolation",
           llmspell_string(info, "effective_isolation"));
    print_list("capabilities", json_object_get(info, "capabilities"));
    print_grants(info);
    print_list("aliases", json_object_get(info, "aliases"));
    print_list("keywords", json_object_get(info, "keywords"));
    if ((limits = json_object_get(info, "limits"))) {
        LLMSPELL_CLEANUP_FREE char *text = json_dumps(limits, JSON_COMPACT);
        printf("    %-14s%s\n", "limits", text ? text : "");
    }
    printf("    %-14s%s\n", "file", llmspell_string(info, "file"));
    heading(cli, "PARAMETERS");
    json_object_foreach(json_object_get(parameters, "properties"), key, value)
    {
        print_parameter(parameters, key, value);
    }
    heading(cli, "EXAMPLES");
    json_array_foreach(json_object_get(info, "examples"), i, value)
    {
        print_example(info, value);
    }
    heading(cli, "HOW TO CALL IT");
    print_calls(info);
}

static int run(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:s}", "command", "info", "name", args->values[0]);
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    if (!content)
        return cli_usage(NULL, "the tool's name is not UTF-8 text");
    int status = cli_request(cli, "tool_request", content, -1, &reply);
    if (status == 0)
        status = cli_check_reply(cli, reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_json(cli, json_object_get(reply, "info"));
    else
        print_info(cli, json_object_get(reply, "info"));
    return EXIT_OK;
}

const struct command cmd_tool_info = {
    .name = "tool info",
    .arguments = "NAME",
    .summary = "show everything about a tool",
    .min_values = 1,
    .max_values = 1,
    .run = run,
};
