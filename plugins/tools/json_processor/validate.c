/* SPDX-License-Identifier: Apache-2.0
 * validate: the host's JSON Schema validator on the document. */
#include <llmspell/schema.h>

#include "processor.h"

#define ERRORS_MAX 100

int32_t validate_run(struct job *job, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *errors = NULL;
    const struct llmspell_schema *schema = llmspell_schema_get(job->call);
    if (!schema)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = schema->check(job->call, json_object_get(job->params, "schema"), job->document,
                               ERRORS_MAX, "/schema", &errors);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:O}", "valid", rc, "errors", errors));
}
