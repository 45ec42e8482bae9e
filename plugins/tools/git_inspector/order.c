/* SPDX-License-Identifier: Apache-2.0
 * Lists in the order of code points, whatever the repository's configuration says about case. */
#include "git_inspector.h"

struct entry {
    const char *text;
    json_t *value;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

json_t *sorted(json_t *array, const char *key)
{
    size_t count = json_array_size(array);
    json_t *result = array ? json_array() : NULL;
    LLMSPELL_CLEANUP_FREE struct entry *entries = calloc(count + 1, sizeof *entries);
    for (size_t i = 0; entries && i < count; i++) {
        json_t *value = json_array_get(array, i);
        const char *text = json_string_value(key ? json_object_get(value, key) : value);
        entries[i] = (struct entry){text ? text : "", value};
    }
    if (entries)
        qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 0; entries && result && i < count; i++)
        json_array_append(result, entries[i].value);
    json_decref(array);
    if (entries)
        return result;
    json_decref(result);
    return NULL;
}
