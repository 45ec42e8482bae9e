/* SPDX-License-Identifier: Apache-2.0
 * Text in columns of display cells. */
#include "diff.h"

#include <utf8proc.h>

#define TAB 8

/* A grapheme cluster is as wide as its base, and 2 as an emoji or a flag. */
struct cluster {
    size_t size, cells;
    int32_t base;
};

static struct cluster next_cluster(struct span text)
{
    utf8proc_int32_t state = 0, before = 0, point = 0;
    struct cluster cluster = {0, 0, 0};
    while (cluster.size < text.size) {
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.data + cluster.size,
                                              (utf8proc_ssize_t)(text.size - cluster.size), &point);
        if (n <= 0)
            break;
        if (cluster.size == 0) {
            cluster.base = point;
            cluster.cells = (size_t)utf8proc_charwidth(point);
        } else if (utf8proc_grapheme_break_stateful(before, point, &state)) {
            break;
        } else if (point == 0xFE0F || (point >= 0x1F1E6 && point <= 0x1F1FF)) {
            cluster.cells = 2;
        }
        cluster.size += (size_t)n;
        before = point;
    }
    if (cluster.size == 0)
        cluster.size = 1;
    return cluster;
}

size_t columns_add(struct output *out, struct span text, size_t cells)
{
    size_t used = 0;
    while (text.size > 0) {
        struct cluster cluster = next_cluster(text);
        bool tab = cluster.base == '\t', control = cluster.base < 0x20 || cluster.base == 0x7F;
        size_t wide = tab ? TAB - used % TAB : cluster.cells;
        if (used + wide > cells)
            break;
        if (tab)
            output_add(out, "        ", wide);
        else if (!control)
            output_add(out, text.data, cluster.size);
        used += wide;
        text.data += cluster.size;
        text.size -= cluster.size;
    }
    return used;
}
