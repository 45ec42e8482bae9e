/* SPDX-License-Identifier: Apache-2.0
 * Numbers between JSON and C: nothing is cut, wrapped or rounded to another integer. */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/native_spec.h"

static uint64_t unsigned_max(const struct native_type *type)
{
    return type->size == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * type->size)) - 1;
}

bool native_integer_fits(const struct native_type *type, uint64_t magnitude, bool negative)
{
    uint64_t most = unsigned_max(type);
    if (!type->is_signed)
        return magnitude <= most && (!negative || magnitude == 0);
    return magnitude <= (most >> 1) + (negative ? 1 : 0);
}

void native_integer_set(const struct native_type *type, uint64_t bits, void *ret_memory)
{
    uint8_t b8 = (uint8_t)bits;
    uint16_t b16 = (uint16_t)bits;
    uint32_t b32 = (uint32_t)bits;
    switch (type->size) {
    case 1:
        memcpy(ret_memory, &b8, sizeof b8);
        break;
    case 2:
        memcpy(ret_memory, &b16, sizeof b16);
        break;
    case 4:
        memcpy(ret_memory, &b32, sizeof b32);
        break;
    default:
        memcpy(ret_memory, &bits, sizeof bits);
    }
}

int64_t native_integer_get(const struct native_type *type, const void *memory)
{
    uint8_t b8;
    uint16_t b16;
    uint32_t b32;
    int64_t b64;
    switch (type->size) {
    case 1:
        memcpy(&b8, memory, sizeof b8);
        return type->is_signed ? (int8_t)b8 : b8;
    case 2:
        memcpy(&b16, memory, sizeof b16);
        return type->is_signed ? (int16_t)b16 : b16;
    case 4:
        memcpy(&b32, memory, sizeof b32);
        return type->is_signed ? (int64_t)(int32_t)b32 : (int64_t)b32;
    default:
        memcpy(&b64, memory, sizeof b64);
        return b64;
    }
}

/* An integer as JSON may write it: 3, 3.0, or "18446744073709551615" where 64 bits have no sign. */
static bool read_integer(const struct native_type *type, const json_t *value,
                         uint64_t *ret_magnitude, bool *ret_negative)
{
    if (json_is_integer(value)) {
        json_int_t integer = json_integer_value(value);
        *ret_negative = integer < 0;
        *ret_magnitude = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;
        return true;
    }
    if (json_is_real(value)) {
        double real = json_real_value(value);
        *ret_negative = real < 0;
        if (fabs(real) >= 0x1p64 || real != trunc(real))
            return false;
        *ret_magnitude = (uint64_t)fabs(real);
        return true;
    }
    const char *text = json_string_value(value);
    if (!text || type->is_signed || type->size < 8 || !*text || json_string_length(value) > 20 ||
        strspn(text, "0123456789") != json_string_length(value))
        return false;
    errno = 0;
    *ret_negative = false;
    *ret_magnitude = strtoull(text, NULL, 10);
    return errno == 0;
}

static int store_integer(const struct native_at *at, const struct native_type *type,
                         const json_t *value, void *ret_memory)
{
    uint64_t magnitude, most = unsigned_max(type);
    bool negative;
    if (!json_is_number(value) && !(json_is_string(value) && !type->is_signed && type->size == 8))
        return native_bad(at, "must be an integer");
    if (!read_integer(type, value, &magnitude, &negative) ||
        !native_integer_fits(type, magnitude, negative)) {
        if (json_is_real(value) && json_real_value(value) != trunc(json_real_value(value)))
            return native_bad(at, "must be an integer, is %g", json_real_value(value));
        if (type->is_signed)
            return native_bad(at, "does not fit %s, whose values are -%llu to %llu", type->name,
                              (unsigned long long)(most >> 1) + 1, (unsigned long long)(most >> 1));
        return native_bad(at, "does not fit %s, whose values are 0 to %llu", type->name,
                          (unsigned long long)most);
    }
    native_integer_set(type, negative ? 0 - magnitude : magnitude, ret_memory);
    return 0;
}

static int store_real(const struct native_at *at, const struct native_type *type,
                      const json_t *value, void *ret_memory)
{
    if (!json_is_number(value))
        return native_bad(at, "must be a number");
    double real = json_number_value(value);
    if (type->size == sizeof(float)) {
        if (fabs(real) > (double)FLT_MAX)
            return native_bad(at, "%g does not fit %s", real, type->name);
        float single = (float)real;
        memcpy(ret_memory, &single, sizeof single);
    } else {
        memcpy(ret_memory, &real, sizeof real);
    }
    return 0;
}

int native_scalar_store(const struct native_at *at, const struct native_type *type,
                        const json_t *value, void *ret_memory)
{
    if (type->kind == NATIVE_INTEGER)
        return store_integer(at, type, value, ret_memory);
    if (type->kind == NATIVE_REAL)
        return store_real(at, type, value, ret_memory);
    if (!json_is_boolean(value))
        return native_bad(at, "must be true or false");
    bool is_true = json_is_true(value);
    memcpy(ret_memory, &is_true, sizeof is_true);
    return 0;
}

static json_t *load_integer(const struct native_type *type, const void *memory)
{
    int64_t integer = native_integer_get(type, memory);
    if (type->is_signed || type->size < 8 || integer >= 0)
        return json_integer(integer);
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)integer);
    return json_string(digits);
}

json_t *native_scalar_load(const struct native_type *type, const void *memory)
{
    float single;
    double real;
    uint8_t byte;
    if (type->kind == NATIVE_INTEGER)
        return load_integer(type, memory);
    if (type->kind == NATIVE_BOOL) {
        memcpy(&byte, memory, sizeof byte); /* not as bool: C may have written any byte */
        return json_boolean(byte != 0);
    }
    if (type->size == sizeof(float)) {
        memcpy(&single, memory, sizeof single);
        real = (double)single;
    } else {
        memcpy(&real, memory, sizeof real);
    }
    return isfinite(real) ? json_real(real) : json_null();
}
