/* SPDX-License-Identifier: Apache-2.0
 * Reads one value of a description: an argument, a field of a struct, what is returned. */
#include <stdlib.h>
#include <string.h>

#include "tool/native_spec.h"

/* ---- members of simple types ---- */

static int read_bool(const struct native_at *up, const json_t *object, const char *key,
                     bool *ret_bool)
{
    const json_t *value = json_object_get(object, key);
    const struct native_at at = native_at_key(up, key);
    if (value && !json_is_boolean(value))
        return native_bad(&at, "must be true or false");
    *ret_bool = json_is_true(value);
    return 0;
}

static int read_text(const struct native_at *up, const json_t *object, const char *key,
                     const char **ret_text)
{
    const json_t *value = json_object_get(object, key);
    const struct native_at at = native_at_key(up, key);
    if (value && !json_is_string(value))
        return native_bad(&at, "must be a string");
    *ret_text = json_string_value(value);
    return 0;
}

static int read_name(const struct native_at *up, const json_t *object, enum native_place place,
                     const char **ret_name)
{
    const json_t *value = json_object_get(object, "name");
    const struct native_at at = native_at_key(up, "name");
    bool needed = place != NATIVE_AT_RETURN && place != NATIVE_AT_CALLBACK_RETURN;
    if (!value && !needed)
        return 0;
    if (!native_is_name(value))
        return native_bad(&at, "must be a name of letters, digits and _ (at most 64)");
    *ret_name = json_string_value(value);
    return 0;
}

static int read_directions(const struct native_at *at, const json_t *object,
                           struct native_value *value)
{
    bool out = false, inout = false;
    int rc = read_bool(at, object, "out", &out);
    if (rc == 0)
        rc = read_bool(at, object, "inout", &inout);
    if (rc == 0)
        rc = read_bool(at, object, "pointer", &value->pointer);
    if (rc == 0)
        rc = read_bool(at, object, "nullable", &value->nullable);
    if (rc < 0)
        return rc;
    if (out && inout)
        return native_bad(at, "\"out\" and \"inout\" exclude each other");
    value->out = out || inout || value->type.kind == NATIVE_BUFFER;
    value->in = !out && value->type.kind != NATIVE_BUFFER;
    value->pointer = value->pointer || value->out;
    if (value->nullable && value->type.kind == NATIVE_STRUCT && !value->pointer)
        return native_bad(at, "a nullable struct needs \"pointer\": true");
    if (value->nullable && !value->in)
        return native_bad(at, "what only comes out cannot be nullable");
    return 0;
}

static int read_encoding(const struct native_at *up, const json_t *object,
                         struct native_value *value)
{
    const struct native_at at = native_at_key(up, "encoding");
    const char *text = NULL;
    int rc = read_text(up, object, "encoding", &text);
    if (rc < 0)
        return rc;
    value->text = text && strcmp(text, "utf8") == 0;
    if (text && !value->text && strcmp(text, "base64") != 0)
        return native_bad(&at, "must be \"base64\" or \"utf8\"");
    return 0;
}

static int read_size(const struct native_at *up, const json_t *object, int64_t most,
                     int64_t *ret_size)
{
    const json_t *value = json_object_get(object, "size");
    const struct native_at at = native_at_key(up, "size");
    if (!value)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > most)
        return native_bad(&at, "must be an integer from 1 to %lld", (long long)most);
    *ret_size = json_integer_value(value);
    return 0;
}

/* What is returned as a string or by pointer says who frees it: a guess would leak or crash. */
static int read_free(const struct native_at *up, const json_t *object, enum native_place place,
                     struct native_value *value)
{
    const struct native_at at = native_at_key(up, "free");
    const json_t *named = json_object_get(object, "free");
    bool needed =
        value->type.kind == NATIVE_STRING
            ? value->out
            : value->type.kind == NATIVE_STRUCT && place == NATIVE_AT_RETURN && value->pointer;
    if (named && !needed)
        return native_bad(&at, "nothing is handed over here");
    if (!needed)
        return 0;
    if (!native_is_name(named))
        return native_bad(&at, "must say who frees what is handed over: \"none\" (it stays the "
                               "library's), \"free\", or the symbol of a function");
    const char *name = json_string_value(named);
    value->free_name = strcmp(name, "none") == 0 ? NULL : name;
    return 0;
}

/* ---- types with parts ---- */

static int parse_items(const struct native_at *up, const json_t *object, struct native_type *type)
{
    const struct native_at at = native_at_key(up, "items");
    const char *name = json_string_value(json_object_get(object, "items"));
    type->item = calloc(1, sizeof *type->item);
    if (!type->item)
        return native_no_memory(up);
    if (!name || !native_type_scalar(name, type->item))
        return native_bad(&at, "must be the name of a number type, such as \"double\"");
    type->size = type->item->size;
    type->align = type->item->align;
    return 0;
}

