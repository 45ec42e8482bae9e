/* SPDX-License-Identifier: Apache-2.0
 * The core schema of YAML 1.2 (10.3.2). Yes and no, dates and numbers with underscores are text. */
#include "yaml_scalar.h"

#include "number.h"

static bool is_any(const char *text, size_t size, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == size && memcmp(*words, text, size) == 0)
            return true;
    return false;
}

static enum yaml_kind word_kind(const char *text, size_t size)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const infinities[] = {".inf",  ".Inf",  ".INF", "+.inf",
                                             "+.Inf", "+.INF", NULL};
    static const char *const minus[] = {"-.inf", "-.Inf", "-.INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    if (is_any(text, size, nulls))
        return YAML_KIND_NULL;
    if (is_any(text, size, trues))
        return YAML_KIND_TRUE;
    if (is_any(text, size, falses))
        return YAML_KIND_FALSE;
    if (is_any(text, size, infinities))
        return YAML_KIND_INFINITY;
    if (is_any(text, size, minus))
        return YAML_KIND_MINUS_INFINITY;
    return is_any(text, size, nans) ? YAML_KIND_NAN : YAML_KIND_STRING;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* 0o17 and 0xff; without a sign. */
static enum yaml_kind based_kind(const char *text, size_t size, int base, long long *ret_integer)
{
    long long value = 0;
    bool fits = true;
    for (size_t i = 2; i < size; i++) {
        int digit = digit_value(text[i]);
        if (digit >= base)
            return YAML_KIND_STRING;
        fits = fits && !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, digit, &value);
    }
    *ret_integer = value;
    return fits ? YAML_KIND_INTEGER : YAML_KIND_TOO_LARGE;
}

static bool all_digits(const char *text, size_t size)
{
    size_t at = size > 0 && (*text == '-' || *text == '+');
    if (at == size)
        return false;
    for (; at < size; at++)
        if (text[at] < '0' || text[at] > '9')
            return false;
    return true;
}

enum yaml_kind yaml_scalar_kind(const char *text, size_t size, long long *ret_integer,
                                double *ret_real)
{
    static const char starts[] = "0123456789+-.~nNtTfF";
    if (size > 0 && (*text == '\0' || !strchr(starts, *text)))
        return YAML_KIND_STRING;
    enum yaml_kind word = word_kind(text, size);
    if (word != YAML_KIND_STRING)
        return word;
    if (size > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'x'))
        return based_kind(text, size, text[1] == 'o' ? 8 : 16, ret_integer);
    if (all_digits(text, size)) {
        json_int_t integer = 0;
        if (!number_read_integer(text, size, &integer))
            return YAML_KIND_TOO_LARGE;
        *ret_integer = integer;
        return YAML_KIND_INTEGER;
    }
    return number_read(text, size, ret_real) ? YAML_KIND_REAL : YAML_KIND_STRING;
}
