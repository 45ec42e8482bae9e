/* SPDX-License-Identifier: Apache-2.0
 * Sorts rows: numbers before text, nulls last, whichever the direction; rows that are equal stay in
 * their order. */
#include "analyzer.h"

#define CANCEL_EVERY 65536u /* comparisons or rows */

/* What a row is sorted by; the row itself decides last. */
struct sort_cell {
    const struct cell *cell;
    double number;
};

struct sorting {
    const struct table *table;
    const struct sort_key *keys;
    size_t count;
    struct sort_cell *cells; /* count for each row of the table */
    size_t comparisons;
    int32_t stop; /* once negative, all is equal: that ends quickly */
};

static int rank(const struct cell *cell)
{
    return cell->kind == KIND_NULL ? 2 : !cell_is_number(cell);
}

static int compare_cells(const struct sort_cell *a, const struct sort_cell *b, bool descending)
{
    int rank_a = rank(a->cell), rank_b = rank(b->cell), order = 0;
    if (rank_a != rank_b)
        return rank_a - rank_b;
    if (rank_a == 0 && a->number != b->number)
        order = a->number < b->number ? -1 : 1;
    else if (rank_a < 2)
        order = cell_compare(a->cell, b->cell);
    return descending ? -order : order;
}

static int compare_rows(const void *left, const void *right, void *argument)
{
    struct sorting *s = argument;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    if (++s->comparisons % CANCEL_EVERY == 0 && s->stop == 0)
        s->stop = llmspell_cancelled(s->table->call);
    for (size_t k = 0; s->stop == 0 && k < s->count; k++) {
        int order = compare_cells(&s->cells[a * s->count + k], &s->cells[b * s->count + k],
                                  s->keys[k].descending);
        if (order)
            return order;
    }
    return (a > b) - (a < b);
}

int32_t order_rows(const struct table *table, const struct sort_key *keys, size_t count,
                   size_t *rows, size_t row_count)
{
    if (count == 0 || row_count == 0)
        return 0;
    LLMSPELL_CLEANUP_FREE struct sort_cell *cells = malloc(table->rows * count * sizeof *cells);
    if (!cells)
        return no_memory(table->call);
    for (size_t row = 0; row < table->rows; row++) {
        int32_t stop = row % CANCEL_EVERY ? 0 : llmspell_cancelled(table->call);
        if (stop < 0)
            return stop;
        for (size_t k = 0; k < count; k++) {
            const struct cell *cell = &table->columns[keys[k].column].cells[row];
            cells[row * count + k] =
                (struct sort_cell){cell, cell_is_number(cell) ? cell_number(cell) : 0};
        }
    }
    struct sorting sorting = {table, keys, count, cells, 0, 0};
    qsort_r(rows, row_count, sizeof *rows, compare_rows, &sorting);
    return sorting.stop;
}
