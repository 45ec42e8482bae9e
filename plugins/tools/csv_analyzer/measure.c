/* SPDX-License-Identifier: Apache-2.0
 * One value of many cells (sum, mean, …), and rows by groups. Called by aggregate.c and
 * step_shape.c. */
#include <math.h>

#include "analyzer.h"

#define CANCEL_EVERY 65536u /* cells */

/* ---- measures of numbers ---- */

struct numbers {
    double *items;
    size_t count;
    bool whole; /* all are integers, and their sum fits */
    json_int_t sum;
};

static int32_t take_number(struct numbers *n, const struct cell *cell)
{
    json_int_t integer = 0;
    n->whole = n->whole && cell->kind == KIND_INTEGER &&
               number_read_integer(cell->text, cell->size, &integer) &&
               !__builtin_add_overflow(n->sum, integer, &n->sum);
    n->items[n->count++] = cell_number(cell);
    return 0;
}

static int32_t collect(struct table *out, const struct column *column, const char *fn,
                       const size_t *rows, size_t count, const char *pointer, struct numbers *ret)
{
    ret->items = malloc((count + 1) * sizeof *ret->items);
    ret->whole = true;
    if (!ret->items)
        return no_memory(out->call);
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &column->cells[rows[i]];
        int32_t stop = i % CANCEL_EVERY ? 0 : llmspell_cancelled(out->call);
        if (stop < 0)
            return stop;
        if (cell->kind == KIND_NULL)
            continue;
        if (!cell_is_number(cell))
            return llmspell_fail_at(out->call, LLMSPELL_EFAILED, pointer,
                                    "%s of \"%s\": \"%.*s\" is no number; where can leave such "
                                    "rows out",
                                    fn, column->name, cell->size > 40 ? 40 : (int)cell->size,
                                    cell->text);
        take_number(ret, cell);
    }
    return 0;
}

static long double sum_of(const struct numbers *n)
{
    long double total = 0, lost = 0;
    for (size_t i = 0; i < n->count; i++) { /* Neumaier */
        long double item = n->items[i], next = total + item;
        lost += fabsl(total) >= fabsl(item) ? (total - next) + item : (item - next) + total;
        total = next;
    }
    return isfinite(total) ? total + lost : total;
}

static double median_of(struct numbers *n)
{
    return median_select(n->items, n->count);
}

static double deviation_of(const struct numbers *n)
{
    long double mean = sum_of(n) / (long double)n->count, squares = 0;
    for (size_t i = 0; i < n->count; i++)
        squares += (n->items[i] - mean) * (n->items[i] - mean);
    return (double)sqrtl(squares / (long double)(n->count - 1));
}

static int32_t integer_cell(struct table *out, json_int_t value, struct cell *ret)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%lld", (long long)value);
    return table_cell(out, text, (size_t)size, KIND_INTEGER, ret);
}

/* Nulls count for nothing; of no numbers at all the sum is 0 and all else null. */
static int32_t measure_numbers(struct table *out, const char *fn, struct numbers *n,
                               struct cell *ret)
{
    if (strcmp(fn, "sum") == 0 && n->whole)
        return integer_cell(out, n->sum, ret);
    if (strcmp(fn, "sum") == 0)
        return table_number_cell(out, (double)sum_of(n), ret);
    if (n->count == 0 || (n->count == 1 && strcmp(fn, "std") == 0))
        return 0;
    if (strcmp(fn, "mean") == 0)
        return table_number_cell(out, (double)(sum_of(n) / (long double)n->count), ret);
    if (strcmp(fn, "median") == 0)
        return table_number_cell(out, median_of(n), ret);
    return table_number_cell(out, deviation_of(n), ret);
}

/* ---- measures of any cells ---- */

/* The least or the most, numbers before text. */
static const struct cell *extreme(const struct column *column, const size_t *rows, size_t count,
                                  bool most)
{
    const struct cell *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &column->cells[rows[i]];
        if (cell->kind == KIND_NULL)
            continue;
        int order = !best                                          ? 1
                    : cell_is_number(best) != cell_is_number(cell) ? (cell_is_number(cell) ? -1 : 1)
                                                                   : cell_compare(cell, best);
        if (!best || (most ? order > 0 : order < 0))
            best = cell;
    }
    return best;
}

