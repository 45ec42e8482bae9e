/* SPDX-License-Identifier: Apache-2.0
 * The numbers that a call gives, and lists of numbers as results. Used by all operations. */
#include "statistics.h"

#include <math.h>

void values_clear(struct values *values)
{
    free(values->items);
    *values = (struct values){0};
}

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t values_list(struct llmspell_call *call, const json_t *params, const char *key,
                    struct values *ret)
{
    const json_t *list = json_object_get(params, key);
    ret->items = malloc((json_array_size(list) + 1) * sizeof *ret->items);
    if (!ret->items)
        return no_memory(call);
    ret->count = json_array_size(list);
    for (size_t i = 0; i < ret->count; i++)
        ret->items[i] = json_number_value(json_array_get(list, i));
    return 0;
}

static int32_t check_count(struct llmspell_call *call, const struct values *values, size_t least,
                           const char *pointer)
{
    if (values->count >= least)
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                            "%zu number%s given; this needs at least %zu", values->count,
                            values->count == 1 ? " is" : "s are", least);
}

const char *values_pointer(const json_t *params)
{
    return json_object_get(params, "path") ? "/path" : "/values";
}

int32_t values_load(struct llmspell_call *call, const json_t *params, size_t least,
                    struct values *ret)
{
    int32_t rc = json_object_get(params, "path") ? column_load(call, params, ret)
                                                 : values_list(call, params, "values", ret);
    return rc < 0 ? rc : check_count(call, ret, least, values_pointer(params));
}

int32_t values_pair(struct llmspell_call *call, const json_t *params, size_t least,
                    struct values *ret_x, struct values *ret_y)
{
    int32_t rc = values_list(call, params, "x", ret_x);
    if (rc == 0)
        rc = values_list(call, params, "y", ret_y);
    if (rc == 0 && ret_x->count != ret_y->count)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/y",
                                "y has %zu numbers, x has %zu; both must have the same length",
                                ret_y->count, ret_x->count);
    return rc < 0 ? rc : check_count(call, ret_x, least, "/x");
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

struct values values_sorted(const struct values *values)
{
    struct values sorted = {malloc((values->count + 1) * sizeof(double)), values->count};
    if (sorted.items && sorted.count) {
        memcpy(sorted.items, values->items, sorted.count * sizeof(double));
        qsort(sorted.items, sorted.count, sizeof(double), ascending);
    }
    return sorted;
}

bool values_all_equal(const struct values *values)
{
    for (size_t i = 1; i < values->count; i++)
        if (values->items[i] != values->items[0])
            return false;
    return true;
}

bool values_append(json_t *list, double value)
{
    json_t *number = isnan(value) ? json_null() : number_json(value);
    return list && number && json_array_append_new(list, number) == 0;
}

json_t *values_json(const double *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (!values_append(list, items[i])) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int32_t values_return(struct llmspell_call *call, const double *items, size_t count, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        int32_t stop = i % CANCEL_EVERY == 0 ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
        if (!values_append(list, items[i]))
            return no_memory(call);
    }
    return llmspell_return(call, ret, json_pack("{s:O}", "values", list));
}