static int parse_list(const struct native_at *up, const json_t *list, enum native_place place,
                      unsigned depth, struct native_type *type)
{
    size_t most = place == NATIVE_AT_FIELD ? NATIVE_FIELDS_MAX : NATIVE_ARGUMENTS_MAX;
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > most || (place == NATIVE_AT_FIELD && count == 0))
        return native_bad(up, "must be an array of %s%zu objects",
                          place == NATIVE_AT_FIELD ? "1 to " : "at most ", most);
    type->values = calloc(count + 1, sizeof *type->values);
    if (!type->values)
        return native_no_memory(up);
    for (size_t i = 0; i < count; i++) {
        const struct native_at at = native_at_index(up, i);
        type->value_count = i + 1;
        int rc =
            native_value_parse(&at, json_array_get(list, i), place, depth + 1, &type->values[i]);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < i; k++)
            if (strcmp(type->values[k].name, type->values[i].name) == 0)
                return native_bad(&at, "the name \"%s\" is used twice", type->values[i].name);
    }
    return 0;
}

static int parse_struct(const struct native_at *up, const json_t *object, unsigned depth,
                        struct native_type *type)
{
    const struct native_at at = native_at_key(up, "fields");
    if (depth >= NATIVE_DEPTH_MAX)
        return native_bad(up, "structs are nested deeper than %d levels", NATIVE_DEPTH_MAX);
    type->size = 0;
    int rc = parse_list(&at, json_object_get(object, "fields"), NATIVE_AT_FIELD, depth, type);
    return rc < 0 ? rc : native_type_layout(up, type);
}

static int parse_callback(const struct native_at *up, const json_t *object, unsigned depth,
                          struct native_value *value)
{
    struct native_type *type = &value->type;
    const struct native_at list = native_at_key(up, "arguments");
    const struct native_at at = native_at_key(up, "returns");
    const json_t *arguments = json_object_get(object, "arguments");
    const json_t *returns = json_object_get(object, "returns");
    int rc = read_text(up, object, "member", &value->member);
    if (rc == 0)
        rc = parse_list(&list, arguments, NATIVE_AT_CALLBACK_ARGUMENT, depth, type);
    if (rc < 0)
        return rc;
    value->member = value->member ? value->member : "result";
    type->result = calloc(1, sizeof *type->result);
    if (!type->result)
        return native_no_memory(up);
    return native_value_parse(&at, returns, NATIVE_AT_CALLBACK_RETURN, depth, type->result);
}

/* What has a place of its own in memory: arrays and texts in a struct have a fixed size there. */
static int finish_field(const struct native_at *up, struct native_value *value)
{
    struct native_type *type = &value->type;
    const struct native_at at = native_at_key(up, "size");
    if (type->kind != NATIVE_ARRAY && type->kind != NATIVE_CHARS)
        return 0;
    if (value->size < 0)
        return native_bad(&at, "must say how many items there are in the struct");
    if (type->kind == NATIVE_CHARS) {
        type->item = calloc(1, sizeof *type->item);
        if (!type->item)
            return native_no_memory(up);
        native_type_scalar("char", type->item);
    }
    type->count = (size_t)value->size;
    type->align = type->item->align;
    type->size = type->item->size * type->count;
    return 0;
}

static int parse_parts(const struct native_at *at, const json_t *object, enum native_place place,
                       unsigned depth, struct native_value *value)
{
    enum native_kind kind = value->type.kind;
    int64_t most = place == NATIVE_AT_FIELD ? NATIVE_STRUCT_MAX : NATIVE_BYTES_MAX;
    int rc = read_size(at, object, most, &value->size);
    if (rc == 0)
        rc = read_encoding(at, object, value);
    if (rc == 0)
        rc = read_free(at, object, place, value);
    if (rc == 0 && kind == NATIVE_ARRAY)
        rc = parse_items(at, object, &value->type);
    if (rc == 0 && kind == NATIVE_STRUCT)
        rc = parse_struct(at, object, depth, &value->type);
    if (rc == 0 && kind == NATIVE_CALLBACK)
        rc = parse_callback(at, object, depth, value);
    if (rc == 0 && place == NATIVE_AT_FIELD)
        rc = finish_field(at, value);
    return rc;
}

int native_value_parse(const struct native_at *at, const json_t *object, enum native_place place,
                       unsigned depth, struct native_value *value)
{
    *value = (struct native_value){.length_of = NATIVE_NO_LINK,
                                   .size_from = NATIVE_NO_LINK,
                                   .length_from = NATIVE_NO_LINK,
                                   .size = -1};
    if (!json_is_object(object))
        return native_bad(at, "must be an object with a \"type\"");
    int rc = native_type_parse(at, object, place, &value->type);
    if (rc == 0)
        rc = native_keys_check(at, object, place, &value->type);
    if (rc == 0)
        rc = read_name(at, object, place, &value->name);
    if (rc == 0)
        rc = read_text(at, object, "description", &value->description);
    if (rc == 0)
        rc = read_directions(at, object, value);
    if (rc < 0)
        return rc;
    if (place == NATIVE_AT_RETURN) {
        value->in = false;
        value->out = true;
    }
    value->constant = json_object_get(object, "value");
    value->fallback = json_object_get(object, "default");
    return parse_parts(at, object, place, depth, value);
}

static void type_clear(struct native_type *type)
{
    for (size_t i = 0; i < type->value_count; i++)
        native_value_clear(&type->values[i]);
    if (type->result)
        native_value_clear(type->result);
    free(type->values);
    free(type->result);
    free(type->item);
    free(type->ffi.elements);
}

void native_value_clear(struct native_value *value)
{
    type_clear(&value->type);
}
