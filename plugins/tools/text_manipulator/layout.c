/* SPDX-License-Identifier: Apache-2.0
 * Operations on the length and the place of a text: reverse, trim, substring, truncate, pad,
 * repeat, join, word_wrap. Lengths are grapheme clusters, widths are display cells. */
#include "text.h"

int32_t op_reverse(struct task *task)
{
    size_t at = 0, len = task->input.len;
    if (len == 0 || !buffer_reserve(&task->out, len))
        return 0;
    task->out.len = len;
    while (at < len) {
        size_t end = grapheme_end(task->input, at);
        memcpy(task->out.data + (len - end), task->input.data + at, end - at);
        at = end;
    }
    return 0;
}

int32_t op_trim(struct task *task)
{
    buffer_add_text(&task->out, text_trim(task->input, true, true));
    return 0;
}

int32_t op_trim_start(struct task *task)
{
    buffer_add_text(&task->out, text_trim(task->input, true, false));
    return 0;
}

int32_t op_trim_end(struct task *task)
{
    buffer_add_text(&task->out, text_trim(task->input, false, true));
    return 0;
}

/* A position that may count from the end, clipped to 0 … count. */
static size_t clip(json_int_t position, int64_t count)
{
    if (position < 0)
        position += count;
    if (position < 0)
        return 0;
    return position < count ? (size_t)position : (size_t)count;
}

int32_t op_substring(struct task *task)
{
    int64_t count = grapheme_count(task->call, task->input);
    if (count < 0)
        return (int32_t)count;
    size_t start = clip(llmspell_integer(task->params, "start", 0), count);
    size_t end = clip(llmspell_integer(task->params, "end", count), count);
    if (start >= end)
        return 0;
    size_t from = grapheme_offset(task->input, start);
    struct text rest = text_part(task->input, from, task->input.len);
    buffer_add(&task->out, rest.data, grapheme_offset(rest, end - start));
    return 0;
}

/* Where to cut so that no word is cut: cut itself at the end of a word, else behind the last word
 * that ends before it; cut if the first word is longer. White space before the cut goes too. */
static size_t word_cut(struct text text, size_t cut)
{
    int32_t point;
    utf8_next(text, cut, &point);
    size_t at = cut;
    if (!point_is_space(point)) {
        for (; at > 0; at = utf8_previous(text, at)) {
            utf8_next(text, utf8_previous(text, at), &point);
            if (point_is_space(point))
                break;
        }
    }
    size_t kept = text_trim(text_part(text, 0, at), false, true).len;
    return kept > 0 ? kept : cut;
}

int32_t op_truncate(struct task *task)
{
    struct text ellipsis = text_param(task, "ellipsis", "…");
    int64_t length = grapheme_count(task->call, task->input);
    if (length < 0)
        return (int32_t)length;
    int64_t ellipsis_length = grapheme_count(task->call, ellipsis);
    if (ellipsis_length < 0)
        return (int32_t)ellipsis_length;
    int64_t most = llmspell_integer(task->params, "max_length", 100);
    if (length <= most) {
        buffer_add_text(&task->out, task->input);
        return 0;
    }
    if (ellipsis_length >= most) { /* no room for text: as much of the ellipsis as fits */
        buffer_add(&task->out, ellipsis.data, grapheme_offset(ellipsis, (size_t)most));
        return 0;
    }
    size_t cut = grapheme_offset(task->input, (size_t)(most - ellipsis_length));
    if (llmspell_bool(task->params, "word_boundary", 0))
        cut = word_cut(task->input, cut);
    buffer_add(&task->out, task->input.data, cut);
    buffer_add_text(&task->out, ellipsis);
    return 0;
}

/* Fills exactly cells: the clusters of fill in turn while they fit, spaces for what is left. */
static int32_t add_fill(struct task *task, struct text fill, size_t fill_width, size_t cells)
{
    buffer_repeat(&task->out, fill, cells / fill_width, (struct text){"", 0});
    cells %= fill_width;
    for (size_t at = 0, end; at < fill.len; at = end) {
        end = grapheme_end(fill, at);
        size_t width = text_width(text_part(fill, at, end));
        if (width > cells)
            break;
        buffer_add_text(&task->out, text_part(fill, at, end));
        cells -= width;
    }
    buffer_repeat(&task->out, (struct text){" ", 1}, cells, (struct text){"", 0});
    return 0;
}

