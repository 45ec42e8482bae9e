/* SPDX-License-Identifier: Apache-2.0
 * json_processor: work on one JSON document. This file is the entry and the table of operations;
 * the operations live beside it, by topic (processor.h lists them). */
#include "processor.h"

static const struct operation {
    const char *name;
    operation_function *run;
    bool deep; /* jq: wants a large stack */
} operations[] = {
    {"query", query_run, true},        {"stream", stream_run, true},
    {"validate", validate_run, false}, {"pointer", pointer_run, false},
    {"patch", patch_run, false},       {"merge_patch", merge_patch_run, false},
    {"diff", diff_run, false},         {"format", format_run, false},
    {"flatten", flatten_run, false},   {"unflatten", unflatten_run, false},
    {"stats", stats_run, false},
};

static int32_t start(struct job *job, const struct operation *operation, json_t **ret_result)
{
    return operation->deep ? run_on_large_stack(job, operation->run, ret_result)
                           : operation->run(job, ret_result);
}

static int32_t run(struct job *job, json_t **ret_result)
{
    bool lines = llmspell_is(job->params, "operation", "stream");
    bool query = llmspell_is(job->params, "operation", "query");
    int32_t rc = lines || query ? 0 : load_document(job);
    if (lines && json_object_get(job->params, "input"))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/input",
                                "stream reads JSON lines: give them as text or path");
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return start(job, &operations[i], ret_result);
    return rc < 0 ? rc : llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown");
}

static int32_t json_processor(void *self, struct llmspell_call *call, const json_t *params,
                              json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call, .params = params};
    int32_t rc = run(&job, ret_result);
    json_decref(job.document);
    free(job.file);
    return rc;
}

LLMSPELL_TOOL(.invoke = json_processor)
