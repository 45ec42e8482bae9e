/* SPDX-License-Identifier: Apache-2.0
 * patch (RFC 6902), merge_patch (RFC 7386) and diff. */
#include "processor.h"

#include "../shared/json_change.h"

static int32_t document_result(const struct job *job, json_t *document, json_t **ret_result)
{
    int32_t rc = check_depth(job, document);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result, json_pack("{s:O}", "document", document));
}

int32_t patch_run(struct job *job, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *document = NULL;
    int32_t rc = json_patch_apply(job->call, job->document, json_object_get(job->params, "patch"),
                                  &document);
    return rc < 0 ? rc : document_result(job, document, ret_result);
}

/* The target (borrowed, not changed) with the patch merged into it; a new reference. NULL: out of
 * memory. Parts that stay are shared. */
static json_t *merge(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;
    if (!json_is_object(patch))
        return json_incref(patch);
    json_t *result = json_is_object(target) ? json_copy(target) : json_object();
    json_object_foreach(patch, key, value)
    {
        if (json_is_null(value)) {
            json_object_del(result, key);
            continue;
        }
        if (json_object_set_new(result, key, merge(json_object_get(result, key), value)) != 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}

int32_t merge_patch_run(struct job *job, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *document =
        merge(job->document, json_object_get(job->params, "merge"));
    return document ? document_result(job, document, ret_result) : job_no_memory(job);
}

int32_t diff_run(struct job *job, json_t **ret_result)
{
    return json_diff_values(job->call, job->document, json_object_get(job->params, "other"),
                            ret_result);
}
