/* SPDX-License-Identifier: Apache-2.0
 * Takes only what Jansson would take too, with the same value: whatever is in doubt is refused. */
#include "read_jq.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../shared/text_input.h"

#define DEPTH 400         /* below what Jansson stands */
#define INTEGER_DIGITS 18 /* fit into 64 bits whatever they are */
#define EXACT_DIGITS 15   /* a whole number of so many digits is exact as a double */
#define EXACT_POWER 22    /* and so is this power of ten: one operation rounds right */
#define REAL_DIGITS 40    /* more are left to Jansson */
#define LOOK_EVERY 4096u  /* values */

struct reader {
    const char *at, *end;
    const atomic_int *stop;
    unsigned values;
    char *scratch; /* of a string with escapes */
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct reader *reader, unsigned *ret_unit)
{
    *ret_unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = reader->at < reader->end ? hex_digit(*reader->at) : -1;
        if (digit < 0)
            return false;
        *ret_unit = *ret_unit << 4 | (unsigned)digit;
        reader->at++;
    }
    return true;
}

static char *put_utf8(char *out, unsigned point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xC0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3F));
    } else {
        if (point < 0x10000) {
            *out++ = (char)(0xE0 | point >> 12);
        } else {
            *out++ = (char)(0xF0 | point >> 18);
            *out++ = (char)(0x80 | (point >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    }
    return out;
}

/* Behind `\u`: one unit, or two that make a pair. */
static bool read_point(struct reader *reader, unsigned *ret_point)
{
    unsigned low;
    if (!read_hex(reader, ret_point) || *ret_point == 0 || (*ret_point >> 10) == 0x37)
        return false;
    if ((*ret_point >> 10) != 0x36)
        return true;
    if (!take(reader, '\\') || !take(reader, 'u') || !read_hex(reader, &low) || (low >> 10) != 0x37)
        return false;
    *ret_point = 0x10000 + ((*ret_point & 0x3FF) << 10 | (low & 0x3FF));
    return true;
}

static bool read_escape(struct reader *reader, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    unsigned point;
    if (reader->at == reader->end || !*reader->at)
        return false;
    char c = *reader->at++;
    const char *name = strchr(names, c);
    if (name) {
        *(*out)++ = values[name - names];
        return true;
    }
    if (c != 'u' || !read_point(reader, &point))
        return false;
    *out = put_utf8(*out, point);
    return true;
}

/* From the first escape on; what stood before it is copied. An escape is never shorter than what it
 * stands for, so the rest of the text is room enough. */
static bool read_escaped(struct reader *reader, const char *start, jv *ret_value)
{
    size_t before = (size_t)(reader->at - start);
    const char *close = reader->at;
    while (close < reader->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= reader->end)
        return false;
    char *grown = realloc(reader->scratch, (size_t)(close - start) + 4);
    if (!grown)
        return false;
    reader->scratch = grown;
    memcpy(grown, start, before);
    char *out = grown + before;
    while (reader->at < close) {
        char c = *reader->at++;
        if ((unsigned char)c < 0x20 || (c == '\\' && !read_escape(reader, &out)))
            return false;
        if (c != '\\')
            *out++ = c;
    }
    reader->at = close + 1;
    *ret_value = jv_string_sized(grown, (int)(out - grown));
    return true;
}

/* Behind the opening quote. */
static bool read_string(struct reader *reader, jv *ret_value)
{
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
           (unsigned char)*reader->at >= 0x20)
        reader->at++;
    if (reader->at == reader->end || (unsigned char)*reader->at < 0x20)
        return false;
    if (*reader->at == '\\')
        return read_escaped(reader, start, ret_value);
    *ret_value = jv_string_sized(start, (int)(reader->at - start));
    reader->at++;
    return true;
}

/* ---- numbers ---- */

/* Digits of a number without its point, and the power of ten that they are multiplied with. */
struct decimal {
    char digits[REAL_DIGITS];
    int count, power;
    bool negative, whole;
};

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static bool read_digits(struct reader *reader, struct decimal *decimal, bool fraction)
{
    if (!is_digit(reader))
        return false;
    for (; is_digit(reader); reader->at++) {
        if (decimal->count == REAL_DIGITS)
            return false;
        decimal->digits[decimal->count++] = *reader->at;
        decimal->power -= fraction;
    }
    return true;
}

static bool read_exponent(struct reader *reader, struct decimal *decimal)
{
    int exponent = 0;
    bool negative = take(reader, '-');
    if (!negative)
        take(reader, '+');
    if (!is_digit(reader))
        return false;
    for (; is_digit(reader); reader->at++) {
        if (exponent > 9999)
            return false;
        exponent = exponent * 10 + (*reader->at - '0');
    }
    decimal->power += negative ? -exponent : exponent;
    return true;
}

static bool read_decimal(struct reader *reader, struct decimal *decimal)
{
    *decimal = (struct decimal){.negative = take(reader, '-'), .whole = true};
    const char *start = reader->at;
    if (!read_digits(reader, decimal, false) || (*start == '0' && decimal->count > 1))
        return false;
    if (take(reader, '.')) {
        decimal->whole = false;
        if (!read_digits(reader, decimal, true))
            return false;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        decimal->whole = false;
        return read_exponent(reader, decimal);
    }
    return true;
}

/* Without a point in the text, strtod is the same in every locale. */
static double rounded(const struct decimal *decimal)
{
    char text[REAL_DIGITS + 16];
    snprintf(text, sizeof text, "%.*se%d", decimal->count, decimal->digits, decimal->power);
    return strtod(text, NULL);
}

static double value_of(const struct decimal *decimal)
{
    static const double powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    int64_t whole = 0;
    if (decimal->count > INTEGER_DIGITS)
        return rounded(decimal);
    for (int i = 0; i < decimal->count; i++)
        whole = whole * 10 + (decimal->digits[i] - '0');
    if (decimal->power == 0)
        return (double)whole;
    if (decimal->count > EXACT_DIGITS || decimal->power > EXACT_POWER ||
        decimal->power < -EXACT_POWER)
        return rounded(decimal);
    return decimal->power < 0 ? (double)whole / powers[-decimal->power]
                              : (double)whole * powers[decimal->power];
}

static bool read_number(struct reader *reader, jv *ret_value)
{
    struct decimal decimal;
    if (!read_decimal(reader, &decimal) || (decimal.whole && decimal.count > INTEGER_DIGITS))
        return false;
    double value = value_of(&decimal);
    if (isinf(value))
        return false;
    bool zero = decimal.whole && value == 0; /* -0 is the whole number 0 */
    *ret_value = jv_number(decimal.negative && !zero ? -value : value);
    return true;
}

/* ---- values ---- */

static bool read_value(struct reader *reader, int depth, jv *ret_value);

static bool read_items(struct reader *reader, int depth, jv *array)
{
    skip_blanks(reader);
    if (take(reader, ']'))
        return true;
    do {
        jv item;
        if (!read_value(reader, depth + 1, &item))
            return false;
        *array = jv_array_append(*array, item);
        skip_blanks(reader);
    } while (take(reader, ','));
    return take(reader, ']');
}

static bool read_member(struct reader *reader, int depth, jv *object)
{
    jv name, value;
    skip_blanks(reader);
    if (!take(reader, '"') || !read_string(reader, &name))
        return false;
    skip_blanks(reader);
    bool twice = jv_object_has(jv_copy(*object), jv_copy(name));
    if (twice || !take(reader, ':') || !read_value(reader, depth + 1, &value)) {
        jv_free(name);
        return false;
    }
    *object = jv_object_set(*object, name, value);
    skip_blanks(reader);
    return true;
}

static bool read_members(struct reader *reader, int depth, jv *object)
{
    skip_blanks(reader);
    if (take(reader, '}'))
        return true;
    do {
        if (!read_member(reader, depth, object))
            return false;
    } while (take(reader, ','));
    return take(reader, '}');
}

static bool read_container(struct reader *reader, int depth, bool array, jv *ret_value)
{
    if (depth >= DEPTH)
        return false;
    *ret_value = array ? jv_array() : jv_object();
    if (array ? read_items(reader, depth, ret_value) : read_members(reader, depth, ret_value))
        return true;
    jv_free(*ret_value);
    return false;
}

static bool read_word(struct reader *reader, const char *word, jv value, jv *ret_value)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    *ret_value = value;
    return true;
}

static bool read_value(struct reader *reader, int depth, jv *ret_value)
{
    if (++reader->values % LOOK_EVERY == 0 && atomic_load(reader->stop) < 0)
        return false;
    skip_blanks(reader);
    switch (reader->at < reader->end ? *reader->at : '\0') {
    case '{':
    case '[':
        return read_container(reader, depth, *reader->at++ == '[', ret_value);
    case '"':
        reader->at++;
        return read_string(reader, ret_value);
    case 't':
        return read_word(reader, "true", jv_true(), ret_value);
    case 'f':
        return read_word(reader, "false", jv_false(), ret_value);
    case 'n':
        return read_word(reader, "null", jv_null(), ret_value);
    default:
        return read_number(reader, ret_value);
    }
}

bool read_jq(const char *text, size_t size, const atomic_int *stop, jv *ret_value)
{
    struct reader reader = {.at = text, .end = text + size, .stop = stop};
    if (text_valid(text, size) < size || !read_value(&reader, 0, ret_value)) {
        free(reader.scratch);
        return false;
    }
    free(reader.scratch);
    skip_blanks(&reader);
    if (reader.at == reader.end)
        return true;
    jv_free(*ret_value);
    return false;
}
