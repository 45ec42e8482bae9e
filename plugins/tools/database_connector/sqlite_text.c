/* SPDX-License-Identifier: Apache-2.0
 * instr, replace and trim in place of SQLite's own, which take time by the product of their
 * arguments and cannot be stopped on the way: a few words of SQL would run for days. The same
 * results, by a search in linear time that looks at the clock. */
#include "sqlite_task.h"

#define BYTES_PER_CHECK (1u << 20)

/* A text or blob argument. */
struct bytes {
    const unsigned char *data;
    size_t size;
};

/* False: the call is to end, and SQLite is told. */
static bool go_on(sqlite3_context *context)
{
    struct sqlite *sqlite = sqlite3_user_data(context);
    sqlite->stopped = task_check(sqlite->task);
    if (sqlite->stopped < 0)
        sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    return sqlite->stopped == 0;
}

/* False: NULL, or out of memory. */
static bool text_of(sqlite3_value *value, struct bytes *ret_text)
{
    ret_text->data = sqlite3_value_text(value);
    ret_text->size = (size_t)sqlite3_value_bytes(value);
    return ret_text->data != NULL;
}

/* Where needle is in what is left from at on; NULL: nowhere, or *go is false. In pieces that
 * overlap, so that none takes long. */
static const unsigned char *find(sqlite3_context *context, const unsigned char *at,
                                 const unsigned char *end, const struct bytes *needle, bool *go)
{
    size_t step = needle->size > BYTES_PER_CHECK ? needle->size : BYTES_PER_CHECK;
    while ((size_t)(end - at) >= needle->size) {
        size_t left = (size_t)(end - at), size = step + needle->size - 1;
        const void *found = memmem(at, left < size ? left : size, needle->data, needle->size);
        if (found || left <= size)
            return found;
        at += step;
        *go = go_on(context);
        if (!*go)
            return NULL;
    }
    return NULL;
}

/* ---- instr ---- */

static void on_instr(sqlite3_context *context, int count, sqlite3_value **values)
{
    bool blobs = sqlite3_value_type(values[0]) == SQLITE_BLOB &&
                 sqlite3_value_type(values[1]) == SQLITE_BLOB;
    struct bytes text = {NULL, 0}, needle = {NULL, 0};
    bool go = true;
    sqlite3_int64 place = 1;
    (void)count;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
        sqlite3_value_type(values[1]) == SQLITE_NULL)
        return;
    if (blobs) {
        text.data = sqlite3_value_blob(values[0]);
        text.size = (size_t)sqlite3_value_bytes(values[0]);
        needle.data = sqlite3_value_blob(values[1]);
        needle.size = (size_t)sqlite3_value_bytes(values[1]);
    } else if (!text_of(values[0], &text) || !text_of(values[1], &needle)) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (needle.size > 0) {
        const unsigned char *found =
            text.size < needle.size ? NULL
                                    : find(context, text.data, text.data + text.size, &needle, &go);
        if (!go)
            return;
        place = found ? 1 : 0;
        for (const unsigned char *at = text.data; found && at < found; at++)
            place += blobs || (*at & 0xC0) != 0x80;
    }
    sqlite3_result_int64(context, place);
}

/* ---- replace ---- */

/* Every needle in text by other; false if it was stopped. */
static bool put_replaced(sqlite3_context *context, sqlite3_str *out, const struct bytes *text,
                         const struct bytes *needle, const struct bytes *other)
{
    const unsigned char *at = text->data, *end = at + text->size, *found, *checked = at;
    bool go = true;
    while ((found = find(context, at, end, needle, &go)) != NULL) {
        sqlite3_str_append(out, (const char *)at, (int)(found - at));
        sqlite3_str_append(out, (const char *)other->data, (int)other->size);
        at = found + needle->size;
        if (sqlite3_str_errcode(out) != SQLITE_OK)
            return true;
        if ((size_t)(at - checked) > BYTES_PER_CHECK && !go_on(context))
            return false;
        checked = (size_t)(at - checked) > BYTES_PER_CHECK ? at : checked;
    }
    if (go)
        sqlite3_str_append(out, (const char *)at, (int)(end - at));
    return go;
}

