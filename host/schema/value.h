/* SPDX-License-Identifier: Apache-2.0
 * JSON values as JSON Schema sees them: numbers are compared by their mathematical value (1 is
 * 1.0), equality is deep. Private to host/schema. */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct schema_number {
    bool is_integer;
    json_int_t integer;
    double real;
};

/* digits * 10^exponent, the sign dropped: exact for what was written in JSON. */
struct schema_decimal {
    uint64_t digits;
    int exponent;
};

/* value must be a number. */
struct schema_number schema_number_of(const json_t *value);

/* Negative, 0 or positive as a is less than, equal to or greater than b; exact. */
int schema_number_compare(const struct schema_number *a, const struct schema_number *b);

struct schema_decimal schema_decimal_of(const json_t *number);

/* True if value is an integral multiple of divisor, whose digits are not 0. */
bool schema_decimal_is_multiple(struct schema_decimal value, struct schema_decimal divisor);

/* True for integers and for reals without a fraction. */
bool schema_value_is_integer(const json_t *value);

/* Deep equality: 1, 0, or LLMSPELL_ELIMIT if the values are nested too deeply. */
int schema_value_equal(const json_t *a, const json_t *b);

/* Equal values have equal hashes. */
uint64_t schema_value_hash(const json_t *value, uint64_t seed);

/* Writes value for a message: as JSON; long strings are cut, large objects are "an object". */
void schema_value_describe(const json_t *value, char *text, size_t size);

/* "an integer", "a string", …; static. */
const char *schema_value_kind(const json_t *value);

__extension__ typedef unsigned __int128 schema_wide;

static inline uint64_t schema_hash_mix(uint64_t a, uint64_t b)
{
    schema_wide product = (schema_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The last 0 to 7 bytes of a text as one word. */
static inline uint64_t schema_hash_tail(const unsigned char *at, size_t length)
{
    uint32_t low, high;
    if (length >= 4) {
        memcpy(&low, at, 4);
        memcpy(&high, at + length - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    if (length == 0)
        return 0;
    return (uint64_t)at[0] << 16 | (uint64_t)at[length / 2] << 8 | at[length - 1];
}

static inline uint64_t schema_hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = seed ^ (0x9E3779B97F4A7C15u + length), word;
    for (; length >= 8; at += 8, length -= 8) {
        memcpy(&word, at, 8);
        hash = schema_hash_mix(hash ^ word, 0xA0761D6478BD642Fu);
    }
    return schema_hash_mix(hash ^ schema_hash_tail(at, length), 0xE7037ED1A0B428DBu);
}

#endif
