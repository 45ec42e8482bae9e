/* SPDX-License-Identifier: Apache-2.0
 * Reads TOML 1.0: lines, keys and tables. Beside the value grows a shadow of its tables, which says
 * how each came to be: that decides what may be added. */
#include <stdarg.h>

#include "toml.h"

/* ---- places ---- */

int32_t toml_fail(struct toml *toml, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fail_at_text(toml->reading, toml->at, "%s", what);
}

void toml_skip_spaces(struct toml *toml)
{
    while (toml->at < toml->end && (*toml->at == ' ' || *toml->at == '\t'))
        toml->at++;
}

static int32_t skip_comment(struct toml *toml)
{
    for (; toml->at < toml->end && *toml->at != '\n'; toml->at++) {
        unsigned char c = (unsigned char)*toml->at;
        bool line_end = c == '\r' && toml->at + 1 < toml->end && toml->at[1] == '\n';
        if ((c < 0x20 && c != '\t' && !line_end) || c == 0x7F)
            return toml_fail(toml, "a control character in a comment");
    }
    return 0;
}

/* One line end, if there is one. */
static bool skip_line_end(struct toml *toml)
{
    if (toml->at < toml->end && *toml->at == '\n') {
        toml->at++;
        return true;
    }
    if (toml->end - toml->at >= 2 && toml->at[0] == '\r' && toml->at[1] == '\n') {
        toml->at += 2;
        return true;
    }
    return false;
}

int32_t toml_skip_blank(struct toml *toml)
{
    do {
        toml_skip_spaces(toml);
        if (toml->at < toml->end && *toml->at == '#') {
            int32_t rc = skip_comment(toml);
            if (rc < 0)
                return rc;
        }
    } while (skip_line_end(toml));
    return 0;
}

/* What may follow a header or a pair. */
static int32_t finish_line(struct toml *toml)
{
    toml_skip_spaces(toml);
    if (toml->at < toml->end && *toml->at == '#') {
        int32_t rc = skip_comment(toml);
        if (rc < 0)
            return rc;
    }
    if (toml->at == toml->end || skip_line_end(toml))
        return 0;
    return toml_fail(toml, "expected the end of the line");
}

/* ---- keys ---- */

