/* SPDX-License-Identifier: Apache-2.0
 * The list of matches (see match.h): those whose case fits first, then by bytes. */
#include "match.h"

#include <stdlib.h>
#include <string.h>

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static int begins_folded(const char *text, const char *prefix, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (lower(text[i]) != lower(prefix[i]))
            return 0;
    return 1;
}

static int begins(const char *text, const char *prefix, size_t size)
{
    return size == 0 || memcmp(text, prefix, size) == 0;
}

int match_fits(const struct matches *matches, const char *text, size_t size)
{
    return size > 0 && size <= MATCH_SIZE && size >= matches->prefix_size &&
           begins_folded(text, matches->prefix, matches->prefix_size);
}

struct match *match_add(struct matches *matches, const char *text, size_t size, const char *type)
{
    if (!match_fits(matches, text, size) || matches->count == MATCH_SEEN)
        return NULL;
    if (matches->count == matches->room) {
        size_t room = matches->room ? 2 * matches->room : 64;
        struct match *grown = realloc(matches->items, room * sizeof *grown);
        if (!grown)
            return NULL;
        matches->items = grown;
        matches->room = room;
    }
    struct match *match = &matches->items[matches->count];
    *match = (struct match){.text = text, .size = size, .type = type, .order = matches->count++};
    match->folded = !begins(text, matches->prefix, matches->prefix_size);
    return match;
}

struct match *match_copy(struct matches *matches, const char *text, size_t size, const char *type)
{
    if (!match_fits(matches, text, size))
        return NULL;
    char *copy = malloc(size);
    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    struct match *match = match_add(matches, copy, size, type);
    if (match)
        match->own = copy;
    else
        free(copy);
    return match;
}

static int compare(const void *left, const void *right)
{
    const struct match *a = left, *b = right;
    if (a->folded != b->folded)
        return a->folded - b->folded;
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    if (order == 0)
        order = (a->size > b->size) - (a->size < b->size);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void drop(struct match *match)
{
    free(match->own);
    free(match->signature);
}

static int same(const struct match *a, const struct match *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

void match_sort(struct matches *matches)
{
    size_t kept = 0;
    if (matches->count > 0)
        qsort(matches->items, matches->count, sizeof *matches->items, compare);
    for (size_t i = 0; i < matches->count; i++) {
        struct match *match = &matches->items[i];
        if (kept == MATCH_MAX || (kept > 0 && same(match, &matches->items[kept - 1])))
            drop(match);
        else
            matches->items[kept++] = *match;
    }
    matches->count = kept;
}

void match_clear(struct matches *matches)
{
    for (size_t i = 0; i < matches->count; i++)
        drop(&matches->items[i]);
    free(matches->items);
    memset(matches, 0, sizeof *matches);
}
