/* SPDX-License-Identifier: Apache-2.0
 * Code points, grapheme clusters, display width and white space of UTF-8 text, by utf8proc.
 * Used by every operation of text_manipulator. */
#include "text.h"

#define CANCEL_EVERY 0x8000u /* clusters between two looks at the cancel flag */

size_t utf8_next(struct text text, size_t at, int32_t *ret_point)
{
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                          (utf8proc_ssize_t)(text.len - at), ret_point);
    if (n > 0)
        return at + (size_t)n;
    *ret_point = 0xFFFD; /* the host lets only valid UTF-8 in: never past the end all the same */
    return at + 1;
}

size_t utf8_previous(struct text text, size_t at)
{
    do
        at--;
    while (at > 0 && ((unsigned char)text.data[at] & 0xC0) == 0x80);
    return at;
}

size_t grapheme_end(struct text text, size_t at)
{
    int32_t previous, point;
    utf8proc_int32_t state = 0;
    at = utf8_next(text, at, &previous);
    while (at < text.len) {
        size_t next = utf8_next(text, at, &point);
        if (utf8proc_grapheme_break_stateful(previous, point, &state))
            break;
        previous = point;
        at = next;
    }
    return at;
}

size_t grapheme_offset(struct text text, size_t count)
{
    size_t at = 0;
    for (; count > 0 && at < text.len; count--)
        at = grapheme_end(text, at);
    return at;
}

int64_t grapheme_count(struct llmspell_call *call, struct text text)
{
    int64_t count = 0;
    for (size_t at = 0; at < text.len; at = grapheme_end(text, at)) {
        if (++count % CANCEL_EVERY == 0) {
            int32_t stop = llmspell_cancelled(call);
            if (stop < 0)
                return stop;
        }
    }
    return count;
}

/* The cells of one cluster. Terminals give the base character's width; a spacing mark adds its
 * own; U+FE0F asks for emoji presentation and two regional indicators are a flag, both 2 cells. */
static size_t cluster_width(struct text cluster)
{
    size_t width = 0;
    int32_t point, first;
    size_t at = utf8_next(cluster, 0, &first);
    width = first == '\t' ? 1 : (size_t)utf8proc_charwidth(first);
    while (at < cluster.len) {
        at = utf8_next(cluster, at, &point);
        if (point == 0xFE0F || (point >= 0x1F1E6 && point <= 0x1F1FF))
            width = 2;
        else if (width == 0 ||
                 utf8proc_get_property(point)->boundclass == UTF8PROC_BOUNDCLASS_SPACINGMARK)
            width += (size_t)utf8proc_charwidth(point);
    }
    return width;
}

size_t text_width(struct text text)
{
    size_t width = 0;
    for (size_t at = 0, end; at < text.len; at = end) {
        end = grapheme_end(text, at);
        width += cluster_width(text_part(text, at, end));
    }
    return width;
}

bool point_is_space(int32_t point)
{
    return (point >= 0x09 && point <= 0x0D) || point == 0x20 || point == 0x85 || point == 0xA0 ||
           point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 ||
           point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

struct text text_part(struct text text, size_t from, size_t to)
{
    return (struct text){text.data + from, to - from};
}

struct text text_trim(struct text text, bool start, bool end)
{
    int32_t point;
    size_t from = 0, to = text.len;
    while (start && from < to) {
        size_t next = utf8_next(text, from, &point);
        if (!point_is_space(point))
            break;
        from = next;
    }
    while (end && to > from) {
        size_t before = utf8_previous(text, to);
        utf8_next(text, before, &point);
        if (!point_is_space(point))
            break;
        to = before;
    }
    return text_part(text, from, to);
}

bool text_is_blank(struct text text)
{
    return text_trim(text, true, false).len == 0;
}

struct text text_param(const struct task *task, const char *key, const char *fallback)
{
    const char *value = llmspell_string(task->params, key);
    if (value)
        return (struct text){value, llmspell_string_length(task->params, key)};
    return (struct text){fallback, strlen(fallback)};
}
