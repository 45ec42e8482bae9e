/* SPDX-License-Identifier: Apache-2.0
 * `tool test`: runs the examples of one tool, with a row for each, or of all, with a row for each
 * tool. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/table.h"

/* What came of the examples of one tool, or of all. */
struct outcome {
    json_int_t examples, passed, failed;
    int64_t us;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Asks for the tests of one tool. 0 and the reply, which may be an error; or the exit status. */
static int ask(struct cli *cli, const char *name, json_t **ret_reply, struct outcome *ret_outcome)
{
    LLMSPELL_CLEANUP_JSON json_t *request =
        json_pack("{s:s, s:s}", "command", "test", "name", name);
    int64_t start = now_us();
    size_t i;
    json_t *test;
    if (!request)
        return cli_usage(NULL, "the tool's name is not UTF-8 text");
    int status = cli_request(cli, "tool_request", request, -1, ret_reply);
    *ret_outcome = (struct outcome){.us = now_us() - start};
    json_array_foreach(json_object_get(*ret_reply, "tests"), i, test)
    {
        ret_outcome->examples++;
        ret_outcome->passed += llmspell_is(test, "status", "ok");
    }
    ret_outcome->failed = ret_outcome->examples - ret_outcome->passed;
    return status;
}

static int exit_of(const struct outcome *outcome)
{
    return outcome->failed > 0 ? EXIT_FAILED : EXIT_OK;
}

/* ---- one tool ---- */

static void print_tests(const struct cli *cli, const char *name, const json_t *reply,
                        const struct outcome *outcome)
{
    static const char *const headings[] = {"TOOL", "EXAMPLE", "RESULT", "MESSAGE", NULL};
    struct table *table = table_new(cli, headings);
    size_t i;
    json_t *test;
    json_array_foreach(json_object_get(reply, "tests"), i, test)
    {
        const char *cells[] = {name, llmspell_string(test, "title"),
                               llmspell_is(test, "status", "ok") ? "ok" : "FAILED",
                               llmspell_string(test, "message")};
        table_add(table, cells);
    }
    if (outcome->examples > 0)
        table_print(table);
    else
        table_free(table);
    printf("%lld passed, %lld failed\n", (long long)outcome->passed, (long long)outcome->failed);
}

static int test_one(struct cli *cli, const char *name)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    struct outcome outcome;
    int status = ask(cli, name, &reply, &outcome);
    if (status != 0)
        return status;
    if (!json_object_get(reply, "tests"))
        return cli_check_reply(cli, reply);
    if (cli->json)
        cli_print_json(cli, reply);
    else
        print_tests(cli, name, reply, &outcome);
    return exit_of(&outcome);
}

/* ---- all ---- */

static void add_row(struct table *table, const char *name, const struct outcome *outcome)
{
    char numbers[4][32];
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)outcome->examples);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)outcome->passed);
    snprintf(numbers[2], sizeof numbers[2], "%lld", (long long)outcome->failed);
    snprintf(numbers[3], sizeof numbers[3], "%.1f ms", (double)outcome->us / 1e3);
    const char *cells[] = {name, numbers[0], numbers[1], numbers[2], numbers[3]};
    table_add(table, cells);
}

/* The reply about one tool with its numbers. */
static void add_report(json_t *reports, const char *name, json_t *reply,
                       const struct outcome *outcome)
{
    LLMSPELL_CLEANUP_JSON json_t *numbers = json_pack(
        "{s:s, s:I, s:I, s:I, s:f}", "tool", name, "examples", outcome->examples, "passed",
        outcome->passed, "failed", outcome->failed, "duration_ms", (double)outcome->us / 1e3);
    json_object_update(reply, numbers);
    json_array_append(reports, reply);
}

/* Which examples failed, and why; or why the tool could not be tested. */
static void print_failures(const json_t *reports)
{
    size_t i, k;
    json_t *report, *test;
    json_array_foreach(reports, i, report)
    {
        const char *tool = llmspell_string(report, "tool");
        const json_t *tests = json_object_get(report, "tests");
        if (!tests)
            fprintf(stderr, "%s: %s\n", tool,
                    llmspell_string(json_object_get(report, "error"), "message"));
        json_array_foreach(tests, k, test)
        {
            if (!llmspell_is(test, "status", "ok"))
                fprintf(stderr, "%s: %s: %s\n", tool, llmspell_string(test, "title"),
                        llmspell_string(test, "message"));
        }
    }
}

/* A tool that cannot be tested is one failure of many; a lost connection ends it all. */
static int test_next(struct cli *cli, const char *name, struct table *table, json_t *reports,
                     struct outcome *total)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    struct outcome outcome;
    int status = ask(cli, name, &reply, &outcome);
    if (status != 0)
        return status;
    if (!json_object_get(reply, "tests"))
        outcome.failed = 1;
    add_row(table, name, &outcome);
    add_report(reports, name, reply, &outcome);
    total->examples += outcome.examples;
    total->passed += outcome.passed;
    total->failed += outcome.failed;
    total->us += outcome.us;
    return 0;
}

static int test_all(struct cli *cli)
{
    static const char *const headings[] = {"TOOL",    ">EXAMPLES", ">PASSED",
                                           ">FAILED", ">TIME",     NULL};
    LLMSPELL_CLEANUP_JSON json_t *request = json_pack("{s:s}", "command", "list");
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    LLMSPELL_CLEANUP_JSON json_t *reports = json_array();
    struct outcome total = {0};
    size_t i;
    json_t *tool;
    int status = cli_request(cli, "tool_request", request, -1, &reply);
    if (status == 0)
        status = cli_check_reply(cli, reply);
    if (status != 0)
        return status;
    struct table *table = table_new(cli, headings);
    json_array_foreach(json_object_get(reply, "tools"), i, tool)
    {
        if (status == 0)
            status = test_next(cli, llmspell_string(tool, "name"), table, reports, &total);
    }
    if (!cli->json && json_array_size(reports) > 0) {
        add_row(table, "total", &total);
        table_print(table);
        print_failures(reports);
    } else {
        table_free(table);
    }
    if (cli->json && status == 0)
        cli_print_json(cli, reports);
    return status ? status : exit_of(&total);
}

static int run(struct cli *cli, const struct args *args)
{
    bool all = args_has(args, "all");
    if (all == (args->count == 1))
        return cli_usage(NULL, "tool test wants a NAME or --all");
    return all ? test_all(cli) : test_one(cli, args->values[0]);
}

static const struct cli_option OPTIONS[] = {
    {"all", 'a', NULL, "test every tool: a line for each, and what failed", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_tool_test = {
    .name = "tool test",
    .arguments = "[NAME|--all]",
    .summary = "run the examples of a tool's manifest and compare their results",
    .options = OPTIONS,
    .max_values = 1,
    .run = run,
};
