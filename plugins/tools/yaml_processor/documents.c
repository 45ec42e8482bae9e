/* SPDX-License-Identifier: Apache-2.0
 * Reads the documents that a call gives, and merges values. Called by yaml_processor.c. */
#include "processor.h"

static int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t documents_read(const struct source *source, struct yaml_documents *ret)
{
    struct yaml_input input = {source->call, source->text, source->size, source->keep_reals};
    int32_t rc = yaml_read(&input, ret);
    return rc < 0 ? yaml_fail(source->call, rc, ret, source->pointer) : 0;
}

int32_t documents_value(const struct source *source, bool all, json_t **ret_value,
                        size_t *ret_count)
{
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    int32_t rc = documents_read(source, &documents);
    if (rc < 0)
        return rc;
    size_t count = json_array_size(documents.values);
    if (!all && count > 1)
        return llmspell_fail_at(source->call, LLMSPELL_EFAILED, source->pointer,
                                "there are %zu documents; parse and query read them as a list with "
                                "all_documents",
                                count);
    json_t *value = all     ? json_incref(documents.values)
                    : count ? json_incref(json_array_get(documents.values, 0))
                            : json_null();
    *ret_value = value;
    *ret_count = count;
    return value ? 0 : no_memory(source->call);
}

json_t *documents_merge(const json_t *base, const json_t *later)
{
    if (!json_is_object(base) || !json_is_object(later))
        return json_incref((json_t *)later);
    json_t *result = json_copy((json_t *)base);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)later, key, value)
    {
        const json_t *old = json_object_get(base, key);
        json_t *merged = old ? documents_merge(old, value) : json_incref(value);
        if (!result || json_object_set_new(result, key, merged) != 0) {
            json_decref(result);
            return NULL;
        }
    }
    return result;
}
