/* SPDX-License-Identifier: Apache-2.0
 * Exact arithmetic on fractions: a value counts as the decimal number that was written, not as the
 * double next to it, so that 0 °F is found again and -273.15 °C is 0 K. */
#include <math.h>

#include "units.h"

#define PI_DIGITS "3.14159265358979323846264338327950288419716939937510582097494459"
#define DIGITS_MAX 200 /* of a decimal in the table, or of a double */
#define DOUBLE_DIGITS 17
#define WHOLE_MAX 9007199254740992.0 /* 2^53 */
#define HIGHEST_EXPONENT 400         /* decimal; doubles end at 308 */

static void power_of_ten(mpz_t ret, long exponent)
{
    mpz_ui_pow_ui(ret, 10, (unsigned long)labs(exponent));
}

/* number * 10^exponent */
static void scale(mpq_t number, long exponent)
{
    mpq_t power;
    mpq_init(power);
    power_of_ten(mpq_numref(power), exponent);
    if (exponent < 0)
        mpq_div(number, number, power);
    else
        mpq_mul(number, number, power);
    mpq_clear(power);
}

/* Digits, with a point or not, up to what is no digit. Returns where that is. */
static const char *read_decimal(const char *at, mpq_t ret)
{
    char digits[DIGITS_MAX];
    size_t count = 0;
    long behind = 0;
    bool fraction = false;
    for (; (*at >= '0' && *at <= '9') || *at == '.'; at++) {
        if (*at == '.') {
            fraction = true;
        } else if (count < DIGITS_MAX - 1) {
            digits[count++] = *at;
            behind += fraction;
        }
    }
    digits[count] = '\0';
    mpz_set_str(mpq_numref(ret), digits, 10);
    mpz_set_ui(mpq_denref(ret), 1);
    scale(ret, -behind);
    return at;
}

/* The table's decimals and pi, joined by * and /. */
static void read_factor(const char *text, mpq_t ret)
{
    mpq_t term;
    mpq_init(term);
    mpq_set_ui(ret, 1, 1);
    char join = '*';
    for (const char *at = text;; at++) {
        if (*at == 'p') {
            read_decimal(PI_DIGITS, term);
            at += 2;
        } else {
            at = read_decimal(at, term);
        }
        if (join == '*')
            mpq_mul(ret, ret, term);
        else
            mpq_div(ret, ret, term);
        join = *at;
        if (!join)
            break;
    }
    mpq_clear(term);
}

/* The fewest digits that read back as value. snprintf and strtod are of one locale, whatever it
 * is: the point between the digits is left out. */
static void read_double(double value, mpq_t ret)
{
    char text[64], digits[DIGITS_MAX];
    int precision = 0;
    do
        snprintf(text, sizeof text, "%.*e", precision, fabs(value));
    while (++precision < DOUBLE_DIGITS && strtod(text, NULL) != fabs(value));
    size_t count = 0;
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    digits[count] = '\0';
    read_decimal(digits, ret);
    scale(ret, strtol(at + 1, NULL, 10) - (long)(count - 1));
    if (value < 0)
        mpq_neg(ret, ret);
}

void exact_number(const json_t *number, mpq_t ret)
{
    if (json_is_integer(number))
        mpq_set_si(ret, (long)json_integer_value(number), 1);
    else
        read_double(json_real_value(number), ret);
}

/* ---- units ---- */

void exact_factor(const struct unit *unit, mpq_t ret)
{
    read_factor(unit->factor, ret);
}

bool exact_to_base(const struct unit *unit, const mpq_t value, mpq_t ret)
{
    mpq_t factor, shifted;
    if (unit->reciprocal && mpq_sgn(value) == 0)
        return false;
    mpq_inits(factor, shifted, NULL);
    read_factor(unit->factor, factor);
    if (unit->offset)
        read_decimal(unit->offset, shifted);
    mpq_add(shifted, shifted, value);
    if (unit->reciprocal)
        mpq_div(ret, factor, shifted);
    else
        mpq_mul(ret, factor, shifted);
    mpq_clears(factor, shifted, NULL);
    return true;
}

bool exact_from_base(const struct unit *unit, const mpq_t base, mpq_t ret)
{
    mpq_t factor, offset;
    if (unit->reciprocal && mpq_sgn(base) == 0)
        return false;
    mpq_inits(factor, offset, NULL);
    read_factor(unit->factor, factor);
    if (unit->offset)
        read_decimal(unit->offset, offset);
    if (unit->reciprocal)
        mpq_div(ret, factor, base);
    else
        mpq_div(ret, base, factor);
    mpq_sub(ret, ret, offset);
    mpq_clears(factor, offset, NULL);
    return true;
}

/* ---- results ---- */

/* The exponent of the first digit, or one less: from the number of digits above and below. */
static long magnitude(const mpq_t number)
{
    return (long)mpz_sizeinbase(mpq_numref(number), 10) -
           (long)mpz_sizeinbase(mpq_denref(number), 10) - 2;
}

/* ret = |number| / 10^exponent, rounded, ties away from zero. */
static void rounded_quotient(const mpq_t number, long exponent, mpz_t ret)
{
    mpq_t scaled;
    mpq_init(scaled);
    mpq_abs(scaled, number);
    scale(scaled, -exponent);
    mpz_mul_2exp(mpq_numref(scaled), mpq_numref(scaled), 1); /* (2n + d) / 2d */
    mpz_add(mpq_numref(scaled), mpq_numref(scaled), mpq_denref(scaled));
    mpz_mul_2exp(mpq_denref(scaled), mpq_denref(scaled), 1);
    mpz_fdiv_q(ret, mpq_numref(scaled), mpq_denref(scaled));
    mpq_clear(scaled);
}

/* number = ±mantissa * 10^returned exponent, with that many digits. */
static long significant(const mpq_t number, unsigned digits, mpz_t ret_mantissa)
{
    mpz_t limit;
    mpz_init(limit);
    mpz_ui_pow_ui(limit, 10, digits);
    long exponent = magnitude(number) - (long)digits + 1;
    do
        rounded_quotient(number, exponent++, ret_mantissa);
    while (mpz_cmp(ret_mantissa, limit) >= 0);
    mpz_clear(limit);
    return exponent - 1;
}

void exact_round(mpq_t number, unsigned digits)
{
    if (mpq_sgn(number) == 0)
        return;
    mpz_t mantissa;
    mpz_init(mantissa);
    int sign = mpq_sgn(number);
    long exponent = significant(number, digits, mantissa);
    mpq_set_z(number, mantissa);
    scale(number, exponent);
    if (sign < 0)
        mpq_neg(number, number);
    mpz_clear(mantissa);
}

json_t *exact_json(const mpq_t number)
{
    if (mpq_sgn(number) == 0)
        return json_integer(0);
    char text[64];
    mpz_t mantissa;
    mpz_init(mantissa);
    long exponent = significant(number, 20, mantissa); /* beyond what a double tells apart */
    size_t used = (size_t)gmp_snprintf(text, sizeof text, "%Zd", mantissa);
    mpz_clear(mantissa);
    if (exponent > HIGHEST_EXPONENT)
        return NULL;
    snprintf(text + used, sizeof text - used, "e%ld", exponent);
    double value = strtod(text, NULL);
    if (mpq_sgn(number) < 0)
        value = -value;
    if (!isfinite(value))
        return NULL;
    if (value == trunc(value) && fabs(value) <= WHOLE_MAX)
        return json_integer((json_int_t)value);
    return json_real(value);
}
