/* SPDX-License-Identifier: Apache-2.0
 * Numbers as text and as JSON. strtod and snprintf see no radix character here: mantissas are whole
 * numbers with an exponent, which read the same in every locale. */
#include "number.h"

#include <math.h>

#define EXPONENT_MAX 100000 /* of ten; far beyond every double */
#define DIGITS_MAX 800      /* more digits than decide any rounding (768) */
#define PLAIN_MIN -7        /* exponents of numbers that are written without e */
#define PLAIN_MAX 21

json_t *number_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    if (value == trunc(value) && fabs(value) <= 0x1p53)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* ---- writing ---- */

/* The shortest digits D with value = D.DDD × 10^*ret_exponent; value is finite and above 0. */
static size_t shortest_digits(double value, char ret_digits[24], int *ret_exponent)
{
    char text[48], mantissa[48];
    size_t count = 0;
    for (int precision = 1; precision <= 17; precision = precision == 1 ? 15 : precision + 1) {
        snprintf(text, sizeof text, "%.*e", precision - 1, value);
        const char *e = strchr(text, 'e');
        count = 0;
        for (const char *p = text; p < e; p++)
            if (*p >= '0' && *p <= '9')
                ret_digits[count++] = *p;
        ret_digits[count] = '\0';
        *ret_exponent = (int)strtol(e + 1, NULL, 10);
        snprintf(mantissa, sizeof mantissa, "%se%d", ret_digits, *ret_exponent - (int)count + 1);
        if (strtod(mantissa, NULL) == value)
            break;
    }
    while (count > 1 && ret_digits[count - 1] == '0')
        ret_digits[--count] = '\0';
    return count;
}

/* A point after the first `whole` digits, zeros where there are none. */
static size_t put_plain(char *out, const char *digits, int count, int whole)
{
    size_t at = 0;
    if (whole <= 0)
        out[at++] = '0';
    for (int i = 0; i < whole; i++)
        out[at++] = i < count ? digits[i] : '0';
    if (count > whole)
        out[at++] = '.';
    for (int i = whole; i < 0; i++)
        out[at++] = '0';
    for (int i = whole > 0 ? whole : 0; i < count; i++)
        out[at++] = digits[i];
    return at;
}

size_t number_text(double value, char ret_text[NUMBER_TEXT_MAX])
{
    if (!isfinite(value) || value == 0)
        return (size_t)snprintf(ret_text, NUMBER_TEXT_MAX, "%s",
                                isnan(value) ? "NaN"
                                : value == 0 ? "0"
                                : value > 0  ? "Infinity"
                                             : "-Infinity");
    char digits[24];
    int exponent = 0;
    int count = (int)shortest_digits(fabs(value), digits, &exponent);
    size_t at = 0;
    if (value < 0)
        ret_text[at++] = '-';
    if (exponent >= PLAIN_MIN && exponent < PLAIN_MAX) {
        at += put_plain(ret_text + at, digits, count, exponent + 1);
    } else {
        at += put_plain(ret_text + at, digits, count, 1);
        at += (size_t)snprintf(ret_text + at, 8, "e%+03d", exponent);
    }
    ret_text[at] = '\0';
    return at;
}

/* ---- reading ---- */

/* The parts of a number as it is written. */
struct decimal {
    bool negative;
    uint64_t mantissa;       /* the first 19 digits that count */
    char digits[DIGITS_MAX]; /* all of them, for the slow way */
    size_t count;
    long exponent; /* value = digits × 10^exponent */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void add_digit(struct decimal *d, char c)
{
    if (d->count == 0 && c == '0')
        return;
    if (d->count < 19)
        d->mantissa = d->mantissa * 10 + (uint64_t)(c - '0');
    if (d->count < DIGITS_MAX - 1)
        d->digits[d->count++] = c;
    else
        d->exponent++;
}

/* e [+-] digits to the end. */
static bool read_exponent(const char *p, const char *end, long *exponent)
{
    bool negative = false;
    if (p < end && (*p == '+' || *p == '-'))
        negative = *p++ == '-';
    long value = 0;
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (value < EXPONENT_MAX)
            value = value * 10 + (*p - '0');
    }
    *exponent += negative ? -value : value;
    return true;
}

static bool split(const char *p, const char *end, struct decimal *d)
{
    d->negative = false;
    d->mantissa = 0;
    d->count = 0;
    d->exponent = 0;
    if (p < end && (*p == '+' || *p == '-'))
        d->negative = *p++ == '-';
    bool any = false;
    for (; p < end && is_digit(*p); p++, any = true)
        add_digit(d, *p);
    if (p < end && *p == '.') {
        for (p++; p < end && is_digit(*p); p++, any = true) {
            add_digit(d, *p);
            d->exponent--;
        }
    }
    if (!any)
        return false;
    if (p < end && (*p == 'e' || *p == 'E'))
        return read_exponent(p + 1, end, &d->exponent);
    return p == end;
}

/* Exact where both the mantissa and the power of ten are doubles. */
static bool fast_value(const struct decimal *d, double *ret)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->count > 19 || d->mantissa > (UINT64_C(1) << 53) || labs(d->exponent) > 22)
        return false;
    double value = (double)d->mantissa;
    *ret = d->exponent < 0 ? value / powers[-d->exponent] : value * powers[d->exponent];
    return true;
}

bool number_read(const char *text, size_t size, double *ret_value)
{
    struct decimal d;
    if (!split(text, text + size, &d))
        return false;
    double value = 0;
    if (!fast_value(&d, &value) && d.count > 0) {
        char digits[DIGITS_MAX + 32];
        memcpy(digits, d.digits, d.count);
        snprintf(digits + d.count, 32, "e%ld", d.exponent);
        value = strtod(digits, NULL);
    }
    *ret_value = d.negative ? -value : value;
    return true;
}

bool number_read_integer(const char *text, size_t size, json_int_t *ret_value)
{
    size_t at = size > 0 && (text[0] == '-' || text[0] == '+');
    bool negative = at && text[0] == '-';
    json_int_t value = 0;
    if (at == size)
        return false;
    for (; at < size; at++) {
        if (!is_digit(text[at]) || __builtin_mul_overflow(value, 10, &value))
            return false;
        json_int_t digit = text[at] - '0';
        if (__builtin_add_overflow(value, negative ? -digit : digit, &value))
            return false;
    }
    *ret_value = value;
    return true;
}
