/* SPDX-License-Identifier: Apache-2.0
 * `tool test` and `plugin test`: cases run for real through the registry. */
#include <string.h>

#include "tool/case.h"
#include "tool/invoke.h"
#include "tool/tool.h"

struct target {
    struct tool *tool;
    struct registry *registry;
    int64_t timeout_ms; /* 0: the tool's own */
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

int tool_test_case(struct registry *registry, const char *name, const json_t *test,
                   int64_t timeout_ms, struct error *ret_error)
{
    struct target target = {.registry = registry, .timeout_ms = timeout_ms};
    int rc = registry_find(registry, name, &target.tool, ret_error);
    if (rc == 0)
        rc = tool_describe(target.tool, registry, ret_error);
    struct case_runner runner = {registry_tmpdir(registry), invoke, &target};
    return rc < 0 ? rc : case_run(&runner, test, ret_error);
}

int tool_test(struct registry *registry, const char *name, json_t **ret_tests,
              struct error *ret_error)
{
    struct tool *tool;
    int rc = registry_find(registry, name, &tool, ret_error);
    if (rc == 0)
        rc = tool_describe(tool, registry, ret_error);
    if (rc < 0)
        return rc;
    json_t *tests = json_array(), *example;
    int failed = 0;
    size_t i;
    json_array_foreach(json_object_get(tool->manifest, "examples"), i, example)
    {
        struct error why;
        const char *title = llmspell_string(example, "title");
        rc = tool_test_case(registry, name, example, 0, &why);
        failed += rc < 0;
        json_t *row =
            json_pack("{s:s, s:s}", "title", title ? title : "", "status", rc < 0 ? "error" : "ok");
        if (rc < 0)
            json_object_set_new(row, "message", json_string(why.message));
        json_array_append_new(tests, row);
    }
    *ret_tests = tests;
    return failed;
}
