/* SPDX-License-Identifier: Apache-2.0
 * Finding a literal text, also without regard to case, and the operations on what was found:
 * replace, split; count uses it for its pattern. */
#include "text.h"

#define NO_ORIGIN UINT32_MAX

/* What is searched: the text itself, or its case folding with the way back to the text. */
struct haystack {
    struct text text;
    struct buffer folded;
    uint32_t *origin; /* for each byte of folded, and its end: the offset in the text of the code
                         point that starts there; NO_ORIGIN inside one. NULL: not folded */
};

void matches_free(struct matches *matches)
{
    free(matches->items);
    *matches = (struct matches){0};
}

static bool matches_add(struct matches *matches, struct text match)
{
    if (matches->count == matches->room) {
        size_t room = matches->room ? matches->room * 2 : 16;
        struct text *grown = realloc(matches->items, room * sizeof *grown);
        if (!grown)
            return false;
        matches->items = grown;
        matches->room = room;
    }
    matches->items[matches->count++] = match;
    return true;
}

static void haystack_free(struct haystack *haystack)
{
    buffer_free(&haystack->folded);
    free(haystack->origin);
}
#define CLEANUP_HAYSTACK __attribute__((cleanup(haystack_free)))

static void fold(struct buffer *ret, struct text text)
{
    for (size_t at = 0; at < text.len;) {
        int32_t point;
        at = utf8_next(text, at, &point);
        buffer_add_folded(ret, point);
    }
}

static int32_t haystack_fold(struct task *task, struct haystack *haystack)
{
    struct text text = haystack->text;
    fold(&haystack->folded, text);
    int32_t rc = buffer_check(task->call, &haystack->folded);
    if (rc < 0)
        return rc;
    size_t size = haystack->folded.len + 1;
    haystack->origin = malloc(size * sizeof *haystack->origin);
    if (!haystack->origin)
        return no_memory(task->call);
    for (size_t i = 0; i < size; i++)
        haystack->origin[i] = NO_ORIGIN;
    haystack->folded.len = 0; /* once more, now that there is room to note the offsets */
    for (size_t at = 0; at < text.len;) {
        int32_t point;
        haystack->origin[haystack->folded.len] = (uint32_t)at;
        at = utf8_next(text, at, &point);
        buffer_add_folded(&haystack->folded, point);
    }
    haystack->origin[haystack->folded.len] = (uint32_t)text.len;
    return 0;
}

/* Knuth-Morris-Pratt: for each prefix of needle, the length of its longest proper border. */
static uint32_t *borders_new(struct text needle)
{
    uint32_t *border = malloc(needle.len * sizeof *border);
    if (!border)
        return NULL;
    border[0] = 0;
    for (size_t i = 1, k = 0; i < needle.len; i++) {
        while (k > 0 && needle.data[i] != needle.data[k])
            k = border[k - 1];
        if (needle.data[i] == needle.data[k])
            k++;
        border[i] = (uint32_t)k;
    }
    return border;
}

/* The part of the text that bytes [from, to) of the searched form stand for; false if they begin
 * or end inside the folding of one character (the first s of ß). */
static bool match_origin(const struct haystack *haystack, size_t from, size_t to,
                         struct text *ret_match)
{
    if (haystack->origin) {
        if (haystack->origin[from] == NO_ORIGIN || haystack->origin[to] == NO_ORIGIN)
            return false;
        from = haystack->origin[from];
        to = haystack->origin[to];
    }
    *ret_match = text_part(haystack->text, from, to);
    return true;
}

static int32_t search(struct task *task, const struct haystack *haystack, struct text needle,
                      size_t limit, struct matches *ret)
{
    LLMSPELL_CLEANUP_FREE uint32_t *border = borders_new(needle);
    if (!border)
        return no_memory(task->call);
    struct text in = haystack->origin ? buffer_text(&haystack->folded) : haystack->text;
    for (size_t i = 0, k = 0; i < in.len; i++) {
        while (k > 0 && in.data[i] != needle.data[k])
            k = border[k - 1];
        if (in.data[i] == needle.data[k])
            k++;
        if (k < needle.len)
            continue;
        struct text match;
        if (!match_origin(haystack, i + 1 - k, i + 1, &match)) {
            k = border[k - 1];
            continue;
        }
        if (!matches_add(ret, match))
            return no_memory(task->call);
        if (limit && ret->count == limit)
            break;
        k = 0;
    }
    return 0;
}

