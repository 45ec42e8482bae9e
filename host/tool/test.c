/* SPDX-License-Identifier: Apache-2.0
 * `tool test` and `plugin test`: cases run for real through the registry. */
#include <string.h>

#include "tool/case.h"
#include "tool/invoke.h"
#include "tool/tool.h"

struct target {
    struct tool *tool;
    struct registry *registry;
    int64_t timeout_ms;    /* 0: the tool's own */
    struct cancel *cancel; /* or NULL */
};

static int invoke(void *data, const json_t *params, const char *folder, json_t **ret_reply,
                  struct error *ret_error)
{
    struct target *target = data;
    const char *name = target->tool->plugin->head.name;
    struct grant_wish wish = {
        .workdir = folder, .tmpdir = folder, .home = folder, .tool_name = name, .trusted = true};
    struct grants *grants = NULL;
    struct files *files = NULL;
    int rc = grants_new(json_object_get(target->tool->manifest, "capabilities"), &wish, &grants,
                        ret_error);
    if (rc == 0)
        rc = grants_files(grants, &files, ret_error);
    if (rc == 0) {
        struct invoke_options options = {.timeout_ms = target->timeout_ms,
                                         .cancel = target->cancel,
                                         .grants = grants,
                                         .files = files,
                                         .check_result = true};
        tool_invoke(target->registry, name, params, &options, ret_reply);
    }
    files_free(files);
    grants_unref(grants);
    if (rc < 0)
        return rc;
    return *ret_reply ? 0 : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

static int run_case(struct target *target, const json_t *test, struct error *ret_error)
{
    struct case_runner runner = {registry_tmpdir(target->registry), invoke, target};
    return case_run(&runner, test, ret_error);
}

static int find(struct target *target, const char *name, struct error *ret_error)
{
    int rc = registry_find(target->registry, name, &target->tool, ret_error);
    return rc < 0 ? rc : tool_describe(target->tool, target->registry, ret_error);
}

int tool_test_case(struct registry *registry, const char *name, const json_t *test,
                   int64_t timeout_ms, struct error *ret_error)
{
    struct target target = {.registry = registry, .timeout_ms = timeout_ms};
    int rc = find(&target, name, ret_error);
    return rc < 0 ? rc : run_case(&target, test, ret_error);
}

/* One row of the report; returns 1 if the example failed. */
static int test_example(struct target *target, const json_t *example, json_t *tests)
{
    struct error why;
    const char *title = llmspell_string(example, "title");
    int rc = run_case(target, example, &why);
    json_t *row =
        json_pack("{s:s, s:s}", "title", title ? title : "", "status", rc < 0 ? "error" : "ok");
    if (rc < 0)
        json_object_set_new(row, "message", json_string(why.message));
    json_array_append_new(tests, row);
    return rc < 0;
}

int tool_test(struct registry *registry, const char *name, struct cancel *cancel,
              const char **ret_tool, json_t **ret_tests, struct error *ret_error)
{
    struct target target = {.registry = registry, .cancel = cancel};
    int rc = find(&target, name, ret_error);
    if (rc < 0)
        return rc;
    json_t *tests = json_array(), *example;
    int failed = 0;
    size_t i;
    json_array_foreach(json_object_get(target.tool->manifest, "examples"), i, example)
    {
        failed += test_example(&target, example, tests);
        if (cancel && cancel_is_set(cancel)) {
            json_decref(tests);
            return error_set(ret_error, LLMSPELL_ECANCELLED, "cancelled after %zu examples of %s",
                             i + 1, target.tool->plugin->head.name);
        }
    }
    *ret_tool = target.tool->plugin->head.name;
    *ret_tests = tests;
    return failed;
}
