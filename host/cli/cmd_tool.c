/* SPDX-License-Identifier: Apache-2.0
 * `tool list`, `tool search`, `tool test`: over all tools. */
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

static void print_tools(const struct cli *cli, const json_t *tools)
{
    static const char *const headings[] = {"CATEGORY", "NAME", "LEVEL", "DESCRIPTION", NULL};
    LLMSPELL_CLEANUP_JSON json_t *categories = categories_of(tools);
    struct table *table = table_new(cli, headings);
    size_t i, k;
    json_t *category, *tool;
    json_array_foreach(categories, k, category)
    {
        json_array_foreach(tools, i, tool)
        {
            if (!llmspell_is(tool, "category", json_string_value(category)))
                continue;
            const char *cells[] = {json_string_value(category), llmspell_string(tool, "name"),
                                   llmspell_string(tool, "level"),
                                   llmspell_string(tool, "description")};
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

/* ---- test ---- */

struct totals {
    bool all; /* --all: a tool that cannot be tested is one failure of many */
    int passed, failed;
    json_t *replies;
};

static void show_tests(const struct cli *cli, const char *name, const json_t *reply,
                       struct table *table, struct totals *totals)
{
    size_t i;
    json_t *test;
    json_array_foreach(json_object_get(reply, "tests"), i, test)
    {
        bool ok = llmspell_is(test, "status", "ok");
        const char *cells[] = {name, llmspell_string(test, "title"), ok ? "ok" : "FAILED",
                               llmspell_string(test, "message")};
        table_add(table, cells);
        totals->passed += ok;
        totals->failed += !ok;
    }
    if (cli->json)
        json_array_append(totals->replies, (json_t *)reply);
}

static void show_untested(const struct cli *cli, const char *name, json_t *reply,
                          struct table *table, struct totals *totals)
{
    const char *cells[] = {name, "", "FAILED",
                           llmspell_string(json_object_get(reply, "error"), "message")};
    table_add(table, cells);
    totals->failed++;
    json_object_set_new(reply, "tool", json_string(name));
    if (cli->json)
        json_array_append(totals->replies, reply);
}

static int test_one(struct cli *cli, const char *name, struct table *table, struct totals *totals)
{
    LLMSPELL_CLEANUP_JSON json_t *request =
        json_pack("{s:s, s:s}", "command", "test", "name", name);
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = cli_request(cli, "tool_request", request, -1, &reply);
    if (status != 0)
        return status;
    if (json_object_get(reply, "tests"))
        show_tests(cli, name, reply, table, totals);
    else if (totals->all)
        show_untested(cli, name, reply, table, totals);
    else
        return cli_check_reply(cli, reply);
    return 0;
}

static int test_all(struct cli *cli, struct table *table, struct totals *totals)
{
    LLMSPELL_CLEANUP_JSON json_t *request = json_pack("{s:s}", "command", "list");
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = cli_request(cli, "tool_request", request, -1, &reply), worst = 0;
    size_t i;
    json_t *tool;
    json_array_foreach(json_object_get(reply, "tools"), i, tool)
    {
        int one = test_one(cli, llmspell_string(tool, "name"), table, totals);
        worst = one ? one : worst;
    }
    return status ? status : worst;
}

static int run_test(struct cli *cli, const struct args *args)
{
    static const char *const headings[] = {"TOOL", "EXAMPLE", "RESULT", "MESSAGE", NULL};
    bool all = args_has(args, "all");
    if (all == (args->count == 1))
        return cli_usage(NULL, "tool test wants a NAME or --all");
    struct totals totals = {.all = all, .replies = json_array()};
    struct table *table = table_new(cli, headings);
    int status =
        all ? test_all(cli, table, &totals) : test_one(cli, args->values[0], table, &totals);
    if (cli->json && status == 0)
        cli_print_json(cli, all ? totals.replies : json_array_get(totals.replies, 0));
    if (totals.passed + totals.failed > 0 && !cli->json)
        table_print(table);
    else
        table_free(table);
    if (!cli->json && (status == 0 || totals.passed + totals.failed > 0))
        printf("%d passed, %d failed\n", totals.passed, totals.failed);
    json_decref(totals.replies);
    return status ? status : totals.failed ? EXIT_FAILED : EXIT_OK;
}

static const struct cli_option TEST_OPTIONS[] = {
    {"all", 'a', NULL, "test every tool", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_tool_test = {
    .name = "tool test",
    .arguments = "[NAME|--all]",
    .summary = "run the examples of a tool's manifest and compare their results",
    .options = TEST_OPTIONS,
    .max_values = 1,
    .run = run_test,
};
