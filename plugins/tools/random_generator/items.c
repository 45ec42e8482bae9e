/* SPDX-License-Identifier: Apache-2.0
 * The operations on items: choice, sample and shuffle. */
#include <math.h>

#include "random.h"

/* Running sums of the weights; *ret_sums is for free(). */
static int32_t add_weights(struct task *task, const json_t *weights, size_t items,
                           double **ret_sums)
{
    size_t count = json_array_size(weights);
    if (count != items)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/weights",
                                "there are %zu weights for %zu items; give one for each", count,
                                items);
    double *sums = malloc(count * sizeof *sums), sum = 0;
    if (!sums)
        return no_memory(task->call);
    for (size_t i = 0; i < count; i++)
        sums[i] = sum += json_number_value(json_array_get(weights, i));
    *ret_sums = sums;
    if (sum > 0 && isfinite(sum))
        return 0;
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/weights",
                            sum > 0
                                ? "the weights sum up to more than the largest number (1.8e308); "
                                  "give smaller ones"
                                : "all weights are 0; give at least one above 0");
}

/* The first item whose running sum is above a random part of the whole. The smallest of all sums
 * round up to the whole: the part stays below it, lest an item of weight 0 behind it is drawn. */
static size_t weighted(struct source *source, const double *sums, size_t count)
{
    double whole = sums[count - 1];
    double target = fmin(source_fraction(source) * whole, nextafter(whole, 0));
    size_t low = 0, high = count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sums[middle] > target)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int32_t random_choice(struct task *task)
{
    const json_t *items = json_object_get(task->params, "items");
    const json_t *weights = json_object_get(task->params, "weights");
    LLMSPELL_CLEANUP_FREE double *sums = NULL;
    size_t count = json_array_size(items);
    int32_t rc = weights ? add_weights(task, weights, count, &sums) : 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++) {
        size_t at = weights ? weighted(&task->source, sums, count)
                            : (size_t)source_below(&task->source, count);
        rc = task_add(task, json_incref(json_array_get(items, at)));
    }
    return rc;
}

/* Fisher-Yates from the last index down; the first `size` of them are the result. */
static int32_t permute(struct task *task, size_t size)
{
    const json_t *items = json_object_get(task->params, "items");
    size_t count = json_array_size(items);
    LLMSPELL_CLEANUP_FREE size_t *order = malloc(count * sizeof *order);
    if (!order)
        return no_memory(task->call);
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count - 1; i > 0; i--) {
        size_t j = (size_t)source_below(&task->source, i + 1), moved = order[i];
        order[i] = order[j];
        order[j] = moved;
    }
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < size; i++)
        rc = task_add(task, json_incref(json_array_get(items, order[i])));
    return rc;
}

int32_t random_shuffle(struct task *task)
{
    return permute(task, json_array_size(json_object_get(task->params, "items")));
}

int32_t random_sample(struct task *task)
{
    size_t count = json_array_size(json_object_get(task->params, "items"));
    size_t size = (size_t)llmspell_integer(task->params, "size", 0);
    if (size > count)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/size",
                                "a sample of %zu cannot be drawn from %zu items; ask for as many "
                                "at most",
                                size, count);
    return permute(task, size);
}
