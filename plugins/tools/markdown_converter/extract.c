/* SPDX-License-Identifier: Apache-2.0
 * extract: links, images, code, tables and headings with their lines. */
#include "markdown.h"

int32_t op_extract(const struct document *document, json_t **ret_result)
{
    static const char *const names[COLLECTED_KINDS] = {"links", "images", "code", "tables",
                                                       "headings"};
    const json_t *what = json_object_get(document->params, "what");
    unsigned kinds = 0;
    for (size_t i = 0; i < json_array_size(what); i++)
        for (size_t k = 0; k < COLLECTED_KINDS; k++)
            if (strcmp(json_string_value(json_array_get(what, i)), names[k]) == 0)
                kinds |= 1u << k;
    CLEANUP_COLLECTION struct collection found = {0};
    int32_t rc = document_collect(document, kinds, &found);
    if (rc < 0)
        return rc;
    json_t *result = json_object();
    for (size_t k = 0; k < COLLECTED_KINDS; k++)
        if (kinds & 1u << k && json_object_set(result, names[k], found.lists[k]) != 0)
            rc = LLMSPELL_ENOMEM;
    if (rc == 0)
        return llmspell_return(document->call, ret_result, result);
    json_decref(result);
    return no_memory(document->call);
}
