/* SPDX-License-Identifier: Apache-2.0
 * Operations sort_lines and dedupe_lines. Lines compare by code point (which is the byte order of
 * UTF-8), folded if case does not matter, or by their leading number, exactly, however long it is.
 */
#include "text.h"

#define EXPONENT_MAX 1000000000L

/* A decimal number as 0.DIGITS × 10^magnitude; digits may hold one point, zeros at its ends are
 * left out. */
struct number {
    int sign; /* -1, 0, 1; the rest means nothing for 0 */
    long magnitude;
    struct text digits;
};

struct entry {
    const struct line *line;
    struct text key; /* the line, or its folding in keys.folded */
    struct number number;
    size_t index;
};

struct entries {
    struct entry *items;
    struct entry **order, **spare; /* pointers to items; spare is for merging */
    size_t count;
    struct buffer folded;
};

typedef int (*compare_fn)(const struct entry *a, const struct entry *b);

static void entries_free(struct entries *entries)
{
    free(entries->items);
    free(entries->order);
    free(entries->spare);
    buffer_free(&entries->folded);
}
#define CLEANUP_ENTRIES __attribute__((cleanup(entries_free)))

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with at most one point: their end; *ret_point is the point's place, or the end. */
static const char *scan_digits(const char *at, const char *end, const char **ret_point)
{
    const char *point = NULL;
    for (; at < end; at++) {
        if (*at == '.' && !point)
            point = at;
        else if (!is_digit(*at))
            break;
    }
    *ret_point = point ? point : at;
    return at;
}

/* "e-12" behind a number; 0 if there is none. */
static long scan_exponent(const char *at, const char *end)
{
    if (at == end || (*at != 'e' && *at != 'E'))
        return 0;
    at++;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    long value = 0;
    for (; at < end && is_digit(*at); at++)
        value = value < EXPONENT_MAX ? value * 10 + (*at - '0') : EXPONENT_MAX;
    return negative ? -value : value;
}

/* The leading number of a line; sign 0 if it is zero or there is none. */
static struct number number_read(struct text line)
{
    struct text text = text_trim(line, true, false);
    const char *at = text.data, *end = text.data + text.len, *point;
    int sign = at < end && *at == '-' ? -1 : 1;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *stop = scan_digits(at, end, &point);
    long exponent = scan_exponent(stop, end);
    while (at < stop && (*at == '0' || *at == '.'))
        at++;
    const char *last = stop;
    while (last > at && (last[-1] == '0' || last[-1] == '.') && last > point)
        last--;
    while (last > at && last[-1] == '0')
        last--;
    if (at == last)
        return (struct number){0};
    long whole = (long)(point - at) + (at > point ? 1 : 0);
    return (struct number){sign, whole + exponent, {at, (size_t)(last - at)}};
}

/* The next digit, past the point; '0' behind the end. */
static int next_digit(const char **at, const char *end)
{
    if (*at < end && **at == '.')
        ++*at;
    return *at < end ? *(*at)++ : '0';
}

