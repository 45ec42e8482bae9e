/* SPDX-License-Identifier: Apache-2.0
 * query: what a jq program puts out for the document. */
#include "processor.h"

int32_t query_run(struct job *job, json_t **ret_result)
{
    struct engine *engine = NULL;
    LLMSPELL_CLEANUP_FREE char *message = NULL;
    LLMSPELL_CLEANUP_JSON json_t *results = json_array();
    size_t limit = (size_t)llmspell_integer(job->params, "limit", 10000);
    enum outcome outcome = RUN_OK;
    const json_t *input = json_object_get(job->params, "input");
    int32_t rc = results ? 0 : job_no_memory(job);
    if (rc == 0 && !input)
        rc = load_text(job);
    if (rc == 0)
        rc = engine_new(job, &engine);
    if (rc == 0)
        rc = engine_run(engine, input, results, limit, &outcome, &message);
    engine_free(engine);
    if (rc < 0)
        return rc;
    if (outcome == RUN_FAILED)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/query", "%s", message);
    bool truncated = json_array_size(results) > limit;
    if (truncated)
        json_array_remove(results, limit);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:O,s:I,s:b}", "results", results, "count",
                                     (json_int_t)json_array_size(results), "truncated", truncated));
}
