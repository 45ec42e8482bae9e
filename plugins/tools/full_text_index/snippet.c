/* SPDX-License-Identifier: Apache-2.0
 * The SQL function snip(TABLE, TOKENS, BEFORE, AFTER): the stretch of the document with most of the
 * phrases that were searched, each between BEFORE and AFTER. snippet of FTS5 compares each place
 * with each other, which takes minutes where a word stands 100,000 times. */
#include "text_index.h"

#define PLACES_MAX 8192 /* of all phrases together that are looked at */
#define PLACES_MIN 16   /* of each, if there are many */
#define WINDOW_MAX 64   /* tokens */
#define TEXT_MAX 4096   /* bytes of the stretch, for texts without spaces */
#define ELLIPSIS "\xE2\x80\xA6"

/* Where a phrase stands, in tokens. */
struct place {
    int column, start, length, phrase;
};

struct places {
    struct place *list;
    size_t count;
};

struct window {
    int column, start, end; /* tokens */
    /* Bytes of the tokens, found by reading the text. */
    int from[WINDOW_MAX], to[WINDOW_MAX];
    int seen, more; /* tokens seen up to the end; 1: there are more behind it */
};

/* ---- places ---- */

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->phrase > y->phrase) - (x->phrase < y->phrase);
}

static int add_phrase(const Fts5ExtensionApi *api, Fts5Context *context, int phrase, int most,
                      struct places *places)
{
    Fts5PhraseIter iter;
    int column = 0, offset = 0;
    int length = api->xPhraseSize(context, phrase);
    int code = api->xPhraseFirst(context, phrase, &iter, &column, &offset);
    for (int n = 0; code == SQLITE_OK && column >= 0 && n < most; n++) {
        places->list[places->count++] = (struct place){column, offset, length, phrase};
        api->xPhraseNext(context, &iter, &column, &offset);
    }
    return code;
}

static int collect(const Fts5ExtensionApi *api, Fts5Context *context, struct places *places)
{
    int count = api->xPhraseCount(context);
    int most = count > PLACES_MAX / PLACES_MIN ? PLACES_MIN : PLACES_MAX / (count > 0 ? count : 1);
    int code = SQLITE_OK;
    places->list = calloc((size_t)count * (size_t)most + 1, sizeof *places->list);
    if (!places->list)
        return SQLITE_NOMEM;
    for (int i = 0; code == SQLITE_OK && i < count; i++)
        code = add_phrase(api, context, i, most, places);
    qsort(places->list, places->count, sizeof *places->list, by_place);
    return code;
}

/* ---- the best window ---- */

/* How much the places from `first` on that fit into size tokens are worth: different phrases
 * before many places. */
static int worth(const struct places *places, size_t first, int size, int *ret_end)
{
    const struct place *start = &places->list[first];
    int score = 0;
    *ret_end = start->start + start->length;
    for (size_t i = first; i < places->count && i < first + WINDOW_MAX; i++) {
        const struct place *place = &places->list[i];
        if (place->column != start->column || place->start + place->length > start->start + size)
            break;
        bool again = false;
        for (size_t k = first; k < i && !again; k++)
            again = places->list[k].phrase == place->phrase;
        score += again ? 1 : 1000;
        *ret_end = place->start + place->length;
    }
    return score;
}

/* The first of the best ones; its places in the middle. */
static void choose(const struct places *places, int size, struct window *window)
{
    int best = -1, end;
    for (size_t i = 0; i < places->count; i++) {
        int score = worth(places, i, size, &end);
        if (score <= best)
            continue;
        best = score;
        int margin = size - (end - places->list[i].start);
        int start = places->list[i].start - (margin > 0 ? margin / 2 : 0);
        *window = (struct window){.column = places->list[i].column, .start = start < 0 ? 0 : start};
    }
    window->end = window->start + size;
}

static int on_token(void *data, int flags, const char *token, int length, int from, int to)
{
    struct window *window = data;
    (void)token;
    (void)length;
    if (flags & FTS5_TOKEN_COLOCATED)
        return SQLITE_OK;
    if (window->seen == window->end) {
        window->more = 1;
        return SQLITE_DONE;
    }
    int i = window->seen++;
    if (i >= window->start) {
        window->from[i - window->start] = from;
        window->to[i - window->start] = to;
    }
    return SQLITE_OK;
}

