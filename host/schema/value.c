/* SPDX-License-Identifier: Apache-2.0
 * Numbers, deep equality, hashes and descriptions of JSON values. Called by the builders and by
 * the validation of const, enum, uniqueItems, minimum, multipleOf … */
#include "schema/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/error.h"

#define EQUAL_DEPTH_MAX 2048
#define TWO_63 9223372036854775808.0

struct schema_number schema_number_of(const json_t *value)
{
    if (json_is_integer(value))
        return (struct schema_number){.is_integer = true, .integer = json_integer_value(value)};
    return (struct schema_number){.real = json_real_value(value)};
}

/* The sign of integer - real without rounding the integer to a double. */
static int compare_mixed(json_int_t integer, double real)
{
    if (real >= TWO_63)
        return -1;
    if (real < -TWO_63)
        return 1;
    json_int_t whole = (json_int_t)real;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    double fraction = real - (double)whole;
    return fraction > 0 ? -1 : fraction < 0;
}

int schema_number_compare(const struct schema_number *a, const struct schema_number *b)
{
    if (a->is_integer && b->is_integer)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    if (a->is_integer)
        return compare_mixed(a->integer, b->real);
    if (b->is_integer)
        return -compare_mixed(b->integer, a->real);
    return a->real < b->real ? -1 : a->real > b->real;
}

/* The shortest digits that read back as the same double: those that somebody wrote. */
static void write_shortest(double value, char *text, size_t size)
{
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, size, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
}

/* Reads "1.25e-02" (with whatever radix character the locale has) into digits and exponent. */
static struct schema_decimal read_decimal(const char *text)
{
    struct schema_decimal decimal = {0};
    bool fraction = false;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9') {
            fraction = fraction || *text != '-';
            continue;
        }
        decimal.digits = decimal.digits * 10 + (uint64_t)(*text - '0');
        decimal.exponent -= fraction;
    }
    if (*text == 'e')
        decimal.exponent += (int)strtol(text + 1, NULL, 10);
    while (decimal.digits != 0 && decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent++;
    }
    return decimal;
}

struct schema_decimal schema_decimal_of(const json_t *number)
{
    if (json_is_integer(number)) {
        json_int_t value = json_integer_value(number);
        uint64_t digits = value < 0 ? -(uint64_t)value : (uint64_t)value;
        return (struct schema_decimal){.digits = digits};
    }
    char text[40];
    write_shortest(json_real_value(number), text, sizeof text);
    return read_decimal(text);
}

static uint64_t multiply_modulo(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((schema_wide)a * b % modulus);
}

static uint64_t power_of_ten_modulo(unsigned exponent, uint64_t modulus)
{
    uint64_t result = 1 % modulus, base = 10 % modulus;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = multiply_modulo(result, base, modulus);
        base = multiply_modulo(base, base, modulus);
    }
    return result;
}

bool schema_decimal_is_multiple(struct schema_decimal value, struct schema_decimal divisor)
{
    int shift = value.exponent - divisor.exponent;
    for (; shift < 0 && value.digits != 0; shift++) {
        if (value.digits % 10 != 0)
            return false;
        value.digits /= 10;
    }
    if (value.digits == 0)
        return true;
    uint64_t scale = power_of_ten_modulo((unsigned)shift, divisor.digits);
    return multiply_modulo(value.digits % divisor.digits, scale, divisor.digits) == 0;
}

bool schema_value_is_integer(const json_t *value)
{
    if (json_is_integer(value))
        return true;
    if (!json_is_real(value))
        return false;
    double real = json_real_value(value);
    return isfinite(real) && floor(real) == real;
}

static int equal_at(const json_t *a, const json_t *b, unsigned depth);

static int equal_arrays(const json_t *a, const json_t *b, unsigned depth)
{
    size_t size = json_array_size(a);
    if (size != json_array_size(b))
        return 0;
    int equal = 1;
    for (size_t i = 0; i < size && equal == 1; i++)
        equal = equal_at(json_array_get(a, i), json_array_get(b, i), depth + 1);
    return equal;
}

static int equal_objects(const json_t *a, const json_t *b, unsigned depth)
{
    if (json_object_size(a) != json_object_size(b))
        return 0;
    json_t *object = (json_t *)a;
    int equal = 1;
    for (void *i = json_object_iter(object); i && equal == 1;
         i = json_object_iter_next(object, i)) {
        const json_t *other =
            json_object_getn(b, json_object_iter_key(i), json_object_iter_key_len(i));
        equal = other ? equal_at(json_object_iter_value(i), other, depth + 1) : 0;
    }
    return equal;
}

static int equal_numbers(const json_t *a, const json_t *b)
{
    struct schema_number left = schema_number_of(a), right = schema_number_of(b);
    return schema_number_compare(&left, &right) == 0;
}

