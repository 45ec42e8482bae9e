/* SPDX-License-Identifier: Apache-2.0
 * The formats that show all lines: simple and side_by_side. */
#include "diff.h"

/* How one row is shown: a line of each side, or of one (NULL). */
typedef void (*row_fn)(const struct diff *diff, const struct span *old, const struct span *new,
                       bool same);

static void add_change(const struct diff *diff, const struct change *change, bool paired,
                       row_fn row)
{
    const struct span *a = diff->a->items + change->a_from, *b = diff->b->items + change->b_from;
    size_t both = change->a_size < change->b_size ? change->a_size : change->b_size;
    if (!paired)
        both = 0;
    for (size_t i = 0; i < both; i++)
        row(diff, &a[i], &b[i], false);
    for (size_t i = both; i < change->a_size; i++)
        row(diff, &a[i], NULL, false);
    for (size_t i = both; i < change->b_size; i++)
        row(diff, NULL, &b[i], false);
}

static int32_t each_row(const struct diff *diff, bool paired, row_fn row)
{
    size_t at = 0, shift = 0; /* shift: index of b minus index of a, modulo 2^64 */
    for (size_t i = 0; i <= diff->changes->count; i++) {
        bool last = i == diff->changes->count;
        const struct change *change = last ? NULL : &diff->changes->items[i];
        size_t end = last ? diff->a->count : change->a_from;
        for (; at < end; at++)
            row(diff, &diff->a->items[at], &diff->b->items[at + shift], true);
        int32_t stop = llmspell_cancelled(diff->call);
        if (stop < 0 || last)
            return stop;
        add_change(diff, change, paired, row);
        at = change->a_from + change->a_size;
        shift = change->b_from + change->b_size - at;
    }
    return 0;
}

static void simple_row(const struct diff *diff, const struct span *old, const struct span *new,
                       bool same)
{
    output_text(diff->out, same ? "  " : old ? "- " : "+ ");
    output_span(diff->out, line_body(old ? *old : *new));
    output_text(diff->out, "\n");
}

int32_t format_simple(const struct diff *diff)
{
    return each_row(diff, false, simple_row);
}

static void cut_spaces(struct output *out, size_t from)
{
    while (out->size > from && out->data[out->size - 1] == ' ')
        out->size--;
}

static void columns_row(const struct diff *diff, const struct span *old, const struct span *new,
                        bool same)
{
    size_t cells = ((size_t)llmspell_integer(diff->params, "width", 80) - 3) / 2;
    size_t begin = diff->out->size;
    size_t used = old ? columns_add(diff->out, line_body(*old), cells) : 0;
    for (; used < cells; used++)
        output_text(diff->out, " ");
    output_text(diff->out, same ? "   " : !new ? " < " : !old ? " > " : " | ");
    if (new)
        columns_add(diff->out, line_body(*new), cells);
    cut_spaces(diff->out, begin);
    output_text(diff->out, "\n");
}

int32_t format_side_by_side(const struct diff *diff)
{
    return each_row(diff, true, columns_row);
}
