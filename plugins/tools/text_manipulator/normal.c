/* SPDX-License-Identifier: Apache-2.0
 * Unicode normal forms and case folding in the result: the operations normalize and
 * remove_accents; sanitize uses it too. */
#include "text.h"

#define FULL_EXPANSION 32 /* code points that one code point can become, with room to spare */
#define ACCENT_CLASS 200  /* canonical classes of attached and free diacritics: 200 … 240 */

void buffer_add_points(struct buffer *buffer, const struct points *points)
{
    for (size_t i = 0; i < points->len && !buffer->error; i++)
        buffer_add_point(buffer, points->data[i]);
}

void buffer_add_folded(struct buffer *buffer, int32_t point)
{
    int32_t folded[FULL_EXPANSION];
    int boundclass = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(point, folded, FULL_EXPANSION, UTF8PROC_CASEFOLD, &boundclass);
    for (utf8proc_ssize_t i = 0; i < n && i < FULL_EXPANSION; i++)
        buffer_add_point(buffer, folded[i]);
}

int32_t buffer_add_nfc(struct task *task, struct text text, struct buffer *buffer)
{
    CLEANUP_POINTS struct points points = {0};
    int32_t rc = points_decompose(task->call, text.data, text.len, UTF8PROC_DECOMPOSE, &points);
    if (rc < 0)
        return rc;
    points_compose(&points);
    buffer_add_points(buffer, &points);
    return 0;
}

int32_t op_normalize(struct task *task)
{
    CLEANUP_POINTS struct points points = {0};
    struct text form = text_param(task, "form", "nfc");
    bool compat = form.len == strlen("nfkc");
    int options = UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0);
    int32_t rc = points_decompose(task->call, task->input.data, task->input.len, options, &points);
    if (rc < 0)
        return rc;
    if (form.data[form.len - 1] == 'c')
        points_compose(&points);
    buffer_add_points(&task->out, &points);
    return 0;
}

/* Only diacritics go: vowel signs, viramas, kana voicing and variation selectors are marks too,
 * but a text without them is another text. */
static bool is_accent(int32_t point)
{
    return point_combining_class(point) >= ACCENT_CLASS;
}

int32_t op_remove_accents(struct task *task)
{
    CLEANUP_POINTS struct points points = {0};
    int32_t rc = points_decompose(task->call, task->input.data, task->input.len, UTF8PROC_DECOMPOSE,
                                  &points);
    if (rc < 0)
        return rc;
    size_t kept = 0;
    for (size_t i = 0; i < points.len; i++)
        if (!is_accent(points.data[i]))
            points.data[kept++] = points.data[i];
    points.len = kept;
    points_compose(&points);
    buffer_add_points(&task->out, &points);
    return 0;
}