static void on_replace(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct bytes text, needle, other;
    (void)count;
    if (!text_of(values[0], &text) || !text_of(values[1], &needle))
        return;
    if (needle.size == 0 || !*needle.data) {
        sqlite3_result_value(context, values[0]);
        return;
    }
    if (!text_of(values[2], &other))
        return;
    sqlite3_str *out = sqlite3_str_new(sqlite3_context_db_handle(context));
    bool done = put_replaced(context, out, &text, &needle, &other);
    int code = sqlite3_str_errcode(out), size = sqlite3_str_length(out);
    char *result = sqlite3_str_finish(out);
    if (!done)
        sqlite3_free(result);
    else if (code == SQLITE_TOOBIG)
        sqlite3_result_error_toobig(context);
    else if (code != SQLITE_OK)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, result ? result : "", size,
                            result ? sqlite3_free : SQLITE_STATIC);
}

/* ---- trim, ltrim, rtrim ---- */

enum side { SIDE_LEFT = 1, SIDE_RIGHT = 2 };

/* Bytes of the character at at. */
static size_t character(const unsigned char *at, const unsigned char *end)
{
    size_t n = 1;
    while (*at >= 0xC0 && at + n < end && (at[n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* Bytes of the character of set with which text begins (ends); 0: none does. */
static size_t member(const struct bytes *text, const struct bytes *set, enum side side)
{
    const unsigned char *end = set->data + set->size;
    for (const unsigned char *at = set->data; at < end;) {
        size_t n = character(at, end);
        const unsigned char *other = side == SIDE_LEFT ? text->data : text->data + text->size - n;
        if (n <= text->size && memcmp(other, at, n) == 0)
            return n;
        at += n;
    }
    return 0;
}

static bool trim_side(sqlite3_context *context, struct bytes *text, const struct bytes *set,
                      enum side side)
{
    size_t work = 0, n;
    while (text->size > 0 && (n = member(text, set, side)) > 0) {
        text->data += side == SIDE_LEFT ? n : 0;
        text->size -= n;
        work += set->size;
        if (work > BYTES_PER_CHECK && !go_on(context))
            return false;
        work = work > BYTES_PER_CHECK ? 0 : work;
    }
    return true;
}

static void trim(sqlite3_context *context, int count, sqlite3_value **values, int sides)
{
    struct bytes text, set = {(const unsigned char *)" ", 1};
    if (!text_of(values[0], &text) || (count > 1 && !text_of(values[1], &set)))
        return;
    set.size = strlen((const char *)set.data); /* as SQLite reads it: up to a NUL */
    if (((sides & SIDE_LEFT) && !trim_side(context, &text, &set, SIDE_LEFT)) ||
        ((sides & SIDE_RIGHT) && !trim_side(context, &text, &set, SIDE_RIGHT)))
        return;
    sqlite3_result_text(context, (const char *)text.data, (int)text.size, SQLITE_TRANSIENT);
}

static void on_trim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, SIDE_LEFT | SIDE_RIGHT);
}

static void on_ltrim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, SIDE_LEFT);
}

static void on_rtrim(sqlite3_context *context, int count, sqlite3_value **values)
{
    trim(context, count, values, SIDE_RIGHT);
}

int32_t sqlite_text_functions(struct sqlite *sqlite)
{
    static const struct {
        const char *name;
        int count;
        void (*run)(sqlite3_context *context, int count, sqlite3_value **values);
    } functions[] = {{"instr", 2, on_instr}, {"replace", 3, on_replace}, {"trim", 1, on_trim},
                     {"trim", 2, on_trim},   {"ltrim", 1, on_ltrim},     {"ltrim", 2, on_ltrim},
                     {"rtrim", 1, on_rtrim}, {"rtrim", 2, on_rtrim}};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        int code = sqlite3_create_function(sqlite->handle, functions[i].name, functions[i].count,
                                           SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                           sqlite, functions[i].run, NULL, NULL);
        if (code != SQLITE_OK)
            return sqlite_fail(sqlite, SQLITE_STAGE_OWN);
    }
    return 0;
}
