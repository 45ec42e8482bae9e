/* SPDX-License-Identifier: Apache-2.0
 * The format inline: the new text, with words that are gone in [-…-] and words that are new in
 * {+…+}. Words are what stands between white space; white space is compared, too. */
#include "diff.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A word, a newline, or a run of other white space. */
static size_t word_end(struct span text, size_t at)
{
    bool space = is_space(text.data[at]);
    if (text.data[at] == '\n')
        return at + 1;
    while (at < text.size && text.data[at] != '\n' && is_space(text.data[at]) == space)
        at++;
    return at;
}

/* All lines lie behind each other in one text. */
static int32_t split_words(struct llmspell_call *call, const struct pieces *lines,
                           struct pieces *ret)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct span line = lines->items[i];
        for (size_t at = 0, end; at < line.size; at = end) {
            end = word_end(line, at);
            int32_t rc = pieces_add(call, ret, (struct span){line.data + at, end - at});
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* Is there anything but white space that does not count? */
static bool counts(const struct diff *diff, const struct pieces *words, size_t from, size_t size)
{
    enum whitespace whitespace = whitespace_of(diff->params);
    bool word = whitespace == WHITESPACE_COUNTS;
    for (size_t i = from; i < from + size; i++)
        word |= !is_space(words->items[i].data[0]);
    return size > 0 && word;
}

static void add_words(struct output *out, const struct pieces *words, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        output_span(out, words->items[i]);
}

static void add_change(const struct diff *diff, const struct pieces *a, const struct pieces *b,
                       const struct change *change)
{
    size_t b_end = change->b_from + change->b_size;
    if (counts(diff, a, change->a_from, change->a_size)) {
        output_text(diff->out, "[-");
        add_words(diff->out, a, change->a_from, change->a_from + change->a_size);
        output_text(diff->out, "-]");
    }
    bool marked = counts(diff, b, change->b_from, change->b_size);
    output_text(diff->out, marked ? "{+" : "");
    add_words(diff->out, b, change->b_from, b_end);
    output_text(diff->out, marked ? "+}" : "");
}

int32_t format_inline(const struct diff *diff)
{
    CLEANUP_PIECES struct pieces a = {NULL, 0, 0}, b = {NULL, 0, 0};
    CLEANUP_CHANGES struct changes changes = {NULL, 0};
    size_t at = 0;
    int32_t rc = split_words(diff->call, diff->a, &a);
    if (rc == 0)
        rc = split_words(diff->call, diff->b, &b);
    if (rc == 0)
        rc = changes_find(diff->call, &a, &b, whitespace_of(diff->params), &changes);
    for (size_t i = 0; rc == 0 && i < changes.count; i++) {
        const struct change *change = &changes.items[i];
        add_words(diff->out, &b, at, change->b_from);
        add_change(diff, &a, &b, change);
        at = change->b_from + change->b_size;
    }
    add_words(diff->out, &b, at, rc == 0 ? b.count : at);
    return rc;
}