static bool is_bare(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static int32_t read_part(struct toml *toml, json_t **ret)
{
    const char *start = toml->at;
    if (toml->at < toml->end && (*toml->at == '"' || *toml->at == '\'')) {
        int32_t rc = toml_read_string(toml, false, ret);
        if (rc == 0 && strlen(json_string_value(*ret)) != json_string_length(*ret))
            rc = toml_fail(toml, "a key holds a NUL character");
        return rc;
    }
    while (toml->at < toml->end && is_bare(*toml->at))
        toml->at++;
    if (toml->at == start)
        return toml_fail(toml, "expected a key");
    *ret = json_stringn(start, (size_t)(toml->at - start));
    return *ret ? 0 : no_memory(toml->reading->call);
}

int32_t toml_read_key(struct toml *toml, json_t **ret_parts)
{
    LLMSPELL_CLEANUP_JSON json_t *parts = json_array();
    for (;;) {
        LLMSPELL_CLEANUP_JSON json_t *part = NULL;
        toml_skip_spaces(toml);
        int32_t rc = read_part(toml, &part);
        if (rc < 0)
            return rc;
        if (json_array_append(parts, part) != 0)
            return no_memory(toml->reading->call);
        if (json_array_size(parts) > TOML_DEPTH_MAX)
            return llmspell_fail_at(toml->reading->call, LLMSPELL_ELIMIT, toml->reading->pointer,
                                    "a key has more than %d parts", TOML_DEPTH_MAX);
        toml_skip_spaces(toml);
        if (toml->at == toml->end || *toml->at != '.')
            break;
        toml->at++;
    }
    *ret_parts = llmspell_steal_json(&parts);
    return 0;
}

/* ---- tables ---- */

/* {kind, section, children}; of an array of tables also `last`, the shadow of its last table. */
json_t *toml_shadow(enum table_kind kind, json_int_t section)
{
    return json_pack("{s:i, s:I, s:{}}", "kind", (int)kind, "section", section, "children");
}

static enum table_kind kind_of(const json_t *shadow)
{
    return (enum table_kind)json_integer_value(json_object_get(shadow, "kind"));
}

static json_t *child_of(const json_t *shadow, const char *key)
{
    return json_object_get(json_object_get(shadow, "children"), key);
}

static int32_t add_child(struct toml *toml, json_t *table, json_t *shadow, const char *key,
                         json_t *value, json_t *value_shadow)
{
    LLMSPELL_CLEANUP_JSON json_t *owned = value, *owned_shadow = value_shadow;
    if (!owned || json_object_set(table, key, owned) != 0 ||
        (owned_shadow &&
         json_object_set(json_object_get(shadow, "children"), key, owned_shadow) != 0))
        return no_memory(toml->reading->call);
    return count_node(toml->reading);
}

static int32_t fail_twice(struct toml *toml, const char *place, const char *key)
{
    return fail_at_text(toml->reading, place, "\"%.100s\" is given twice", key);
}

/* Goes down one part of a header; a table that is not there yet is made. */
static int32_t descend(struct toml *toml, const char *key, const char *place, json_t **table,
                       json_t **shadow)
{
    json_t *value = json_object_get(*table, key), *child = child_of(*shadow, key);
    if (!value) {
        int32_t rc = add_child(toml, *table, *shadow, key, json_object(),
                               toml_shadow(TABLE_IMPLICIT, toml->section));
        *table = json_object_get(*table, key);
        *shadow = child_of(*shadow, key);
        return rc;
    }
    if (!child || kind_of(child) == TABLE_CLOSED)
        return fail_twice(toml, place, key);
    if (kind_of(child) == TABLE_ARRAY) {
        value = json_array_get(value, json_array_size(value) - 1);
        child = json_object_get(child, "last");
    }
    *table = value;
    *shadow = child;
    return 0;
}

/* [name]: a table that is new, or there only because of tables within it. */
static int32_t open_table(struct toml *toml, const char *key, const char *place, json_t **table,
                          json_t **shadow)
{
    json_t *child = child_of(*shadow, key);
    if (!json_object_get(*table, key)) {
        int32_t rc = add_child(toml, *table, *shadow, key, json_object(),
                               toml_shadow(TABLE_HEADER, toml->section));
        if (rc < 0)
            return rc;
    } else if (!child || kind_of(child) != TABLE_IMPLICIT) {
        return fail_twice(toml, place, key);
    } else if (json_object_set_new(child, "kind", json_integer(TABLE_HEADER)) != 0) {
        return no_memory(toml->reading->call);
    }
    *table = json_object_get(*table, key);
    *shadow = child_of(*shadow, key);
    return 0;
}

/* [[name]]: one more table of an array. */
static int32_t open_array(struct toml *toml, const char *key, const char *place, json_t **table,
                          json_t **shadow)
{
    if (!json_object_get(*table, key)) {
        int32_t rc = add_child(toml, *table, *shadow, key, json_array(),
                               toml_shadow(TABLE_ARRAY, toml->section));
        if (rc < 0)
            return rc;
    }
    json_t *list = json_object_get(*table, key), *child = child_of(*shadow, key);
    if (!child || kind_of(child) != TABLE_ARRAY)
        return fail_twice(toml, place, key);
    json_t *last = toml_shadow(TABLE_HEADER, toml->section);
    if (json_array_append_new(list, json_object()) != 0 ||
        json_object_set_new(child, "last", last) != 0)
        return no_memory(toml->reading->call);
    *table = json_array_get(list, json_array_size(list) - 1);
    *shadow = last;
    return count_node(toml->reading);
}

static int32_t read_header(struct toml *toml, json_t *root, json_t *root_shadow, json_t **ret_table,
                           json_t **ret_shadow)
{
    LLMSPELL_CLEANUP_JSON json_t *parts = NULL;
    const char *place = toml->at;
    bool array = toml->end - toml->at >= 2 && toml->at[1] == '[';
    toml->at += array ? 2 : 1;
    toml->section++;
    int32_t rc = toml_read_key(toml, &parts);
    if (rc < 0)
        return rc;
    if (toml->end - toml->at < (array ? 2 : 1) || *toml->at != ']' || (array && toml->at[1] != ']'))
        return toml_fail(toml, "expected %s", array ? "]]" : "]");
    toml->at += array ? 2 : 1;
    *ret_table = root;
    *ret_shadow = root_shadow;
    size_t count = json_array_size(parts);
    for (size_t i = 0; rc == 0 && i + 1 < count; i++)
        rc = descend(toml, json_string_value(json_array_get(parts, i)), place, ret_table,
                     ret_shadow);
    const char *last = json_string_value(json_array_get(parts, count - 1));
    if (rc == 0)
        rc = array ? open_array(toml, last, place, ret_table, ret_shadow)
                   : open_table(toml, last, place, ret_table, ret_shadow);
    return rc < 0 ? rc : finish_line(toml);
}

/* Goes down one part of a dotted key: only into tables that dotted keys of this section made, or
 * that are there only because of a header beneath them. */
static int32_t descend_dotted(struct toml *toml, const char *key, const char *place, json_t **table,
                              json_t **shadow)
{
    json_t *child = child_of(*shadow, key);
    if (!json_object_get(*table, key)) {
        int32_t rc = add_child(toml, *table, *shadow, key, json_object(),
                               toml_shadow(TABLE_DOTTED, toml->section));
        if (rc < 0)
            return rc;
        child = child_of(*shadow, key);
    }
    json_int_t section = json_integer_value(json_object_get(child, "section"));
    bool ours = child && kind_of(child) == TABLE_DOTTED && section == toml->section;
    if (!ours && (!child || kind_of(child) != TABLE_IMPLICIT))
        return fail_twice(toml, place, key);
    if (!ours && (json_object_set_new(child, "kind", json_integer(TABLE_DOTTED)) != 0 ||
                  json_object_set_new(child, "section", json_integer(toml->section)) != 0))
        return no_memory(toml->reading->call);
    *table = json_object_get(*table, key);
    *shadow = child;
    return 0;
}

int32_t toml_assign(struct toml *toml, json_t *table, json_t *shadow, const json_t *parts,
                    const char *place, json_t *value, json_t *value_shadow)
{
    size_t count = json_array_size(parts);
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i + 1 < count; i++)
        rc = descend_dotted(toml, json_string_value(json_array_get(parts, i)), place, &table,
                            &shadow);
    const char *last = json_string_value(json_array_get(parts, count - 1));
    if (rc == 0 && json_object_get(table, last))
        rc = fail_twice(toml, place, last);
    if (rc == 0)
        return add_child(toml, table, shadow, last, value, value_shadow);
    json_decref(value);
    json_decref(value_shadow);
    return rc;
}

