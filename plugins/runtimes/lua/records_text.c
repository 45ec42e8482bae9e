/* SPDX-License-Identifier: Apache-2.0
 * A table of records as text in columns, numbers to the right. Called by displaylib.c. */
#include <string.h>

#include "display.h"

#define WIDTH_MAX 60 /* columns of the terminal that one cell takes */

/* Columns of the terminal that a code point takes: East Asian wide ones and pictures two. */
static size_t columns_of(unsigned c)
{
    static const unsigned WIDE[][2] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                       {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                                       {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if ((c >= 0x300 && c <= 0x36f) || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f))
        return 0;
    for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++)
        if (c >= WIDE[i][0] && c <= WIDE[i][1])
            return 2;
    return 1;
}

static unsigned decode(const char *data, size_t length)
{
    const unsigned char *s = (const unsigned char *)data;
    if (length <= 1)
        return s[0];
    unsigned c = s[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        c = c << 6 | (s[i] & 0x3f);
    return c;
}

/* The width of a cell that is cut at WIDTH_MAX; *ret_cut: bytes that fit. */
static size_t measure(const char *data, size_t size, size_t *ret_cut)
{
    size_t width = 0, at = 0;
    while (at < size) {
        size_t length = text_character(data + at, size - at);
        size_t wide = columns_of(decode(data + at, length));
        if (width + wide > WIDTH_MAX)
            break;
        width += wide;
        at += length ? length : 1;
    }
    *ret_cut = at;
    return at < size ? width + 1 : width; /* and "…" */
}

static void pad(struct text *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_add(out, " ", 1);
}

static void trim(struct text *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->size--;
}

/* A cell on one line: line ends and other control characters become blanks. */
static void add_cell(const char *data, size_t size, size_t width, int right, struct text *out)
{
    size_t cut = 0, own = measure(data, size, &cut);
    if (right)
        pad(out, width - own);
    for (size_t i = 0; i < cut; i++)
        text_add(out, (unsigned char)data[i] < 32 || data[i] == 127 ? " " : data + i, 1);
    if (cut < size)
        text_puts(out, "…");
    if (!right)
        pad(out, width - own);
}

static const char *cell_data(const struct records *records, const struct records_cell *cell)
{
    return cell->size ? records->text->data + cell->start : "";
}

/* Pushes the widths of the columns. */
static size_t *measure_columns(lua_State *L, const struct records *records)
{
    size_t *widths = lua_newuserdatauv(L, (records->columns + 1) * sizeof *widths, 0), cut;
    memset(widths, 0, (records->columns + 1) * sizeof *widths);
    for (size_t i = 0; i < records->columns && records->headed; i++) {
        size_t size = 0;
        lua_rawgeti(L, records->names, (lua_Integer)i + 1);
        const char *name = lua_tolstring(L, -1, &size);
        widths[i] = name ? measure(name, size, &cut) : 0;
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < records->shown * records->columns; i++) {
        const struct records_cell *cell = &records->cells[i];
        size_t width = measure(cell_data(records, cell), cell->size, &cut);
        if (width > widths[i % records->columns])
            widths[i % records->columns] = width;
    }
    return widths;
}

static void add_head(lua_State *L, const struct records *records, const size_t *widths,
                     struct text *out)
{
    for (size_t i = 0; i < records->columns; i++) {
        size_t size = 0;
        lua_rawgeti(L, records->names, (lua_Integer)i + 1);
        const char *name = lua_tolstring(L, -1, &size);
        pad(out, i > 0 ? 2 : 0);
        add_cell(name ? name : "", name ? size : 0, widths[i],
                 records->shown > 0 && records->cells[i].number, out);
        lua_pop(L, 1);
    }
    trim(out);
    text_puts(out, "\n");
    for (size_t i = 0; i < records->columns; i++) {
        pad(out, i > 0 ? 2 : 0);
        for (size_t dash = 0; dash < widths[i]; dash++)
            text_add(out, "-", 1);
    }
}

void records_text(lua_State *L, const struct records *records, struct text *out)
{
    const size_t *widths = measure_columns(L, records);
    if (records->headed)
        add_head(L, records, widths, out);
    for (size_t row = 0; row < records->shown; row++) {
        const struct records_cell *cells = records->cells + row * records->columns;
        text_puts(out, out->size > 0 ? "\n" : "");
        for (size_t i = 0; i < records->columns; i++) {
            pad(out, i > 0 ? 2 : 0);
            add_cell(cell_data(records, &cells[i]), cells[i].size, widths[i], cells[i].number, out);
        }
        trim(out);
    }
    if (records->shown < records->count || records->hidden) {
        text_puts(out, "\n");
        records_more(records, out);
    }
    lua_pop(L, 1);
    text_check(L, out);
}
