/* SPDX-License-Identifier: Apache-2.0
 * `tool list`, `tool search`: which tools there are. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/table.h"

/* ---- list and search ---- */

/* The names of the categories, each once, in order of the list sorted by code point. */
static json_t *categories_of(const json_t *tools)
{
    json_t *names = json_array(), *tool;
    size_t i;
    json_array_foreach(tools, i, tool)
    {
        const char *category = llmspell_string(tool, "category");
        size_t at = 0;
        while (at < json_array_size(names) &&
               strcmp(json_string_value(json_array_get(names, at)), category ? category : "") < 0)
            at++;
        const char *there = json_string_value(json_array_get(names, at));
        if (category && (!there || strcmp(there, category) != 0))
            json_array_insert_new(names, at, json_string(category));
    }
    return names;
}

/* What the description begins with: the rest is for `tool info`. malloc'ed, or NULL. */
static char *first_sentence(const char *text)
{
    const char *end = text ? strstr(text, ". ") : NULL;
    while (end && !isupper((unsigned char)end[2]))
        end = strstr(end + 1, ". ");
    return !text ? NULL : end ? strndup(text, (size_t)(end + 1 - text)) : strdup(text);
}

/* By category, each with a heading; with --quiet only the rows. */
static void print_tools(const struct cli *cli, const json_t *tools)
{
    static const char *const headings[] = {"NAME", "LEVEL", "DESCRIPTION", NULL};
    LLMSPELL_CLEANUP_JSON json_t *categories = categories_of(tools);
    struct table *table = table_new(cli, headings);
    size_t i, k;
    json_t *category, *tool;
    json_array_foreach(categories, k, category)
    {
        if (!cli->quiet)
            table_add_heading(table, json_string_value(category));
        json_array_foreach(tools, i, tool)
        {
            if (!llmspell_is(tool, "category", json_string_value(category)))
                continue;
            char name[128];
            snprintf(name, sizeof name, "%s%s", cli->quiet ? "" : "  ",
                     llmspell_string(tool, "name"));
            LLMSPELL_CLEANUP_FREE char *about = NULL;
            about = first_sentence(llmspell_string(tool, "description"));
            const char *cells[] = {name, llmspell_string(tool, "level"), about};
            table_add(table, cells);
        }
    }
    table_print(table);
}

/* Takes over content. */
static int show_list(struct cli *cli, json_t *content)
{
    LLMSPELL_CLEANUP_JSON json_t *request = content, *reply = NULL;
    if (!content)
        return cli_usage(NULL, "what to look for is not UTF-8 text");
    int status = cli_request(cli, "tool_request", request, -1, &reply);
    if (status == 0)
        status = cli_check_reply(cli, reply);
    if (status != 0)
        return status;
    const json_t *tools = json_object_get(reply, "tools");
    if (cli->json) {
        cli_print_json(cli, tools);
        return EXIT_OK;
    }
    if (json_array_size(tools) > 0)
        print_tools(cli, tools);
    else if (!cli->quiet)
        fputs("no tool was found\n", stderr);
    return EXIT_OK;
}

static int run_list(struct cli *cli, const struct args *args)
{
    const char *category = args_value(args, "category");
    return show_list(cli, json_pack("{s:s, s:s*}", "command", "list", "category", category));
}

static const struct cli_option LIST_OPTIONS[] = {
    {"category", 0, "NAME", "only this category", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_tool_list = {
    .name = "tool list",
    .arguments = "",
    .summary = "list the tools",
    .options = LIST_OPTIONS,
    .run = run_list,
};

static int run_search(struct cli *cli, const struct args *args)
{
    json_t *words = json_array();
    for (int i = 0; words && i < args->count; i++)
        if (json_array_append_new(words, json_string(args->values[i])) != 0) {
            json_decref(words);
            words = NULL;
        }
    return show_list(cli, json_pack("{s:s, s:s*, s:o}", "command", "search", "category",
                                    args_value(args, "category"), "query", words));
}

const struct command cmd_tool_search = {
    .name = "tool search",
    .arguments = "WORDS…",
    .summary = "find tools by words in their names, descriptions and keywords",
    .options = LIST_OPTIONS,
    .min_values = 1,
    .max_values = -1,
    .run = run_search,
};
