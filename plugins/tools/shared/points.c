/* SPDX-License-Identifier: Apache-2.0
 * Unicode normal forms on code points: utf8proc's tables and composition with an own canonical
 * ordering, because utf8proc_decompose takes quadratic time for long runs of combining marks. */
#include "points.h"

#define FULL_EXPANSION 32 /* code points that one code point can become, with room to spare */
#define SHORT_RUN 16      /* combining marks that are sorted by insertion */
#define COMBINING_CLASSES 256
#define CANCEL_EVERY 0x4000u /* code points between two looks at the cancel flag */

static int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

size_t points_next(const char *text, size_t size, int32_t *ret_point)
{
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, ret_point);
    if (n > 0)
        return (size_t)n;
    *ret_point = 0xFFFD; /* texts are checked before: never past the end all the same */
    return 1;
}

int point_combining_class(int32_t point)
{
    return utf8proc_get_property(point)->combining_class & 0xFF;
}

bool point_is_alphanumeric(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

bool point_is_mark(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

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

static void insertion_order(int32_t *run, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        int32_t point = run[i];
        int rank = point_combining_class(point);
        size_t at = i;
        for (; at > 0 && point_combining_class(run[at - 1]) > rank; at--)
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
        next[point_combining_class(run[i])]++;
    for (size_t class = 0, sum = 0; class < COMBINING_CLASSES; class ++) {
        size_t count = next[class];
        next[class] = sum;
        sum += count;
    }
    for (size_t i = 0; i < len; i++)
        sorted[next[point_combining_class(run[i])]++] = run[i];
    memcpy(run, sorted, len * sizeof *sorted);
    return true;
}

static bool canonical_order(struct points *points)
{
    for (size_t at = 0, end; at < points->len; at = end) {
        end = at + 1;
        if (point_combining_class(points->data[at]) == 0)
            continue;
        while (end < points->len && point_combining_class(points->data[end]) != 0)
            end++;
        if (end - at <= SHORT_RUN)
            insertion_order(points->data + at, end - at);
        else if (!counting_order(points->data + at, end - at))
            return false;
    }
    return true;
}

int32_t points_decompose(struct llmspell_call *call, const char *text, size_t size, int options,
                         struct points *ret)
{
    int boundclass = 0;
    unsigned count = 0;
    for (size_t at = 0; at < size;) {
        int32_t point, stop = ++count % CANCEL_EVERY == 0 ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
        at += points_next(text + at, size - at, &point);
        if (!points_reserve(ret, FULL_EXPANSION))
            return no_memory(call);
        utf8proc_ssize_t n = utf8proc_decompose_char(point, ret->data + ret->len, FULL_EXPANSION,
                                                     (utf8proc_option_t)options, &boundclass);
        if (n > 0 && n <= FULL_EXPANSION)
            ret->len += (size_t)n;
        else
            ret->data[ret->len++] = point;
    }
    return canonical_order(ret) ? 0 : no_memory(call);
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
