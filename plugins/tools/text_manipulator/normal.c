/* SPDX-License-Identifier: Apache-2.0
 * Unicode normal forms and case folding: utf8proc's tables and composition with an own canonical
 * ordering, because utf8proc_decompose takes quadratic time for long runs of combining marks.
 * The operations normalize and remove_accents; slugify and sanitize use it too. */
#include "text.h"

#define FULL_EXPANSION 32 /* code points that one code point can become, with room to spare */
#define SHORT_RUN 16      /* combining marks that are sorted by insertion */
#define ACCENT_CLASS 200  /* canonical classes of attached and free diacritics: 200 … 240 */
#define COMBINING_CLASSES 256
#define CANCEL_EVERY 0x4000u /* code points between two looks at the cancel flag */

void points_free(struct points *points)
{
    free(points->data);
    *points = (struct points){0};
}

static bool points_reserve(struct points *points, size_t more)
{
    if (points->len + more <= points->room)
        return true;
    size_t room = (points->len + more) * 2;
    int32_t *grown = realloc(points->data, room * sizeof *grown);
    if (!grown)
        return false;
    points->data = grown;
    points->room = room;
    return true;
}

static int combining_class(int32_t point)
{
    return utf8proc_get_property(point)->combining_class & 0xFF;
}

static void insertion_order(int32_t *run, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        int32_t point = run[i];
        int rank = combining_class(point);
        size_t at = i;
        for (; at > 0 && combining_class(run[at - 1]) > rank; at--)
            run[at] = run[at - 1];
        run[at] = point;
    }
}

/* Sorts a run of marks by class, stable: a counting sort, linear however long the run is. */
static bool counting_order(int32_t *run, size_t len)
{
    size_t next[COMBINING_CLASSES] = {0};
    LLMSPELL_CLEANUP_FREE int32_t *sorted = malloc(len * sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < len; i++)
        next[combining_class(run[i])]++;
    for (size_t class = 0, sum = 0; class < COMBINING_CLASSES; class ++) {
        size_t count = next[class];
        next[class] = sum;
        sum += count;
    }
    for (size_t i = 0; i < len; i++)
        sorted[next[combining_class(run[i])]++] = run[i];
    memcpy(run, sorted, len * sizeof *sorted);
    return true;
}

static bool canonical_order(struct points *points)
{
    for (size_t at = 0, end; at < points->len; at = end) {
        end = at + 1;
        if (combining_class(points->data[at]) == 0)
            continue;
        while (end < points->len && combining_class(points->data[end]) != 0)
            end++;
        if (end - at <= SHORT_RUN)
            insertion_order(points->data + at, end - at);
        else if (!counting_order(points->data + at, end - at))
            return false;
    }
    return true;
}

int32_t points_decompose(struct task *task, struct text text, int options, struct points *ret)
{
    int boundclass = 0;
    unsigned count = 0;
    for (size_t at = 0; at < text.len;) {
        int32_t point, stop = ++count % CANCEL_EVERY == 0 ? llmspell_cancelled(task->call) : 0;
        if (stop < 0)
            return stop;
        at = utf8_next(text, at, &point);
        if (!points_reserve(ret, FULL_EXPANSION))
            return no_memory(task->call);
        utf8proc_ssize_t n = utf8proc_decompose_char(point, ret->data + ret->len, FULL_EXPANSION,
                                                     (utf8proc_option_t)options, &boundclass);
        if (n > 0 && n <= FULL_EXPANSION)
            ret->len += (size_t)n;
        else
            ret->data[ret->len++] = point;
    }
    return canonical_order(ret) ? 0 : no_memory(task->call);
}

void points_compose(struct points *points)
{
    /* STABLE is what makes utf8proc leave out the composition exclusions, as NFC wants */
    utf8proc_ssize_t n =
        utf8proc_normalize_utf32(points->data, (utf8proc_ssize_t)points->len,
                                 (utf8proc_option_t)(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    if (n >= 0)
        points->len = (size_t)n;
}

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
    int32_t rc = points_decompose(task, text, UTF8PROC_DECOMPOSE, &points);
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
    int32_t rc = points_decompose(task, task->input, options, &points);
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
    return combining_class(point) >= ACCENT_CLASS;
}

int32_t op_remove_accents(struct task *task)
{
    CLEANUP_POINTS struct points points = {0};
    int32_t rc = points_decompose(task, task->input, UTF8PROC_DECOMPOSE, &points);
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
