/* SPDX-License-Identifier: Apache-2.0
 * Values of Jansson and of jq, both ways, not through text. Called by query.c. */
#include "../shared/number.h"
#include "processor.h"

static jv list_to_jq(const json_t *list)
{
    jv result = jv_array_sized((int)json_array_size(list));
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) result = jv_array_append(result, jq_value_new(item));
    return result;
}

static jv object_to_jq(const json_t *object)
{
    jv result = jv_object();
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)object, key, item)
    {
        result = jv_object_set(result, jv_string(key), jq_value_new(item));
    }
    return result;
}

jv jq_value_new(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_to_jq(value);
    case JSON_ARRAY:
        return list_to_jq(value);
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

static json_t *from_jq(jv value, int depth, bool *ret_deep);

static json_t *list_from_jq(jv list, int depth, bool *ret_deep)
{
    json_t *result = json_array();
    for (int i = 0, n = jv_array_length(jv_copy(list)); result && i < n; i++) {
        json_t *item = from_jq(jv_array_get(jv_copy(list), i), depth + 1, ret_deep);
        if (json_array_append_new(result, item) == 0)
            continue;
        json_decref(result);
        result = NULL;
    }
    jv_free(list);
    return result;
}

static json_t *object_from_jq(jv object, int depth, bool *ret_deep)
{
    json_t *result = json_object();
    jv keys = jv_keys(jv_copy(object)); /* in order: jq's own depends on hashes */
    for (int i = 0, n = jv_array_length(jv_copy(keys)); result && i < n; i++) {
        jv key = jv_array_get(jv_copy(keys), i);
        json_t *value = from_jq(jv_object_get(jv_copy(object), jv_copy(key)), depth + 1, ret_deep);
        if (json_object_set_new(result, jv_string_value(key), value) != 0) {
            json_decref(result);
            result = NULL;
        }
        jv_free(key);
    }
    jv_free(keys);
    jv_free(object);
    return result;
}

static json_t *scalar_from_jq(jv value)
{
    switch (jv_get_kind(value)) {
    case JV_KIND_STRING:
        return json_stringn(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
    case JV_KIND_NUMBER:
        return number_json(jv_number_value(value));
    case JV_KIND_TRUE:
        return json_true();
    case JV_KIND_FALSE:
        return json_false();
    default:
        return json_null();
    }
}

static json_t *from_jq(jv value, int depth, bool *ret_deep)
{
    jv_kind kind = jv_get_kind(value);
    if (depth > JQ_DEPTH_MAX) {
        *ret_deep = true;
        jv_free(value);
        return NULL;
    }
    if (kind == JV_KIND_ARRAY)
        return list_from_jq(value, depth, ret_deep);
    if (kind == JV_KIND_OBJECT)
        return object_from_jq(value, depth, ret_deep);
    json_t *result = scalar_from_jq(value);
    jv_free(value);
    return result;
}

json_t *jq_value_json(jv value, bool *ret_deep)
{
    *ret_deep = false;
    return from_jq(value, 0, ret_deep);
}
