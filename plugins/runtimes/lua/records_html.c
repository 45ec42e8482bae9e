/* SPDX-License-Identifier: Apache-2.0
 * A table of records as an HTML <table>. Alignment is a style of each cell, since JupyterLab's
 * sanitizer keeps that of all CSS, and its own style sheet aligns cells to the right. Called by
 * bundle.c and displaylib.c. */
#include <string.h>

#include "display.h"

static void escape(const char *data, size_t size, struct text *out)
{
    static const char *const NAMES[256] = {
        ['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
        ['"'] = "&quot;", ['\''] = "&#39;", ['\0'] = "\xef\xbf\xbd"};
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        const char *name = NAMES[(unsigned char)data[i]];
        if (!name)
            continue;
        text_add(out, data + start, i - start);
        text_puts(out, name);
        start = i + 1;
    }
    text_add(out, data + start, size - start);
}

/* A column of numbers has its name above them. */
static int is_numeric(const struct records *records, size_t column)
{
    return records->shown > 0 && records->cells[column].number;
}

static void add_head(lua_State *L, const struct records *records, struct text *out)
{
    text_puts(out, "<thead><tr>");
    for (size_t i = 0; i < records->columns; i++) {
        size_t size = 0;
        lua_rawgeti(L, records->names, (lua_Integer)i + 1);
        const char *name = lua_tolstring(L, -1, &size);
        text_puts(out, is_numeric(records, i) ? "<th style=\"text-align:right\">"
                                              : "<th style=\"text-align:left\">");
        escape(name ? name : "", name ? size : 0, out);
        text_puts(out, "</th>");
        lua_pop(L, 1);
    }
    text_puts(out, "</tr></thead>\n");
}

static void add_row(const struct records *records, const struct records_cell *cells,
                    struct text *out)
{
    text_puts(out, "<tr>");
    for (size_t i = 0; i < records->columns; i++) {
        text_puts(out, cells[i].number ? "<td style=\"text-align:right\">"
                                       : "<td style=\"text-align:left\">");
        if (cells[i].size > 0)
            escape(records->text->data + cells[i].start, cells[i].size, out);
        text_puts(out, "</td>");
    }
    text_puts(out, "</tr>\n");
}

void records_html(lua_State *L, const struct records *records, struct text *out)
{
    text_puts(out, "<table>\n");
    if (records->headed)
        add_head(L, records, out);
    text_puts(out, "<tbody>\n");
    for (size_t i = 0; i < records->shown; i++)
        add_row(records, records->cells + i * records->columns, out);
    text_puts(out, "</tbody>\n</table>");
    if (records->shown < records->count || records->hidden) {
        text_puts(out, "\n<p>");
        records_more(records, out);
        text_puts(out, "</p>");
    }
    text_check(L, out);
}