static int equal_at(const json_t *a, const json_t *b, unsigned depth)
{
    if (a == b)
        return 1;
    if (json_is_number(a) && json_is_number(b))
        return equal_numbers(a, b);
    if (json_typeof(a) != json_typeof(b))
        return 0;
    if (depth > EQUAL_DEPTH_MAX)
        return LLMSPELL_ELIMIT;
    switch (json_typeof(a)) {
    case JSON_STRING:
        return json_string_length(a) == json_string_length(b) &&
               memcmp(json_string_value(a), json_string_value(b), json_string_length(a)) == 0;
    case JSON_ARRAY:
        return equal_arrays(a, b, depth);
    case JSON_OBJECT:
        return equal_objects(a, b, depth);
    default:
        return 1;
    }
}

int schema_value_equal(const json_t *a, const json_t *b)
{
    return equal_at(a, b, 0);
}

static uint64_t hash_number(const json_t *value, uint64_t seed)
{
    struct schema_number number = schema_number_of(value);
    if (!number.is_integer && number.real >= -TWO_63 && number.real < TWO_63 &&
        floor(number.real) == number.real) {
        number.is_integer = true;
        number.integer = (json_int_t)number.real;
    }
    if (number.is_integer)
        return schema_hash_bytes(&number.integer, sizeof number.integer, seed ^ 1);
    return schema_hash_bytes(&number.real, sizeof number.real, seed ^ 2);
}

static uint64_t hash_at(const json_t *value, uint64_t seed, unsigned depth);

static uint64_t hash_array(const json_t *array, uint64_t seed, unsigned depth)
{
    uint64_t hash = seed ^ 3;
    for (size_t i = 0; i < json_array_size(array); i++)
        hash = schema_hash_mix(hash ^ hash_at(json_array_get(array, i), seed, depth + 1),
                               0xA0761D6478BD642Fu);
    return hash;
}

/* The order of the members does not count: their hashes are summed up. */
static uint64_t hash_object(const json_t *value, uint64_t seed, unsigned depth)
{
    json_t *object = (json_t *)value;
    uint64_t hash = seed ^ 4;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        uint64_t key =
            schema_hash_bytes(json_object_iter_key(i), json_object_iter_key_len(i), seed);
        hash += schema_hash_mix(key ^ 0xE7037ED1A0B428DBu,
                                hash_at(json_object_iter_value(i), seed, depth + 1) | 1);
    }
    return schema_hash_mix(hash, 0x8EBC6AF09C88C6E3u);
}

static uint64_t hash_at(const json_t *value, uint64_t seed, unsigned depth)
{
    if (depth > EQUAL_DEPTH_MAX)
        return seed;
    switch (json_typeof(value)) {
    case JSON_INTEGER:
    case JSON_REAL:
        return hash_number(value, seed);
    case JSON_STRING:
        return schema_hash_bytes(json_string_value(value), json_string_length(value), seed ^ 5);
    case JSON_ARRAY:
        return hash_array(value, seed, depth);
    case JSON_OBJECT:
        return hash_object(value, seed, depth);
    default:
        return schema_hash_mix(seed ^ (16 + (unsigned)json_typeof(value)), 0x589965CC75374CC3u);
    }
}

uint64_t schema_value_hash(const json_t *value, uint64_t seed)
{
    return hash_at(value, seed, 0);
}

const char *schema_value_kind(const json_t *value)
{
    static const char *const kinds[] = {"an object", "an array",  "a string",  "an integer",
                                        "a number",  "a boolean", "a boolean", "null"};
    return kinds[json_typeof(value)];
}

/* Copies at most 64 bytes of a string, never half a code point, as JSON escapes it. */
static void describe_string(const json_t *value, char *text, size_t size)
{
    size_t length = json_string_length(value), shown = length > 64 ? 64 : length;
    const char *bytes = json_string_value(value);
    while (shown < length && shown > 0 && ((unsigned char)bytes[shown] & 0xC0) == 0x80)
        shown--;
    json_t *part = json_stringn(bytes, shown);
    char *dump = part ? json_dumps(part, JSON_ENCODE_ANY) : NULL;
    snprintf(text, size, "%s%s", dump ? dump : "a string", shown < length && dump ? "…" : "");
    free(dump);
    json_decref(part);
}

struct description {
    char *text;
    size_t length, size;
};

/* Takes what Jansson writes, until there is no room. */
static int take_dump(const char *bytes, size_t count, void *data)
{
    struct description *description = data;
    if (count >= description->size - description->length)
        return -1;
    memcpy(description->text + description->length, bytes, count);
    description->length += count;
    description->text[description->length] = '\0';
    return 0;
}

void schema_value_describe(const json_t *value, char *text, size_t size)
{
    struct description description = {text, 0, size};
    if (json_is_string(value))
        describe_string(value, text, size);
    else if (json_is_real(value))
        write_shortest(json_real_value(value), text, size);
    else if (json_dump_callback(value, take_dump, &description, JSON_ENCODE_ANY | JSON_COMPACT) < 0)
        snprintf(text, size, "%s", schema_value_kind(value));
}
