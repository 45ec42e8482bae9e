/* SPDX-License-Identifier: Apache-2.0
 * The three forms of an answer (see sheet.h). */
#include "sheet.h"

#include <string.h>

#define ROW_MAX 80 /* bytes of a row in plain text */

static void html(struct text *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '<':
            text_puts(out, "&lt;");
            break;
        case '>':
            text_puts(out, "&gt;");
            break;
        case '&':
            text_puts(out, "&amp;");
            break;
        case '"':
            text_puts(out, "&quot;");
            break;
        default:
            text_add(out, text + i, 1);
        }
    }
}

/* Text in which Markdown is to see nothing special. */
static void markdown(struct text *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] && strchr("\\`*_[]<>|#~$", text[i]))
            text_puts(out, "\\");
        text_add(out, text[i] == '\n' ? "  \n" : text + i, text[i] == '\n' ? 3 : 1);
    }
}

/* The longest run of backticks in a text. */
static size_t longest_run(const char *text, size_t size)
{
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < size; i++) {
        run = text[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void ticks(struct text *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_puts(out, "`");
}

/* `code`; in a table its bars are escaped. */
static void markdown_code(struct text *out, const char *text, size_t size, int in_table)
{
    size_t run = longest_run(text, size);
    if (size == 0)
        return;
    ticks(out, run + 1);
    if (run > 0)
        text_puts(out, " ");
    for (size_t i = 0; i < size; i++) {
        if (in_table && text[i] == '|')
            text_puts(out, "\\");
        text_add(out, text[i] == '\n' ? " " : text + i, 1);
    }
    if (run > 0)
        text_puts(out, " ");
    ticks(out, run + 1);
}

static int is_full(const struct sheet *sheet)
{
    return sheet->plain.size > SHEET_MAX || sheet->html.size > 2 * SHEET_MAX;
}

/* What a text may have, at a boundary of characters. */
static size_t bounded(const char *text, size_t size)
{
    if (size <= SHEET_MAX / 2)
        return size;
    size = SHEET_MAX / 2;
    while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

void sheet_title(struct sheet *sheet, const char *title, size_t size)
{
    size = bounded(title, size);
    text_add(&sheet->plain, title, size);
    text_puts(&sheet->plain, "\n");
    text_puts(&sheet->markdown, "**");
    markdown_code(&sheet->markdown, title, size, 0);
    text_puts(&sheet->markdown, "**\n\n");
    text_puts(&sheet->html, "<p><b><code>");
    html(&sheet->html, title, size);
    text_puts(&sheet->html, "</code></b></p>\n");
}

void sheet_fact(struct sheet *sheet, const char *label, const char *value, size_t size)
{
    if (is_full(sheet))
        return;
    size = bounded(value, size);
    text_format(&sheet->plain, "%s:%*s", label, (int)(12 - strlen(label)), "");
    text_add(&sheet->plain, value, size);
    text_puts(&sheet->plain, "\n");
    text_format(&sheet->markdown, "**%s:** ", label);
    markdown(&sheet->markdown, value, size);
    text_puts(&sheet->markdown, "  \n");
    text_format(&sheet->html, "<div><b>%s:</b> ", label);
    html(&sheet->html, value, size);
    text_puts(&sheet->html, "</div>\n");
}

void sheet_paragraph(struct sheet *sheet, const char *text, size_t size)
{
    if (is_full(sheet))
        return;
    size = bounded(text, size);
    text_puts(&sheet->plain, "\n");
    text_add(&sheet->plain, text, size);
    text_puts(&sheet->plain, "\n");
    text_puts(&sheet->markdown, "\n");
    markdown(&sheet->markdown, text, size);
    text_puts(&sheet->markdown, "\n\n");
    text_puts(&sheet->html, "<p style=\"white-space: pre-wrap\">");
    html(&sheet->html, text, size);
    text_puts(&sheet->html, "</p>\n");
}

void sheet_heading(struct sheet *sheet, const char *text)
{
    text_format(&sheet->plain, "\n%s:\n", text);
    text_format(&sheet->markdown, "\n**%s**\n\n", text);
    text_format(&sheet->html, "<p><b>%s</b></p>\n", text);
}

void sheet_code(struct sheet *sheet, const char *code, size_t size)
{
    if (is_full(sheet))
        return;
    size_t shown = bounded(code, size), run = longest_run(code, shown);
    const char *more = shown < size ? "\n…" : "";
    text_add(&sheet->plain, code, shown);
    text_format(&sheet->plain, "%s\n", more);
    ticks(&sheet->markdown, run < 3 ? 3 : run + 1);
    text_puts(&sheet->markdown, "lua\n");
    text_add(&sheet->markdown, code, shown);
    text_format(&sheet->markdown, "%s\n", more);
    ticks(&sheet->markdown, run < 3 ? 3 : run + 1);
    text_puts(&sheet->markdown, "\n");
    text_puts(&sheet->html, "<pre><code>");
    html(&sheet->html, code, shown);
    text_format(&sheet->html, "%s</code></pre>\n", more);
}

void sheet_head(struct sheet *sheet, const char *const *cells, int count)
{
    text_puts(&sheet->markdown, "\n|");
    text_puts(&sheet->html, "<table><thead><tr>");
    for (int i = 0; i < count; i++) {
        text_format(&sheet->markdown, " %s |", cells[i]);
        text_format(&sheet->html, "<th style=\"text-align: left\">%s</th>", cells[i]);
    }
    text_puts(&sheet->markdown, "\n|");
    for (int i = 0; i < count; i++)
        text_puts(&sheet->markdown, "---|");
    text_puts(&sheet->markdown, "\n");
    text_puts(&sheet->html, "</tr></thead><tbody>\n");
}

/* The first cell is code; in plain text the last one has a line of its own if the row is long. */
void sheet_row(struct sheet *sheet, const struct text *cells, int count)
{
    size_t width = 0;
    if (is_full(sheet))
        return;
    for (int i = 0; i < count; i++)
        width += cells[i].size;
    text_puts(&sheet->plain, " ");
    text_puts(&sheet->markdown, "|");
    text_puts(&sheet->html, "<tr>");
    for (int i = 0; i < count; i++) {
        const char *text = cells[i].data ? cells[i].data : "";
        size_t size = bounded(text, cells[i].size);
        if (size > 0)
            text_puts(&sheet->plain, i == 0                              ? " "
                                     : i == count - 1 && width > ROW_MAX ? "\n      "
                                                                         : "  ");
        text_add(&sheet->plain, text, size);
        text_puts(&sheet->markdown, " ");
        text_puts(&sheet->html, "<td style=\"text-align: left\">");
        if (i == 0)
            markdown_code(&sheet->markdown, text, size, 1);
        for (size_t at = 0; i > 0 && at < size; at++) /* a row is one line */
            markdown(&sheet->markdown, text[at] == '\n' ? " " : text + at, 1);
        text_puts(&sheet->markdown, " |");
        html(&sheet->html, text, size);
        text_puts(&sheet->html, "</td>");
    }
    text_puts(&sheet->plain, "\n");
    text_puts(&sheet->markdown, "\n");
    text_puts(&sheet->html, "</tr>\n");
}

void sheet_end(struct sheet *sheet)
{
    text_puts(&sheet->markdown, "\n");
    text_puts(&sheet->html, "</tbody></table>\n");
}

static void put(json_t *data, const char *type, const struct text *text)
{
    size_t size = text->size;
    while (size > 0 && text->data[size - 1] == '\n')
        size--;
    json_object_set_new(data, type, text_json(text->data, size));
}

json_t *sheet_data(const struct sheet *sheet)
{
    if (sheet->plain.failed || sheet->markdown.failed || sheet->html.failed)
        return NULL;
    json_t *data = json_object();
    put(data, "text/plain", &sheet->plain);
    put(data, "text/markdown", &sheet->markdown);
    put(data, "text/html", &sheet->html);
    return data;
}

void sheet_clear(struct sheet *sheet)
{
    text_free(&sheet->plain);
    text_free(&sheet->markdown);
    text_free(&sheet->html);
}
