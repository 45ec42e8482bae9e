/* SPDX-License-Identifier: Apache-2.0
 * sample: some of the rows behind offset, in their order. */
#include <sys/random.h>

#include "analyzer.h"

#define LIMIT 10

/* splitmix64: good enough to choose rows, and the same everywhere for one seed. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* Below bound, each number as likely. */
static uint64_t random_below(uint64_t *state, uint64_t bound)
{
    uint64_t least = -bound % bound, value;
    do
        value = next_random(state);
    while (value < least);
    return value % bound;
}

static int32_t start_seed(struct llmspell_call *call, const json_t *params, uint64_t *ret)
{
    const json_t *seed = json_object_get(params, "seed");
    *ret = (uint64_t)json_integer_value(seed);
    if (seed || getrandom(ret, sizeof *ret, 0) == sizeof *ret)
        return 0;
    return llmspell_fail(call, LLMSPELL_EIO, "the system gives no random numbers");
}

/* Marks the chosen rows: one pass, each set of that size as likely (Knuth's algorithm S). */
static int32_t choose(struct llmspell_call *call, const json_t *params, size_t rows, size_t limit,
                      bool *chosen)
{
    if (llmspell_is(params, "method", "first") || limit >= rows) {
        for (size_t i = 0; i < rows && i < limit; i++)
            chosen[i] = true;
        return 0;
    }
    if (llmspell_is(params, "method", "every_nth")) {
        size_t step = (rows + limit - 1) / limit;
        for (size_t i = 0; i < rows; i += step)
            chosen[i] = true;
        return 0;
    }
    uint64_t state = 0;
    int32_t rc = start_seed(call, params, &state);
    for (size_t i = 0, left = limit; rc == 0 && left > 0; i++) {
        if (random_below(&state, rows - i) < left) {
            chosen[i] = true;
            left--;
        }
    }
    return rc;
}

/* Only the chosen rows stay. */
static void keep_chosen(struct table *table, const bool *chosen)
{
    size_t kept = 0;
    for (size_t row = 0; row < table->rows; row++) {
        if (!chosen[row])
            continue;
        for (size_t i = 0; i < table->count; i++)
            table->columns[i].cells[kept] = table->columns[i].cells[row];
        kept++;
    }
    table->rows = kept;
}

int32_t sample(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_TABLE struct table table = {0};
    bool first = llmspell_is(params, "method", "first");
    size_t limit = (size_t)llmspell_integer(params, "limit", LIMIT);
    struct load load = {.skip = (size_t)llmspell_integer(params, "offset", 0),
                        .keep = first ? limit : SIZE_MAX};
    int32_t rc = table_load(call, params, &load, &table);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE bool *chosen = calloc(table.rows + 1, sizeof *chosen);
    if (!chosen)
        return no_memory(call);
    rc = choose(call, params, table.rows, limit, chosen);
    if (rc < 0)
        return rc;
    keep_chosen(&table, chosen);
    return output_table(params, &table, limit, load.skip, load.total, load.cut, ret);
}