static int compare_digits(struct text a, struct text b)
{
    const char *p = a.data, *p_end = a.data + a.len, *q = b.data, *q_end = b.data + b.len;
    while (p < p_end || q < q_end) {
        int x = next_digit(&p, p_end), y = next_digit(&q, q_end);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static int compare_numbers(const struct entry *a, const struct entry *b)
{
    const struct number *x = &a->number, *y = &b->number;
    if (x->sign != y->sign)
        return x->sign < y->sign ? -1 : 1;
    if (x->sign == 0)
        return 0;
    int order = x->magnitude != y->magnitude ? (x->magnitude < y->magnitude ? -1 : 1)
                                             : compare_digits(x->digits, y->digits);
    return order * x->sign;
}

static int compare_keys(const struct entry *a, const struct entry *b)
{
    size_t least = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = least ? memcmp(a->key.data, b->key.data, least) : 0;
    if (order == 0 && a->key.len != b->key.len)
        order = a->key.len < b->key.len ? -1 : 1;
    return order;
}

/* Folded keys lie one behind the other in entries->folded, which must not move any more. */
static int32_t fold_keys(struct task *task, struct entries *entries)
{
    size_t *offsets = malloc((entries->count + 1) * sizeof *offsets);
    if (!offsets)
        return no_memory(task->call);
    for (size_t i = 0; i < entries->count; i++) {
        struct text text = entries->items[i].line->text;
        offsets[i] = entries->folded.len;
        for (size_t at = 0; at < text.len;) {
            int32_t point;
            at = utf8_next(text, at, &point);
            buffer_add_folded(&entries->folded, point);
        }
    }
    offsets[entries->count] = entries->folded.len;
    struct text folded = buffer_text(&entries->folded);
    for (size_t i = 0; i < entries->count; i++)
        entries->items[i].key = text_part(folded, offsets[i], offsets[i + 1]);
    free(offsets);
    return buffer_check(task->call, &entries->folded);
}

static int32_t entries_init(struct task *task, const struct lines *lines, struct entries *ret)
{
    size_t count = lines->count ? lines->count : 1;
    ret->items = calloc(count, sizeof *ret->items);
    ret->order = calloc(count, sizeof(struct entry *));
    ret->spare = calloc(count, sizeof(struct entry *));
    if (!ret->items || !ret->order || !ret->spare)
        return no_memory(task->call);
    ret->count = lines->count;
    for (size_t i = 0; i < lines->count; i++) {
        ret->items[i] = (struct entry){&lines->items[i], lines->items[i].text, {0}, i};
        ret->order[i] = &ret->items[i];
    }
    return llmspell_bool(task->params, "ignore_case", 0) ? fold_keys(task, ret) : 0;
}

/* Merges two sorted runs [from, middle) and [middle, to) of a into b; equal ones keep their order.
 */
static void merge_runs(struct entry **a, struct entry **b, size_t from, size_t middle, size_t to,
                       compare_fn compare, int direction)
{
    size_t left = from, right = middle;
    for (size_t i = from; i < to; i++) {
        bool take_left =
            left < middle && (right >= to || compare(a[left], a[right]) * direction <= 0);
        b[i] = take_left ? a[left++] : a[right++];
    }
}

/* A stable merge sort of entries->order that can be cancelled. */
static int32_t entries_sort(struct task *task, struct entries *entries, compare_fn compare,
                            int direction)
{
    size_t count = entries->count;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t from = 0, runs = 0; from < count; from += width * 2) {
            size_t middle = from + width < count ? from + width : count;
            size_t to = middle + width < count ? middle + width : count;
            merge_runs(entries->order, entries->spare, from, middle, to, compare, direction);
            if (++runs % 1024 == 0 || width > 4096) {
                int32_t stop = llmspell_cancelled(task->call);
                if (stop < 0)
                    return stop;
            }
        }
        struct entry **sorted = entries->spare;
        entries->spare = entries->order;
        entries->order = sorted;
    }
    return 0;
}

/* Leaves the first of equal lines, in the order of the text. */
static int32_t entries_unique(struct task *task, struct entries *entries)
{
    int32_t rc = entries_sort(task, entries, compare_keys, 1);
    if (rc < 0)
        return rc;
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++)
        entries->spare[entries->order[i]->index] =
            i == 0 || compare_keys(entries->order[i - 1], entries->order[i]) != 0
                ? entries->order[i]
                : NULL;
    for (size_t i = 0; i < entries->count; i++)
        if (entries->spare[i])
            entries->order[kept++] = entries->spare[i];
    entries->count = kept;
    return 0;
}

/* The same where only neighbours count. */
static void entries_unique_adjacent(struct entries *entries)
{
    size_t kept = 0;
    for (size_t i = 0; i < entries->count; i++)
        if (kept == 0 || compare_keys(entries->order[kept - 1], entries->order[i]) != 0)
            entries->order[kept++] = entries->order[i];
    entries->count = kept;
}

static void entries_write(struct task *task, const struct lines *lines,
                          const struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        lines_add(task, lines, i, entries->count, entries->order[i]->line);
}

int32_t op_sort_lines(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    CLEANUP_ENTRIES struct entries entries = {0};
    bool numeric = llmspell_bool(task->params, "numeric", 0);
    int32_t rc = lines_split(task, &lines);
    if (rc == 0)
        rc = entries_init(task, &lines, &entries);
    if (rc == 0 && llmspell_bool(task->params, "unique", 0))
        rc = entries_unique(task, &entries);
    if (rc < 0)
        return rc;
    for (size_t i = 0; numeric && i < entries.count; i++)
        entries.order[i]->number = number_read(entries.order[i]->line->text);
    rc = entries_sort(task, &entries, numeric ? compare_numbers : compare_keys,
                      llmspell_is(task->params, "order", "desc") ? -1 : 1);
    if (rc == 0)
        entries_write(task, &lines, &entries);
    return rc;
}

int32_t op_dedupe_lines(struct task *task)
{
    CLEANUP_LINES struct lines lines = {0};
    CLEANUP_ENTRIES struct entries entries = {0};
    int32_t rc = lines_split(task, &lines);
    if (rc == 0)
        rc = entries_init(task, &lines, &entries);
    if (rc < 0)
        return rc;
    if (llmspell_bool(task->params, "adjacent_only", 0))
        entries_unique_adjacent(&entries);
    else
        rc = entries_unique(task, &entries);
    if (rc == 0)
        entries_write(task, &lines, &entries);
    return rc;
}
