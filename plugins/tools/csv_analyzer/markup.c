/* SPDX-License-Identifier: Apache-2.0
 * Tables as Markdown (GFM) and HTML. Called by output.c. */
#include "analyzer.h"

static const struct cell *cell_at(const struct view *view, size_t row, size_t column)
{
    return &view->table->columns[view->columns[column]].cells[view->rows[row]];
}

static void put_escaped(struct bounded_text *out, const char *text, size_t size,
                        const char *(*escape)(char c))
{
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        const char *replacement = escape(text[i]);
        if (!replacement)
            continue;
        bounded_put(out, text + from, i - from);
        bounded_puts(out, replacement);
        from = i + 1;
    }
    bounded_put(out, text + from, size - from);
}

/* Of a line break one half only. */
static const char *escape_markdown(char c)
{
    switch (c) {
    case '|':
        return "\\|";
    case '\\':
        return "\\\\";
    case '\n':
        return "<br>";
    case '\r':
        return "";
    default:
        return NULL;
    }
}

static const char *escape_html(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return NULL;
    }
}

void view_markdown(const struct view *view, struct bounded_text *out)
{
    bounded_char(out, '|');
    for (size_t i = 0; i < view->column_count; i++) {
        const char *name = view->table->columns[view->columns[i]].name;
        bounded_char(out, ' ');
        put_escaped(out, name, strlen(name), escape_markdown);
        bounded_puts(out, " |");
    }
    bounded_puts(out, "\n|");
    for (size_t i = 0; i < view->column_count; i++)
        bounded_puts(out, " --- |");
    bounded_char(out, '\n');
    for (size_t row = 0; row < view->row_count && out->error == 0; row++) {
        bounded_char(out, '|');
        for (size_t i = 0; i < view->column_count; i++) {
            const struct cell *cell = cell_at(view, row, i);
            bounded_char(out, ' ');
            put_escaped(out, cell->text, cell->size, escape_markdown);
            bounded_puts(out, cell->size ? " |" : "|");
        }
        bounded_char(out, '\n');
    }
}

static void put_tagged(struct bounded_text *out, const char *tag, const char *text, size_t size)
{
    bounded_char(out, '<');
    bounded_puts(out, tag);
    bounded_char(out, '>');
    put_escaped(out, text, size, escape_html);
    bounded_puts(out, "</");
    bounded_puts(out, tag);
    bounded_char(out, '>');
}

void view_html(const struct view *view, struct bounded_text *out)
{
    bounded_puts(out, "<table>\n<thead>\n<tr>");
    for (size_t i = 0; i < view->column_count; i++) {
        const char *name = view->table->columns[view->columns[i]].name;
        put_tagged(out, "th", name, strlen(name));
    }
    bounded_puts(out, "</tr>\n</thead>\n<tbody>\n");
    for (size_t row = 0; row < view->row_count && out->error == 0; row++) {
        bounded_puts(out, "<tr>");
        for (size_t i = 0; i < view->column_count; i++) {
            const struct cell *cell = cell_at(view, row, i);
            put_tagged(out, "td", cell->text, cell->size);
        }
        bounded_puts(out, "</tr>\n");
    }
    bounded_puts(out, "</tbody>\n</table>\n");
}