int32_t op_pad(struct task *task)
{
    struct text fill = text_param(task, "fill", " ");
    size_t wanted = (size_t)llmspell_integer(task->params, "width", 0);
    size_t width = text_width(task->input), fill_width = text_width(fill);
    if (fill_width == 0)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/fill",
                                "fill has no width on a display; give a character that has one");
    size_t missing = wanted > width ? wanted - width : 0, left = 0;
    if (missing > RESULT_MAX) {
        task->out.error = LLMSPELL_ELIMIT;
        return 0;
    }
    if (llmspell_is(task->params, "align", "right"))
        left = missing;
    else if (llmspell_is(task->params, "align", "center"))
        left = missing / 2;
    add_fill(task, fill, fill_width, left);
    buffer_add_text(&task->out, task->input);
    return add_fill(task, fill, fill_width, missing - left);
}

int32_t op_repeat(struct task *task)
{
    buffer_repeat(&task->out, task->input, (size_t)llmspell_integer(task->params, "times", 0),
                  text_param(task, "separator", ""));
    return 0;
}

/* A text is joined as the list of its lines. */
static int32_t join_lines(struct task *task, struct text delimiter)
{
    CLEANUP_LINES struct lines lines = {0};
    int32_t rc = lines_split(task, &lines);
    for (size_t i = 0; rc == 0 && i < lines.count; i++) {
        if (i)
            buffer_add_text(&task->out, delimiter);
        buffer_add_text(&task->out, lines.items[i].text);
    }
    return rc;
}

int32_t op_join(struct task *task)
{
    const json_t *list = json_object_get(task->params, "input"), *item;
    struct text delimiter = text_param(task, "delimiter", " ");
    if (!json_is_array(list))
        return join_lines(task, delimiter);
    size_t index;
    json_array_foreach(list, index, item)
    {
        if (index)
            buffer_add_text(&task->out, delimiter);
        buffer_add(&task->out, json_string_value(item), json_string_length(item));
    }
    return 0;
}

/* May a line end at this character? Not at the spaces that exist to forbid it. */
static bool is_break(int32_t point)
{
    return point_is_space(point) && point != 0xA0 && point != 0x2007 && point != 0x202F;
}

/* The end of the run of breaking (or of other) characters that starts at offset at. */
static size_t run_end(struct text text, size_t at, bool breaking)
{
    while (at < text.len) {
        int32_t point;
        size_t next = utf8_next(text, at, &point);
        if (is_break(point) != breaking)
            break;
        at = next;
    }
    return at;
}

/* Wraps one line. A line that fits stays as it is; white space goes only where a line is broken
 * and at the end of a wrapped line; white space at the start of the line (its indent) stays. */
static void wrap_line(struct buffer *out, const struct line *line, size_t width,
                      struct text newline)
{
    struct text text = line->text;
    if (text_width(text) <= width) {
        buffer_add_text(out, text);
        return;
    }
    size_t column = 0;
    for (size_t at = 0; at < text.len;) {
        size_t word = run_end(text, at, true), end = run_end(text, word, false);
        if (word == text.len)
            break; /* trailing white space */
        size_t gap = text_width(text_part(text, at, word));
        size_t word_width = text_width(text_part(text, word, end));
        if (at > 0 && column + gap + word_width > width) {
            buffer_add_text(out, newline);
            column = 0;
        } else {
            buffer_add(out, text.data + at, word - at);
            column += gap;
        }
        buffer_add(out, text.data + word, end - word);
        column += word_width;
        at = end;
    }
}

int32_t op_word_wrap(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    size_t width = (size_t)llmspell_integer(task->params, "width", 80);
    int32_t rc = lines_split(task, &lines);
    for (size_t i = 0; rc == 0 && i < lines.count; i++) {
        const struct line *line = &lines.items[i];
        wrap_line(&task->out, line, width, lines.ending);
        buffer_add(&task->out, line->text.data + line->text.len, line->ending);
        if (i % 256 == 255)
            rc = llmspell_cancelled(task->call);
    }
    return rc;
}