int32_t matches_find(struct task *task, struct text needle, bool ignore_case, size_t limit,
                     struct matches *ret)
{
    CLEANUP_HAYSTACK struct haystack haystack = {.text = task->input};
    CLEANUP_BUFFER struct buffer folded_needle = {0};
    if (needle.len == 0)
        return 0;
    if (ignore_case) {
        fold(&folded_needle, needle);
        int32_t rc = buffer_check(task->call, &folded_needle);
        if (rc == 0)
            rc = haystack_fold(task, &haystack);
        if (rc < 0)
            return rc;
        needle = buffer_text(&folded_needle);
    }
    return search(task, &haystack, needle, limit, ret);
}

/* The bytes that replacing every match by to would give; SIZE_MAX if that overflows. */
static size_t replaced_size(struct text input, const struct matches *matches, struct text to)
{
    size_t size = input.len, added;
    for (size_t i = 0; i < matches->count; i++)
        size -= matches->items[i].len;
    if (__builtin_mul_overflow(to.len, matches->count, &added))
        return SIZE_MAX;
    return __builtin_add_overflow(size, added, &size) ? SIZE_MAX : size;
}

int32_t op_replace(struct task *task)
{
    CLEANUP_MATCHES struct matches matches = {0};
    struct text to = text_param(task, "to", "");
    int32_t rc = matches_find(task, text_param(task, "from", ""),
                              llmspell_bool(task->params, "ignore_case", 0),
                              (size_t)llmspell_integer(task->params, "limit", 0), &matches);
    if (rc < 0)
        return rc;
    const char *at = task->input.data, *end = at + task->input.len;
    if (!buffer_reserve(&task->out, replaced_size(task->input, &matches, to)))
        return 0;
    for (size_t i = 0; i < matches.count; i++) {
        buffer_add(&task->out, at, (size_t)(matches.items[i].data - at));
        buffer_add_text(&task->out, to);
        at = matches.items[i].data + matches.items[i].len;
    }
    buffer_add(&task->out, at, (size_t)(end - at));
    return 0;
}

static bool append_text(json_t *list, struct text text)
{
    return json_array_append_new(list, json_stringn(text.data, text.len)) == 0;
}

/* At most limit entries (0: no limit); the last one holds the rest. */
static bool split_graphemes(json_t *list, struct text text, size_t limit)
{
    for (size_t at = 0, end; at < text.len; at = end) {
        bool rest = limit && json_array_size(list) + 1 == limit;
        end = rest ? text.len : grapheme_end(text, at);
        if (!append_text(list, text_part(text, at, end)))
            return false;
    }
    return true;
}

static bool split_matches(json_t *list, struct text text, const struct matches *matches)
{
    const char *at = text.data;
    for (size_t i = 0; i < matches->count; i++) {
        const struct text *match = &matches->items[i];
        if (!append_text(list, (struct text){at, (size_t)(match->data - at)}))
            return false;
        at = match->data + match->len;
    }
    return append_text(list, (struct text){at, (size_t)(text.data + text.len - at)});
}

int32_t op_split(struct task *task)
{
    CLEANUP_MATCHES struct matches matches = {0};
    struct text delimiter = text_param(task, "delimiter", " ");
    size_t limit = (size_t)llmspell_integer(task->params, "limit", 0);
    task->value = json_array();
    if (!task->value)
        return no_memory(task->call);
    bool done;
    if (delimiter.len == 0) {
        done = split_graphemes(task->value, task->input, limit);
    } else {
        int32_t rc =
            limit == 1 ? 0 : matches_find(task, delimiter, false, limit ? limit - 1 : 0, &matches);
        if (rc < 0)
            return rc;
        done = split_matches(task->value, task->input, &matches);
    }
    return done ? 0 : no_memory(task->call);
}
