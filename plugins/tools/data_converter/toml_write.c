/* SPDX-License-Identifier: Apache-2.0
 * Writes TOML 1.0: in each table first the values, then the tables beneath it, each under its own
 * header; lists of objects alone as arrays of tables. */
#include <math.h>

#include "../shared/json_put.h"
#include "converter.h"

static int32_t put_value(struct writing *writing, const struct place *place, const json_t *value);

/* ---- keys and strings ---- */

static void put_string(struct bounded_text *out, const char *text, size_t size)
{
    static const char letters[] = "\"\"\\\\\bb\tt\nn\ff\rr";
    char escape[12];
    bounded_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *p = letters;
        while (*p && (unsigned char)*p != c)
            p += 2;
        if (*p) {
            bounded_char(out, '\\');
            bounded_char(out, p[1]);
        } else if (c < 0x20 || c == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04X", c);
            bounded_puts(out, escape);
        } else {
            bounded_char(out, (char)c);
        }
    }
    bounded_char(out, '"');
}

static void put_key(struct bounded_text *out, const char *key)
{
    static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (*key && key[strspn(key, bare)] == '\0')
        bounded_puts(out, key);
    else
        put_string(out, key, strlen(key));
}

/* The name of a table in a header: the keys of its place, without indexes. */
static void put_path(struct bounded_text *out, const struct place *place)
{
    if (!place || !place->up)
        return;
    size_t before = out->used;
    put_path(out, place->up);
    if (!place->key)
        return;
    if (out->used > before)
        bounded_char(out, '.');
    put_key(out, place->key);
}

/* ---- values ---- */

static int32_t put_list(struct writing *writing, const struct place *up, const json_t *list)
{
    int32_t rc = 0;
    bounded_char(&writing->out, '[');
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct place place = {.up = up, .index = i};
        if (i)
            bounded_puts(&writing->out, ", ");
        rc = put_value(writing, &place, json_array_get(list, i));
    }
    bounded_char(&writing->out, ']');
    return rc;
}

static int32_t put_inline(struct writing *writing, const struct place *up, const json_t *object)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    bool first = true;
    int32_t rc = members_begin(writing, object, &members);
    bounded_char(&writing->out, '{');
    while (rc == 0 && members_next(&members, &key, &value)) {
        struct place place = {.up = up, .key = key};
        bounded_puts(&writing->out, first ? " " : ", ");
        first = false;
        put_key(&writing->out, key);
        bounded_puts(&writing->out, " = ");
        rc = put_value(writing, &place, value);
    }
    bounded_puts(&writing->out, first ? "}" : " }");
    return rc;
}

static int32_t put_value(struct writing *writing, const struct place *place, const json_t *value)
{
    double special;
    int32_t stop = writing_step(writing);
    if (stop < 0)
        return stop;
    if (json_is_null(value))
        return fail_value(writing, place, "there is no null");
    if (json_is_array(value))
        return put_list(writing, place, value);
    if (json_is_object(value))
        return put_inline(writing, place, value);
    if (special_number(writing, value, &special))
        bounded_puts(&writing->out, isnan(special) ? "nan" : special > 0 ? "inf" : "-inf");
    else if (json_is_string(value))
        put_string(&writing->out, json_string_value(value), json_string_length(value));
    else
        json_put(&writing->out, value, 0, false);
    return 0;
}

/* ---- tables ---- */

static bool is_table_list(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_object(json_array_get(value, i)))
            return false;
    return json_array_size(value) > 0;
}

static bool has_header(const json_t *value)
{
    return json_is_object(value) || is_table_list(value);
}

static int32_t put_table(struct writing *writing, const struct place *place, const json_t *table);

static void put_header(struct writing *writing, const struct place *place, bool array)
{
    struct bounded_text *out = &writing->out;
    CLEANUP_BOUNDED_TEXT struct bounded_text path = {.max = OUTPUT_MAX};
    put_path(&path, place);
    if (out->used)
        bounded_char(out, '\n');
    bounded_puts(out, array ? "[[" : "[");
    bounded_put(out, path.text, path.used);
    bounded_puts(out, array ? "]]\n" : "]\n");
    if (path.error < 0)
        out->error = path.error;
}

/* A table of tables alone needs no header of its own. */
static bool needs_header(const json_t *table)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)table, key, value)
    {
        if (!has_header(value))
            return true;
    }
    return json_object_size(table) == 0;
}

static int32_t put_child(struct writing *writing, const struct place *place, const json_t *value)
{
    int32_t rc = 0;
    if (json_is_object(value)) {
        if (needs_header(value))
            put_header(writing, place, false);
        return put_table(writing, place, value);
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        struct place item = {.up = place, .index = i};
        put_header(writing, place, true);
        rc = put_table(writing, &item, json_array_get(value, i));
    }
    return rc;
}

static int32_t put_pair(struct writing *writing, const struct place *place, const char *key,
                        const json_t *value)
{
    put_key(&writing->out, key);
    bounded_puts(&writing->out, " = ");
    int32_t rc = put_value(writing, place, value);
    bounded_char(&writing->out, '\n');
    return rc;
}

/* The members that are tables, or those that are not. */
static int32_t put_half(struct writing *writing, const struct place *up, const json_t *table,
                        bool tables)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    int32_t rc = members_begin(writing, table, &members);
    while (rc == 0 && members_next(&members, &key, &value)) {
        struct place place = {.up = up, .key = key};
        if (has_header(value) != tables)
            continue;
        rc = tables ? put_child(writing, &place, value) : put_pair(writing, &place, key, value);
    }
    return rc;
}

static int32_t put_table(struct writing *writing, const struct place *place, const json_t *table)
{
    int32_t rc = put_half(writing, place, table, false);
    return rc < 0 ? rc : put_half(writing, place, table, true);
}

int32_t write_toml(struct writing *writing, const json_t *value)
{
    struct place top = {0};
    if (!json_is_object(value))
        return fail_value(writing, NULL, "a document is an object");
    return put_table(writing, &top, value);
}
