/* SPDX-License-Identifier: Apache-2.0
 * Values of Jansson and of jq. Nothing goes through text. */
#include "convert.h"

#include <stdlib.h>
#include <string.h>

#include "../shared/json_write.h"

static jv array_to_jq(const json_t *array)
{
    jv result = jv_array_sized((int)json_array_size(array));
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) result = jv_array_append(result, convert_to_jq(item));
    return result;
}

static jv object_to_jq(const json_t *object)
{
    jv result = jv_object();
    const char *key;
    size_t length;
    json_t *item;
    json_object_keylen_foreach((json_t *)object, key, length, item)
    {
        result = jv_object_set(result, jv_string_sized(key, (int)length), convert_to_jq(item));
    }
    return result;
}

jv convert_to_jq(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_to_jq(value);
    case JSON_ARRAY:
        return array_to_jq(value);
    case JSON_STRING:
        return jv_string_sized(json_string_value(value), (int)json_string_length(value));
    case JSON_INTEGER:
    case JSON_REAL:
        return jv_number(json_number_value(value));
    default:
        return json_is_null(value) ? jv_null() : jv_bool(json_is_true(value));
    }
}

/* ---- back ---- */

static json_t *from_jq(jv value, int depth, enum convert_trouble *ret_trouble);

static json_t *array_from_jq(jv array, int depth, enum convert_trouble *ret_trouble)
{
    json_t *result = json_array();
    for (int i = 0, n = jv_array_length(jv_copy(array)); result && i < n; i++) {
        if (json_array_append_new(
                result, from_jq(jv_array_get(jv_copy(array), i), depth + 1, ret_trouble)) == 0)
            continue;
        json_decref(result);
        result = NULL;
    }
    jv_free(array);
    return result;
}

static json_t *object_from_jq(jv object, int depth, enum convert_trouble *ret_trouble)
{
    json_t *result = json_object();
    for (int i = jv_object_iter(object); result && jv_object_iter_valid(object, i);
         i = jv_object_iter_next(object, i)) {
        jv key = jv_object_iter_key(object, i);
        const char *name = jv_string_value(key);
        size_t length = (size_t)jv_string_length_bytes(jv_copy(key));
        json_t *value = from_jq(jv_object_iter_value(object, i), depth + 1, ret_trouble);
        if (strlen(name) != length)
            *ret_trouble = CONVERT_NUL;
        int failed = json_object_set_new(result, name, value) || strlen(name) != length;
        jv_free(key);
        if (failed) {
            json_decref(result);
            result = NULL;
        }
    }
    jv_free(object);
    return result;
}

static json_t *from_jq(jv value, int depth, enum convert_trouble *ret_trouble)
{
    json_t *result = NULL;
    jv_kind kind = jv_get_kind(value);
    if (depth > CONVERT_DEPTH_MAX) {
        *ret_trouble = CONVERT_DEEP;
        jv_free(value);
        return NULL;
    }
    if (kind == JV_KIND_ARRAY)
        return array_from_jq(value, depth, ret_trouble);
    if (kind == JV_KIND_OBJECT)
        return object_from_jq(value, depth, ret_trouble);
    if (kind == JV_KIND_STRING)
        result =
            json_stringn(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
    else if (kind == JV_KIND_NUMBER)
        result = number_json(jv_number_value(value));
    else
        result = kind == JV_KIND_TRUE    ? json_true()
                 : kind == JV_KIND_FALSE ? json_false()
                                         : json_null();
    jv_free(value);
    return result;
}

json_t *convert_from_jq(jv value, enum convert_trouble *ret_trouble)
{
    *ret_trouble = CONVERT_OK;
    return from_jq(value, 0, ret_trouble);
}
