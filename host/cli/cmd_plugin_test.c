/* SPDX-License-Identifier: Apache-2.0
 * `plugin test FILE`: the examples of a manifest and the cases of its author, run by the real host
 * in each way in which it calls tools. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/plugin_file.h"
#include "cli/plugin_serve_test.h"
#include "cli/table.h"
#include "tool/trial.h"

/* The ways in which a host calls a tool; run is NULL where this host has none. */
struct mode {
    const char *name;
    int (*run)(const struct trial *trial, json_t **ret_rows, struct error *ret_error);
};

static const struct mode MODES[] = {
    {"inline", trial_run_inline},
    {"process", trial_run_process},
};

struct test {
    struct cli *cli;
    struct plugin *plugin;
    struct catalog *catalog;
    const struct config *config;
    json_t *tests; /* of a tool: examples and cases */
    json_t *modes; /* [{mode, status, tests}] */
    char *cases;   /* path; NULL: none */
    int timeout_ms;
    int passed, failed;
};

/* ---- which cases there are ---- */

static int add_cases(struct test *test, const char *path, struct error *ret_error)
{
    json_error_t where;
    LLMSPELL_CLEANUP_JSON json_t *cases =
        json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (!cases)
        return error_set(ret_error, LLMSPELL_EPARSE, "%s, line %d, column %d: %s", path, where.line,
                         where.column, where.text);
    if (!json_is_array(cases))
        return error_set(ret_error, LLMSPELL_EPARSE, "%s: cases are an array of objects", path);
    json_array_extend(test->tests, cases);
    return 0;
}

static int collect(struct test *test, const char *given, struct error *ret_error)
{
    const json_t *manifest;
    int rc = plugin_manifest(test->plugin, &manifest, ret_error);
    if (rc < 0)
        return rc;
    test->tests = json_array();
    json_array_extend(test->tests, json_object_get(manifest, "examples"));
    test->cases = given ? strdup(given) : plugin_file_beside(test->plugin, "cases.json");
    if (test->cases)
        rc = add_cases(test, test->cases, ret_error);
    if (rc == 0 && json_array_size(test->tests) == 0)
        rc = error_set(ret_error, LLMSPELL_EFAILED,
                       "%s has no examples in its manifest and no cases.json beside its source: "
                       "there is nothing to test; see docs/testing.md",
                       test->plugin->path);
    return rc;
}

/* ---- running ---- */

static void add_mode(struct test *test, const char *name, json_t *rows)
{
    size_t i;
    json_t *row;
    int failed = 0;
    json_array_foreach(rows, i, row)
    {
        failed += !llmspell_is(row, "status", "ok");
    }
    test->failed += failed;
    test->passed += (int)json_array_size(rows) - failed;
    json_array_append_new(test->modes, json_pack("{s:s, s:s, s:o}", "mode", name, "status",
                                                 failed ? "error" : "ok", "tests", rows));
}

static int run_tool(struct test *test, struct error *ret_error)
{
    struct trial trial = {.catalog = test->catalog,
                          .plugin = test->plugin,
                          .config = test->config,
                          .tests = test->tests,
                          .timeout_ms = test->timeout_ms};
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++) {
        json_t *rows = NULL;
        int rc = MODES[i].run(&trial, &rows, ret_error);
        if (rc < 0)
            return rc;
        add_mode(test, MODES[i].name, rows);
    }
    return 0;
}

static int run_protocol(struct test *test, struct error *ret_error)
{
    json_t *rows = NULL;
    int rc = plugin_serve_test(test->cli, test->plugin, test->timeout_ms, &rows, ret_error);
    if (rc < 0)
        return rc;
    add_mode(test, "kernel", rows);
    return 0;
}

static int run_kind(struct test *test, const char *cases, struct error *ret_error)
{
    if (test->plugin->state != PLUGIN_READY)
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s", test->plugin->reason);
    if (test->plugin->head.kind == PLUGIN_PROTOCOL && !cases)
        return run_protocol(test, ret_error);
    if (test->plugin->head.kind != PLUGIN_TOOL)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%s is a %s: tools have cases, protocols are tested without; a runtime is "
                         "tested by running scripts with --set kernel.runtime=%s",
                         test->plugin->path, plugin_kind_name(test->plugin->head.kind),
                         test->plugin->head.name);
    int rc = collect(test, cases, ret_error);
    return rc < 0 ? rc : run_tool(test, ret_error);
}

/* ---- showing ---- */

static void print_rows(struct table *table, const json_t *mode)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(mode, "tests"), i, row)
    {
        bool ok = llmspell_is(row, "status", "ok");
        const char *cells[] = {llmspell_string(mode, "mode"), llmspell_string(row, "title"),
                               ok ? "ok" : "FAILED", llmspell_string(row, "message")};
        table_add(table, cells);
    }
    if (llmspell_is(mode, "status", "skipped")) {
        const char *cells[] = {llmspell_string(mode, "mode"), "", "skipped",
                               llmspell_string(mode, "message")};
        table_add(table, cells);
    }
}

static void show(const struct test *test)
{
    static const char *const headings[] = {"MODE", "TEST", "RESULT", "MESSAGE", NULL};
    size_t i;
    json_t *mode;
    if (test->cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = json_pack(
            "{s:s, s:s, s:s, s:s*, s:O, s:i, s:i}", "status", test->failed ? "error" : "ok", "name",
            test->plugin->head.name, "file", test->plugin->path, "cases", test->cases, "modes",
            test->modes, "passed", test->passed, "failed", test->failed);
        cli_print_json(test->cli, document);
        return;
    }
    struct table *table = table_new(test->cli, headings);
    json_array_foreach(test->modes, i, mode)
    {
        print_rows(table, mode);
    }
    table_print(table);
    printf("%d passed, %d failed\n", test->passed, test->failed);
}

static int run(struct cli *cli, const struct args *args)
{
    struct error error;
    struct test test = {.cli = cli, .modes = json_array()};
    long long seconds;
    int status = cli_config(cli, &test.config);
    if (status == 0 && args_number(args, "timeout", 1, 86400, 60, &seconds) != 0)
        status = EXIT_USAGE;
    if (status == 0) {
        test.timeout_ms = (int)seconds * 1000;
        int rc =
            plugin_file_open(test.config, args->values[0], &test.catalog, &test.plugin, &error);
        if (rc == 0)
            rc = run_kind(&test, args_value(args, "cases"), &error);
        if (rc == 0)
            show(&test);
        status = rc < 0 ? cli_fail(cli, &error) : test.failed ? EXIT_FAILED : EXIT_OK;
    }
    catalog_unref(test.catalog);
    json_decref(test.tests);
    json_decref(test.modes);
    free(test.cases);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"cases", 0, "FILE", "cases of a tool (cases.json beside its manifest)", false},
    {"timeout", 't', "SECONDS", "how long one test may take (60)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_plugin_test = {
    .name = "plugin test",
    .arguments = "FILE",
    .summary = "run the examples and cases of a tool, or serve a kernel with a protocol",
    .help = "Calls a tool as a host does, and compares the process before and after each call:\n"
            "working directory, umask, locale, signals, environment, descriptors, threads,\n"
            "timers, children, stdout. A crash is one failed test. Runs the plugin's code.",
    .options = OPTIONS,
    .min_values = 1,
    .max_values = 1,
    .run = run,
};
