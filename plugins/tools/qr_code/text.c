/* SPDX-License-Identifier: Apache-2.0
 * A symbol as SVG, and as text of half blocks. */
#include "qr_code.h"

bool drawing_dark(const struct drawing *drawing, size_t x, size_t y)
{
    size_t left = drawing->margin, size = drawing->modules;
    return x >= left && y >= left && x - left < size && y - left < size &&
           (drawing->cells[(y - left) * size + (x - left)] & 1);
}

/* ---- SVG: one path of runs, in units of modules ---- */

static void put_colour(struct byte_buffer *out, const char *key, const struct colour *colour)
{
    buffer_printf(out, " %s=\"#%02x%02x%02x\"", key, colour->red, colour->green, colour->blue);
}

static void put_row(const struct drawing *drawing, size_t y, struct byte_buffer *out)
{
    size_t side = drawing_side(drawing);
    for (size_t x = 0; x < side; x++) {
        size_t from = x;
        while (drawing_dark(drawing, x, y))
            x++;
        if (x > from)
            buffer_printf(out, "M%zu %zuh%zuv1h-%zuz", from, y, x - from, x - from);
    }
}

void draw_svg(const struct drawing *drawing, struct byte_buffer *out)
{
    size_t side = drawing_side(drawing), width = side * drawing->scale;
    buffer_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%zu\" height=\"%zu\" "
                  "viewBox=\"0 0 %zu %zu\" shape-rendering=\"crispEdges\">\n",
                  width, width, side, side);
    buffer_printf(out, "<rect width=\"%zu\" height=\"%zu\"", side, side);
    put_colour(out, "fill", &drawing->background);
    buffer_puts(out, "/>\n<path");
    put_colour(out, "fill", &drawing->foreground);
    buffer_puts(out, " d=\"");
    for (size_t y = 0; y < side; y++)
        put_row(drawing, y, out);
    buffer_puts(out, "\"/>\n</svg>\n");
}

/* ---- text: two rows of modules a line ---- */

void draw_utf8(const struct drawing *drawing, struct byte_buffer *out)
{
    static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"};
    size_t side = drawing_side(drawing);
    for (size_t y = 0; y < side; y += 2) {
        for (size_t x = 0; x < side; x++)
            buffer_puts(out, blocks[(drawing_dark(drawing, x, y) ? 1 : 0) +
                                    (drawing_dark(drawing, x, y + 1) ? 2 : 0)]);
        buffer_char(out, '\n');
    }
}
