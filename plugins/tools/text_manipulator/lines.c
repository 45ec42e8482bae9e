/* SPDX-License-Identifier: Apache-2.0
 * Texts as lines: LF and CRLF end a line, every line keeps its ending where it goes, and a final
 * newline stays if there was one. Operations: indent, dedent, reverse_lines, number_lines,
 * remove_empty_lines; sort.c and layout.c use the lines too. */
#include "text.h"

void lines_free(struct lines *lines)
{
    free(lines->items);
    *lines = (struct lines){0};
}

static size_t line_count(struct text text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '\n';
    return count + (text.len > 0 && text.data[text.len - 1] != '\n');
}

/* The line at offset at; returns the offset of the next one. */
static size_t line_at(struct text text, size_t at, struct line *ret)
{
    const char *from = text.data + at;
    const char *newline = memchr(from, '\n', text.len - at);
    if (!newline) {
        *ret = (struct line){text_part(text, at, text.len), 0};
        return text.len;
    }
    size_t len = (size_t)(newline - from);
    size_t ending = len > 0 && newline[-1] == '\r' ? 2 : 1;
    *ret = (struct line){{from, len + 1 - ending}, ending};
    return at + len + 1;
}

int32_t lines_split(struct task *task, struct lines *ret)
{
    struct text text = task->input;
    size_t count = line_count(text), at = 0;
    ret->ending = (struct text){"\n", 1};
    if (count == 0)
        return 0;
    ret->items = calloc(count, sizeof *ret->items);
    if (!ret->items)
        return no_memory(task->call);
    for (ret->count = 0; ret->count < count; ret->count++)
        at = line_at(text, at, &ret->items[ret->count]);
    if (ret->items[0].ending == 2)
        ret->ending = (struct text){"\r\n", 2};
    ret->final_newline = ret->items[count - 1].ending > 0;
    return 0;
}

void lines_add(struct task *task, const struct lines *lines, size_t index, size_t count,
               const struct line *line)
{
    buffer_add_text(&task->out, line->text);
    if (index + 1 == count && !lines->final_newline)
        return;
    if (line->ending)
        buffer_add(&task->out, line->text.data + line->text.len, line->ending);
    else
        buffer_add_text(&task->out, lines->ending);
}

/* The bytes of the input with added more in each of count lines; over the limit: false. */
static bool lines_fit(struct task *task, size_t count, size_t added)
{
    size_t size;
    if (__builtin_mul_overflow(count, added, &size) ||
        __builtin_add_overflow(size, task->input.len, &size))
        size = SIZE_MAX;
    return buffer_reserve(&task->out, size);
}

static size_t filled_lines(const struct lines *lines)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->count; i++)
        count += !text_is_blank(lines->items[i].text);
    return count;
}

int32_t op_indent(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    struct text prefix = {" ", 1};
    size_t times = 1;
    if (llmspell_string(task->params, "prefix"))
        prefix = text_param(task, "prefix", "");
    else
        times = (size_t)llmspell_integer(task->params, "spaces", 4);
    int32_t rc = lines_split(task, &lines);
    if (rc < 0)
        return rc;
    size_t added;
    if (__builtin_mul_overflow(prefix.len, times, &added))
        added = SIZE_MAX;
    if (!lines_fit(task, filled_lines(&lines), added))
        return 0;
    for (size_t i = 0; i < lines.count; i++) {
        if (!text_is_blank(lines.items[i].text))
            buffer_repeat(&task->out, prefix, times, (struct text){"", 0});
        lines_add(task, &lines, i, lines.count, &lines.items[i]);
    }
    return 0;
}

/* The length of the longest run of spaces and tabs with which every line that is not empty begins.
 */
static size_t common_margin(const struct lines *lines)
{
    const char *margin = NULL;
    size_t len = 0;
    for (size_t i = 0; i < lines->count; i++) {
        struct text text = lines->items[i].text;
        if (text_is_blank(text))
            continue;
        size_t own = 0;
        while (own < text.len && (text.data[own] == ' ' || text.data[own] == '\t') &&
               (!margin || (own < len && text.data[own] == margin[own])))
            own++;
        margin = text.data;
        len = own;
    }
    return len;
}

int32_t op_dedent(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    int32_t rc = lines_split(task, &lines);
    size_t margin = common_margin(&lines);
    for (size_t i = 0; rc == 0 && i < lines.count; i++) {
        struct line line = lines.items[i];
        size_t cut = text_is_blank(line.text) ? line.text.len : margin;
        line.text = text_part(line.text, cut, line.text.len);
        lines_add(task, &lines, i, lines.count, &line);
    }
    return rc;
}

int32_t op_reverse_lines(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    int32_t rc = lines_split(task, &lines);
    for (size_t i = 0; rc == 0 && i < lines.count; i++)
        lines_add(task, &lines, i, lines.count, &lines.items[lines.count - 1 - i]);
    return rc;
}

int32_t op_number_lines(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    struct text separator = text_param(task, "separator", ": ");
    json_int_t number = llmspell_integer(task->params, "start", 1);
    int32_t rc = lines_split(task, &lines);
    if (rc < 0 || !lines_fit(task, lines.count, separator.len))
        return rc;
    for (size_t i = 0; i < lines.count; i++) {
        char digits[32];
        int len = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, number++);
        buffer_add(&task->out, digits, (size_t)len);
        buffer_add_text(&task->out, separator);
        lines_add(task, &lines, i, lines.count, &lines.items[i]);
    }
    return 0;
}

int32_t op_remove_empty_lines(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    int32_t rc = lines_split(task, &lines);
    size_t count = filled_lines(&lines), index = 0;
    for (size_t i = 0; rc == 0 && i < lines.count; i++)
        if (!text_is_blank(lines.items[i].text))
            lines_add(task, &lines, index++, count, &lines.items[i]);
    return rc;
}