static int32_t read_pair(struct toml *toml, json_t *table, json_t *shadow)
{
    LLMSPELL_CLEANUP_JSON json_t *parts = NULL;
    const char *place = toml->at;
    json_t *value = NULL, *value_shadow = NULL;
    int32_t rc = toml_read_key(toml, &parts);
    if (rc < 0)
        return rc;
    if (toml->at == toml->end || *toml->at != '=')
        return toml_fail(toml, "expected = behind the key");
    toml->at++;
    toml_skip_spaces(toml);
    rc = toml_read_value(toml, &value, &value_shadow);
    if (rc == 0)
        rc = toml_assign(toml, table, shadow, parts, place, value, value_shadow);
    return rc < 0 ? rc : finish_line(toml);
}

int32_t read_toml(struct reading *reading, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *root = json_object();
    LLMSPELL_CLEANUP_JSON json_t *root_shadow = toml_shadow(TABLE_HEADER, 0);
    json_t *table = root, *shadow = root_shadow;
    struct toml toml = {.reading = reading,
                        .at = reading->text,
                        .end = reading->text + reading->size,
                        .text = {.max = OUTPUT_MAX}};
    int32_t rc = root && root_shadow ? toml_skip_blank(&toml) : no_memory(reading->call);
    while (rc == 0 && toml.at < toml.end) {
        rc = *toml.at == '[' ? read_header(&toml, root, root_shadow, &table, &shadow)
                             : read_pair(&toml, table, shadow);
        if (rc == 0)
            rc = toml_skip_blank(&toml);
    }
    bounded_text_clear(&toml.text);
    *ret_value = rc == 0 ? llmspell_steal_json(&root) : NULL;
    return rc;
}
