/* SPDX-License-Identifier: Apache-2.0
 * Compiles a schema, checks one value with it, and forgets it. */
#include "tool/checker.h"

#include "plugin/call.h"
#include "schema/schema.h"

static int stop(void *data)
{
    const struct llmspell_call *call = data;
    return call->host->cancelled(call);
}

static int collect(struct llmspell_call *base, const struct schema *schema, const json_t *value,
                   uint32_t max_errors, json_t **ret_errors)
{
    const struct schema_collect options = {.max = max_errors, .stop = stop, .stop_data = base};
    json_t *errors = NULL;
    int rc = schema_collect(schema, value, &options, &errors, &call_of(base)->error);
    if (rc >= 0 && ret_errors)
        *ret_errors = errors;
    else
        json_decref(errors);
    return rc;
}

static int32_t check(struct llmspell_call *base, const json_t *document, const json_t *value,
                     uint32_t max_errors, const char *pointer, json_t **ret_errors)
{
    struct error *error = &call_of(base)->error;
    struct error why = {0};
    struct schema *schema = NULL;
    if (!document)
        return error_set_at(error, LLMSPELL_EINVAL, pointer, "there is no schema to check with");
    int rc = schema_compile(document, SCHEMA_CHECK_FORMATS, &schema, &why);
    if (rc < 0)
        return error_set_at(error, rc, pointer, "%s", why.message);
    rc = collect(base, schema, value, max_errors, ret_errors);
    schema_free(schema);
    return rc;
}

const struct llmspell_schema checker_table = {.size = sizeof checker_table, .check = check};
