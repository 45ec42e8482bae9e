/* SPDX-License-Identifier: Apache-2.0
 * Cases of a tool in a sandboxed runner process: what it may not do there, and what it would break
 * elsewhere, shows here as the error that a caller gets. */
#include <stdlib.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "tool/invoke.h"
#include "tool/registry.h"
#include "tool/trial.h"

static json_t *row_of(const json_t *test, int rc, const struct error *error, int64_t started_ns)
{
    const char *title = llmspell_string(test, "title");
    double ms = (double)((clock_monotonic_ns() - started_ns) / 1000) / 1000.0;
    return json_pack("{s:s, s:s, s:s*, s:f}", "title", title ? title : "", "status",
                     rc < 0 ? "error" : "ok", "message", rc < 0 ? error->message : NULL,
                     "duration_ms", ms);
}

int trial_run_process(const struct trial *trial, json_t **ret_rows, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *workdir = getcwd(NULL, 0);
    struct registry_options options = {.catalog = trial->catalog,
                                       .config = trial->config,
                                       .workdir = workdir ? workdir : "/",
                                       .isolation = "process"};
    struct registry *registry;
    int failed = 0, rc = registry_new(&options, &registry, ret_error);
    size_t i;
    json_t *test, *rows = rc < 0 ? NULL : json_array();
    if (rc < 0)
        return rc;
    json_array_foreach(trial->tests, i, test)
    {
        struct error error = {0};
        int64_t started_ns = clock_monotonic_ns();
        rc = tool_test_case(registry, trial->plugin->head.name, test, trial->timeout_ms, &error);
        failed += rc < 0;
        json_array_append_new(rows, row_of(test, rc, &error, started_ns));
    }
    registry_unref(registry);
    *ret_rows = rows;
    return failed;
}