static const struct cell *end_cell(const struct column *column, const size_t *rows, size_t count,
                                   bool last)
{
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &column->cells[rows[last ? count - 1 - i : i]];
        if (cell->kind != KIND_NULL)
            return cell;
    }
    return NULL;
}

/* count and distinct */
static int32_t count_cells(struct table *out, const struct column *column, bool distinct,
                           const size_t *rows, size_t count, struct cell *ret)
{
    struct arena arena = {.max = MEMORY_MAX};
    struct index index = {.arena = &arena};
    json_int_t total = 0;
    bool is_new = true;
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct cell *cell = &column->cells[rows[i]];
        rc = i % CANCEL_EVERY ? 0 : llmspell_cancelled(out->call);
        if (rc < 0 || cell->kind == KIND_NULL)
            continue;
        if (distinct && index_add(&index, cell->text, cell->size, &is_new) == INDEX_NONE)
            rc = too_much(out->call);
        total += is_new;
    }
    index_clear(&index);
    arena_clear(&arena);
    return rc < 0 ? rc : integer_cell(out, total, ret);
}

/* The cell borrows from the column's table, or from out. */
int32_t measure_cells(struct table *out, const struct column *column, const char *fn,
                      const size_t *rows, size_t count, const char *pointer, struct cell *ret)
{
    const struct cell *found = NULL;
    *ret = (struct cell){"", 0, KIND_NULL};
    if (strcmp(fn, "count") == 0 || strcmp(fn, "distinct") == 0)
        return count_cells(out, column, *fn == 'd', rows, count, ret);
    if (strcmp(fn, "min") == 0 || strcmp(fn, "max") == 0)
        found = extreme(column, rows, count, fn[1] == 'a');
    else if (strcmp(fn, "first") == 0 || strcmp(fn, "last") == 0)
        found = end_cell(column, rows, count, *fn == 'l');
    else {
        struct numbers numbers = {0};
        int32_t rc = collect(out, column, fn, rows, count, pointer, &numbers);
        if (rc == 0)
            rc = measure_numbers(out, fn, &numbers, ret);
        free(numbers.items);
        return rc;
    }
    return found ? table_cell(out, found->text, found->size, found->kind, ret) : 0;
}

/* ---- groups ---- */

void groups_clear(struct groups *groups)
{
    free(groups->rows);
    free(groups->starts);
}

/* The group of each row; a row more for each group, at its number. */
static int32_t number_rows(const struct table *table, const size_t *columns, size_t column_count,
                           size_t *numbers, size_t *ret_count)
{
    struct arena arena = {.max = MEMORY_MAX};
    struct index index = {.arena = &arena};
    CLEANUP_BOUNDED_TEXT struct bounded_text key = {.max = CSV_RECORD_MAX * 2};
    int32_t rc = 0;
    for (size_t row = 0; rc == 0 && row < table->rows; row++) {
        bool is_new;
        table_key(table, columns, column_count, row, &key);
        numbers[row] = index_add(&index, key.text ? key.text : "", key.used, &is_new);
        if (numbers[row] == INDEX_NONE || key.error < 0)
            rc = too_much(table->call);
        else if (row % 4096 == 0)
            rc = llmspell_cancelled(table->call);
    }
    *ret_count = index.count;
    index_clear(&index);
    arena_clear(&arena);
    return rc;
}

int32_t groups_make(const struct table *table, const size_t *columns, size_t column_count,
                    struct groups *ret)
{
    LLMSPELL_CLEANUP_FREE size_t *numbers = malloc((table->rows + 1) * sizeof *numbers);
    if (!numbers)
        return no_memory(table->call);
    int32_t rc = number_rows(table, columns, column_count, numbers, &ret->count);
    if (rc < 0)
        return rc;
    ret->rows = malloc((table->rows + 1) * sizeof *ret->rows);
    ret->starts = calloc(ret->count + 2, sizeof *ret->starts);
    if (!ret->rows || !ret->starts)
        return no_memory(table->call);
    for (size_t row = 0; row < table->rows; row++)
        ret->starts[numbers[row] + 2]++;
    for (size_t i = 2; i < ret->count + 2; i++)
        ret->starts[i] += ret->starts[i - 1];
    for (size_t row = 0; row < table->rows; row++) /* starts[n + 1] moves on to the end of n */
        ret->rows[ret->starts[numbers[row] + 1]++] = row;
    return 0;
}