/* At the end of the text the window moves back, so that it is full. */
static int read_window(const Fts5ExtensionApi *api, Fts5Context *context, const char *text,
                       int bytes, struct window *window)
{
    int size = window->end - window->start;
    int code = api->xTokenize(context, text, bytes, window, on_token);
    if (window->more) /* some tokenizers hand SQLITE_DONE on, others do not */
        return SQLITE_OK;
    if (code != SQLITE_OK || window->seen == window->end || window->start == 0)
        return code;
    window->end = window->seen;
    window->start = window->seen > size ? window->seen - size : 0;
    window->seen = 0;
    return api->xTokenize(context, text, bytes, window, on_token);
}

/* ---- text ---- */

/* Bytes [from, to), cut to what is left of limit at a code point. */
static void put(sqlite3_str *out, const char *text, int from, int to, int limit)
{
    if (to > limit) {
        to = limit;
        while (to > from && ((unsigned char)text[to] & 0xC0) == 0x80)
            to--;
    }
    for (int at = from; at < to;) { /* NUL would end %.*s and the function's result */
        int n = (int)strnlen(text + at, (size_t)(to - at));
        sqlite3_str_append(out, text + at, n);
        at += n;
        if (at < to) {
            sqlite3_str_appendchar(out, 1, ' ');
            at++;
        }
    }
}

/* The bytes of the next marked stretch at or behind place *i: places that touch are one. */
static bool next_mark(const struct places *places, const struct window *window, size_t *i,
                      int *ret_from, int *ret_to)
{
    bool found = false;
    for (; *i < places->count; (*i)++) {
        const struct place *place = &places->list[*i];
        int end = place->start + place->length;
        int start = place->start < window->start ? window->start : place->start;
        end = end > window->seen ? window->seen : end;
        if (place->column != window->column || start >= end)
            continue;
        int from = window->from[start - window->start];
        int to = window->to[end - 1 - window->start];
        if (found && from >= *ret_to)
            break;
        if (!found)
            *ret_from = from;
        if (!found || to > *ret_to)
            *ret_to = to;
        found = true;
    }
    return found;
}

static void write_text(sqlite3_str *out, const char *text, int bytes, const struct places *places,
                       const struct window *window, const char *const marks[2])
{
    int count = window->seen - window->start;
    int from = window->start > 0 && count > 0 ? window->from[0] : 0;
    int to = window->more && count > 0 ? window->to[count - 1] : bytes;
    int limit = to - from > TEXT_MAX ? from + TEXT_MAX : to;
    int at = from, mark_from = 0, mark_to = 0;
    size_t i = 0;
    if (from > 0)
        sqlite3_str_appendall(out, ELLIPSIS);
    while (next_mark(places, window, &i, &mark_from, &mark_to) && mark_to <= limit) {
        put(out, text, at, mark_from, limit);
        sqlite3_str_appendall(out, marks[0]);
        put(out, text, mark_from, mark_to, limit);
        sqlite3_str_appendall(out, marks[1]);
        at = mark_to;
    }
    put(out, text, at, to, limit);
    if (limit < bytes)
        sqlite3_str_appendall(out, ELLIPSIS);
}

static int make(const Fts5ExtensionApi *api, Fts5Context *context, sqlite3_value **values,
                struct places *places, sqlite3_str *out)
{
    struct window window = {.column = 0};
    const char *text = NULL;
    int bytes = 0;
    int code = collect(api, context, places);
    if (code != SQLITE_OK)
        return code;
    choose(places, sqlite3_value_int(values[0]), &window);
    code = api->xColumnText(context, window.column, &text, &bytes);
    if (code == SQLITE_OK)
        code = read_window(api, context, text, bytes, &window);
    if (code == SQLITE_OK)
        write_text(out, text, bytes, places, &window,
                   (const char *const[]){(const char *)sqlite3_value_text(values[1]),
                                         (const char *)sqlite3_value_text(values[2])});
    return code;
}

static void on_snip(const Fts5ExtensionApi *api, Fts5Context *context, sqlite3_context *result,
                    int count, sqlite3_value **values)
{
    struct places places = {NULL, 0};
    sqlite3_str *out = sqlite3_str_new(NULL);
    (void)count;
    int code = make(api, context, values, &places, out);
    if (code == SQLITE_OK)
        code = sqlite3_str_errcode(out);
    char *text = sqlite3_str_finish(out);
    if (code == SQLITE_OK)
        sqlite3_result_text(result, text ? text : "", -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_code(result, code);
    sqlite3_free(text);
    free(places.list);
}

int snippet_register(struct text_index *index, fts5_api *api)
{
    return api->xCreateFunction(api, "snip", index, on_snip, NULL);
}
