/* SPDX-License-Identifier: Apache-2.0
 * Equality of JSON values as JSON Patch has it: numbers by their value. */
#include "json_change.h"

#include <math.h>

static bool same_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (json_is_real(a) && json_is_real(b))
        return json_real_value(a) == json_real_value(b);
    double real = json_real_value(json_is_real(a) ? a : b);
    json_int_t whole = json_integer_value(json_is_real(a) ? b : a);
    /* Converted only where a double is exactly that integer. */
    return real >= -9223372036854775808.0 && real < 9223372036854775808.0 && floor(real) == real &&
           (json_int_t)real == whole;
}

static bool same_arrays(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++)
        if (!json_same(json_array_get(a, i), json_array_get(b, i)))
            return false;
    return true;
}

static bool same_objects(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, key, value)
    {
        const json_t *other = json_object_get(b, key);
        if (!other || !json_same(value, other))
            return false;
    }
    return true;
}

bool json_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return same_numbers(a, b);
    if (json_is_array(a) && json_is_array(b))
        return same_arrays(a, b);
    if (json_is_object(a) && json_is_object(b))
        return same_objects(a, b);
    return json_equal(a, b);
}
