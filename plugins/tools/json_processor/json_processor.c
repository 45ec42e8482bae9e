/* SPDX-License-Identifier: Apache-2.0
 * json_processor: work on one JSON document. This file is the entry and the table of operations;
 * the operations live beside it, by topic (processor.h lists them). */
#include "processor.h"

static const struct operation {
    const char *name;
    operation_function *run;
} operations[] = {
    {"query", query_run},         {"validate", validate_run}, {"pointer", pointer_run},
    {"patch", patch_run},         {"diff", diff_run},         {"merge_patch", merge_patch_run},
    {"stream", stream_run},       {"format", format_run},     {"flatten", flatten_run},
    {"unflatten", unflatten_run}, {"stats", stats_run},
};

static int32_t run(struct job *job, json_t **ret_result)
{
    bool lines = llmspell_is(job->params, "operation", "stream");
    int32_t rc = lines ? 0 : load_document(job);
    if (lines && json_object_get(job->params, "input"))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/input",
                                "stream reads JSON lines: give them as text or path");
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
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
