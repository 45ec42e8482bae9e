/* SPDX-License-Identifier: Apache-2.0
 * Operations on the elements of an array: prefixItems, items, contains, uniqueItems,
 * unevaluatedItems. Called through struct schema_op by validate.c. */
#include <stdlib.h>

#include "schema/eval.h"

#define FEW_ITEMS 8

static int eval_element(struct schema_eval *eval, const struct schema_node *node,
                        const struct schema_site *site, size_t index)
{
    struct schema_location location = {
        .parent = site->location, .key = NULL, .at = index, .place = index};
    return schema_eval_node(eval, node, json_array_get(site->value, index), &location, NULL);
}

static int mark_elements(const struct schema_site *site, const struct schema_elements *elements)
{
    if (!site->marks)
        return 0;
    if (elements->rest) {
        site->marks->all = true;
        return 0;
    }
    for (size_t i = 0; i < elements->prefix.count && i < site->marks->count; i++)
        if (schema_marks_set(site->marks, i) < 0)
            return LLMSPELL_ENOMEM;
    return 0;
}

int schema_run_elements(struct schema_eval *eval, const struct schema_op *op,
                        const struct schema_site *site)
{
    const struct schema_elements *elements = op->u.elements;
    size_t size = json_array_size(site->value), prefix = elements->prefix.count;
    size_t stop = elements->rest || prefix > size ? size : prefix;
    int valid = 1;
    if (mark_elements(site, elements) < 0)
        return LLMSPELL_ENOMEM;
    for (size_t i = 0; i < stop; i++) {
        const struct schema_node *node = i < prefix ? elements->prefix.nodes[i] : elements->rest;
        int result = eval_element(eval, node, site, i);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

static int report_contains(struct schema_eval *eval, const struct schema_op *op,
                           const struct schema_site *site, size_t found)
{
    const struct schema_contains *contains = &op->u.contains;
    bool few = found < contains->least;
    const char *keyword = !few ? "maxContains" : contains->has_least ? "minContains" : "contains";
    if (eval->quiet)
        return 0;
    return schema_report_at(eval, site->node, site->location, keyword,
                            "must have at %s %zu item%s that match%s the schema of contains",
                            few ? "least" : "most", few ? contains->least : contains->most,
                            (few ? contains->least : contains->most) == 1 ? "" : "s",
                            (few ? contains->least : contains->most) == 1 ? "es" : "");
}

int schema_run_contains(struct schema_eval *eval, const struct schema_op *op,
                        const struct schema_site *site)
{
    const struct schema_contains *contains = &op->u.contains;
    size_t size = json_array_size(site->value), found = 0;
    for (size_t i = 0; i < size; i++) {
        if (!site->marks && found >= contains->least && contains->most == SIZE_MAX)
            return 1;
        int result =
            schema_eval_quietly(eval, contains->node, json_array_get(site->value, i), NULL);
        if (result < 0)
            return result;
        found += (size_t)result;
        if (result == 1 && site->marks && schema_marks_set(site->marks, i) < 0)
            return LLMSPELL_ENOMEM;
        if (found > contains->most)
            break;
    }
    bool right = found >= contains->least && found <= contains->most;
    return right ? 1 : report_contains(eval, op, site, found);
}

/* Finds the first element that equals one before it: 1 if there is none, 0 with both, or a
 * negative code. */
static int find_pair_few(const json_t *array, size_t *ret_first, size_t *ret_second)
{
    for (size_t second = 1; second < json_array_size(array); second++) {
        for (size_t first = 0; first < second; first++) {
            int equal =
                schema_value_equal(json_array_get(array, first), json_array_get(array, second));
            if (equal == 0)
                continue;
            *ret_first = first;
            *ret_second = second;
            return equal == 1 ? 0 : equal;
        }
    }
    return 1;
}

struct unique_slot {
    uint64_t hash;
    size_t index; /* + 1 */
};

/* Looks for an equal element in the table and puts the element in if there is none. */
static int insert_unique(struct unique_slot *slots, size_t mask, const json_t *array, size_t index,
                         uint64_t hash, size_t *ret_first)
{
    size_t at = hash & mask;
    for (; slots[at].index; at = (at + 1) & mask) {
        if (slots[at].hash != hash)
            continue;
        int equal = schema_value_equal(json_array_get(array, slots[at].index - 1),
                                       json_array_get(array, index));
        if (equal != 0) {
            *ret_first = slots[at].index - 1;
            return equal == 1 ? 0 : equal;
        }
    }
    slots[at] = (struct unique_slot){hash, index + 1};
    return 1;
}

static int find_pair_many(const json_t *array, uint64_t seed, size_t *ret_first, size_t *ret_second)
{
    size_t size = json_array_size(array), capacity = 32;
    while (capacity < size * 2)
        capacity *= 2;
    struct unique_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return LLMSPELL_ENOMEM;
    int result = 1;
    for (size_t i = 0; i < size && result == 1; i++) {
        uint64_t hash = schema_value_hash(json_array_get(array, i), seed);
        result = insert_unique(slots, capacity - 1, array, i, hash, ret_first);
        *ret_second = i;
    }
    free(slots);
    return result;
}

int schema_run_unique_items(struct schema_eval *eval, const struct schema_op *op,
                            const struct schema_site *site)
{
    size_t first = 0, second = 0;
    int result = json_array_size(site->value) <= FEW_ITEMS
                     ? find_pair_few(site->value, &first, &second)
                     : find_pair_many(site->value, eval->schema->seed, &first, &second);
    if (result != 0)
        return result;
    return schema_report(eval, op, site, "must not have equal items, %zu and %zu are", first,
                         second);
}

int schema_run_unevaluated_items(struct schema_eval *eval, const struct schema_op *op,
                                 const struct schema_site *site)
{
    int valid = 1;
    for (size_t i = 0; i < json_array_size(site->value); i++) {
        if (schema_marks_has(site->marks, i))
            continue;
        int result = eval_element(eval, op->u.node, site, i);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}
