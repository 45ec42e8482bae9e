/* SPDX-License-Identifier: Apache-2.0
 * The formats unified and context: changes with some lines around them. */
#include "diff.h"

#define NO_NEWLINE "\\ No newline at end of file\n"

/* The lines of both sides that a hunk shows. */
struct hunk {
    size_t first, end; /* changes */
    size_t a_from, a_to, b_from, b_to;
};

static size_t context_of(const struct diff *diff)
{
    return (size_t)llmspell_integer(diff->params, "context_lines", 3);
}

size_t hunk_end(const struct diff *diff, size_t first, size_t context)
{
    const struct change *changes = diff->changes->items;
    size_t end = first + 1;
    while (end < diff->changes->count &&
           changes[end].a_from - (changes[end - 1].a_from + changes[end - 1].a_size) <= 2 * context)
        end++;
    return end;
}

size_t hunk_count(const struct diff *diff)
{
    size_t count = 0, context = context_of(diff);
    for (size_t i = 0; i < diff->changes->count; i = hunk_end(diff, i, context))
        count++;
    return count;
}

static struct hunk hunk_at(const struct diff *diff, size_t first, size_t context)
{
    struct hunk hunk = {.first = first, .end = hunk_end(diff, first, context)};
    const struct change *begin = &diff->changes->items[first];
    const struct change *last = &diff->changes->items[hunk.end - 1];
    size_t before = begin->a_from < context ? begin->a_from : context;
    size_t behind = diff->a->count - (last->a_from + last->a_size);
    behind = behind < context ? behind : context;
    hunk.a_from = begin->a_from - before;
    hunk.b_from = begin->b_from - before;
    hunk.a_to = last->a_from + last->a_size + behind;
    hunk.b_to = last->b_from + last->b_size + behind;
    return hunk;
}

static void add_line(const struct diff *diff, const char *prefix, struct span line)
{
    output_text(diff->out, prefix);
    output_span(diff->out, line);
    if (!line_is_complete(line))
        output_text(diff->out, "\n" NO_NEWLINE);
}

static void add_lines(const struct diff *diff, const char *prefix, const struct pieces *lines,
                      size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        add_line(diff, prefix, lines->items[i]);
}

static int32_t each_hunk(const struct diff *diff,
                         void (*add)(const struct diff *diff, const struct hunk *hunk))
{
    size_t context = context_of(diff);
    for (size_t i = 0; i < diff->changes->count;) {
        struct hunk hunk = hunk_at(diff, i, context);
        int32_t stop = llmspell_cancelled(diff->call);
        if (stop < 0)
            return stop;
        add(diff, &hunk);
        i = hunk.end;
    }
    return 0;
}

/* ---- unified ---- */

/* Lines from 1; an empty range names the line before it. */
static void add_range(struct output *out, char sign, size_t from, size_t to)
{
    size_t count = to - from;
    if (count == 1)
        output_format(out, "%c%zu", sign, from + 1);
    else
        output_format(out, "%c%zu,%zu", sign, count ? from + 1 : from, count);
}

static void add_unified(const struct diff *diff, const struct hunk *hunk)
{
    output_text(diff->out, "@@ ");
    add_range(diff->out, '-', hunk->a_from, hunk->a_to);
    output_text(diff->out, " ");
    add_range(diff->out, '+', hunk->b_from, hunk->b_to);
    output_text(diff->out, " @@\n");
    size_t at = hunk->a_from;
    for (size_t i = hunk->first; i < hunk->end; i++) {
        const struct change *change = &diff->changes->items[i];
        add_lines(diff, " ", diff->a, at, change->a_from);
        at = change->a_from + change->a_size;
        add_lines(diff, "-", diff->a, change->a_from, at);
        add_lines(diff, "+", diff->b, change->b_from, change->b_from + change->b_size);
    }
    add_lines(diff, " ", diff->a, at, hunk->a_to);
}

static void add_label(const struct diff *diff, const char *mark, const char *key)
{
    output_text(diff->out, mark);
    output_text(diff->out, llmspell_string(diff->params, key));
    output_text(diff->out, "\n");
}

int32_t format_unified(const struct diff *diff)
{
    add_label(diff, "--- ", "old_label");
    add_label(diff, "+++ ", "new_label");
    return each_hunk(diff, add_unified);
}

/* ---- context ---- */

/* First and last line; one number if there are less than two lines. */
static void add_context_range(struct output *out, const char *mark, size_t from, size_t to,
                              const char *end)
{
    output_text(out, mark);
    if (to - from > 1)
        output_format(out, "%zu,%zu", from + 1, to);
    else
        output_format(out, "%zu", to);
    output_text(out, end);
}

/* One side of a hunk; left out if nothing of it has changed. */
static void add_side(const struct diff *diff, const struct hunk *hunk, bool old)
{
    const struct pieces *lines = old ? diff->a : diff->b;
    size_t at = old ? hunk->a_from : hunk->b_from, end = old ? hunk->a_to : hunk->b_to;
    bool any = false;
    for (size_t i = hunk->first; i < hunk->end; i++)
        any |= (old ? diff->changes->items[i].a_size : diff->changes->items[i].b_size) > 0;
    if (!any)
        return;
    for (size_t i = hunk->first; i < hunk->end; i++) {
        const struct change *change = &diff->changes->items[i];
        size_t from = old ? change->a_from : change->b_from;
        size_t size = old ? change->a_size : change->b_size;
        const char *mark = change->a_size && change->b_size ? "! " : old ? "- " : "+ ";
        add_lines(diff, "  ", lines, at, from);
        add_lines(diff, mark, lines, from, from + size);
        at = from + size;
    }
    add_lines(diff, "  ", lines, at, end);
}

static void add_context(const struct diff *diff, const struct hunk *hunk)
{
    output_text(diff->out, "***************\n");
    add_context_range(diff->out, "*** ", hunk->a_from, hunk->a_to, " ****\n");
    add_side(diff, hunk, true);
    add_context_range(diff->out, "--- ", hunk->b_from, hunk->b_to, " ----\n");
    add_side(diff, hunk, false);
}

int32_t format_context(const struct diff *diff)
{
    add_label(diff, "*** ", "old_label");
    add_label(diff, "--- ", "new_label");
    return each_hunk(diff, add_context);
}
