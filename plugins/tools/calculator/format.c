/* SPDX-License-Identifier: Apache-2.0
 * Exact numbers as decimal text: whole numbers in full, others with n significant digits,
 * correctly rounded, ties to even. Called by eval_exact.c. */
#include <math.h>

#include "exact.h"

#define PLAIN_EXPONENT_MIN -7

/* Takes over digits, which GMP allocated. */
static void free_digits(char *digits)
{
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    release(digits, strlen(digits) + 1);
}

/* Rounds rest/divisor (0 <= rest < divisor) into quotient, ties to even. */
static void round_quotient(mpz_t quotient, mpz_t rest, const mpz_t divisor)
{
    mpz_mul_2exp(rest, rest, 1);
    int order = mpz_cmp(rest, divisor);
    if (order > 0 || (order == 0 && mpz_odd_p(quotient)))
        mpz_add_ui(quotient, quotient, 1);
}

/* quotient = |q| / 10^scale, cut; rest and divisor as in the division. */
static void scaled_division(mpq_srcptr q, long scale, mpz_t quotient, mpz_t rest, mpz_t divisor)
{
    mpz_t power, dividend;
    mpz_inits(power, dividend, NULL);
    mpz_ui_pow_ui(power, 10, (unsigned long)labs(scale));
    mpz_abs(dividend, mpq_numref(q));
    mpz_set(divisor, mpq_denref(q));
    if (scale < 0)
        mpz_mul(dividend, dividend, power);
    else
        mpz_mul(divisor, divisor, power);
    mpz_tdiv_qr(quotient, rest, dividend, divisor);
    mpz_clears(power, dividend, NULL);
}

/* The first n digits of |q| > 0 with D.DDD × 10^*ret_exponent, for free_digits. */
static char *fraction_digits(mpq_srcptr q, int n, long *ret_exponent)
{
    mpz_t quotient, rest, divisor, low, high;
    mpz_inits(quotient, rest, divisor, low, high, NULL);
    mpz_ui_pow_ui(low, 10, (unsigned long)n - 1);
    mpz_mul_ui(high, low, 10);
    double guess = (num_log2(mpq_numref(q)) - num_log2(mpq_denref(q))) * log10(2);
    long exponent = (long)floor(guess); /* wrong by one at most */
    for (;;) {
        scaled_division(q, exponent - n + 1, quotient, rest, divisor);
        if (mpz_cmp(quotient, low) < 0)
            exponent--;
        else if (mpz_cmp(quotient, high) >= 0)
            exponent++;
        else
            break;
    }
    round_quotient(quotient, rest, divisor);
    if (mpz_cmp(quotient, high) == 0) {
        mpz_set(quotient, low);
        exponent++;
    }
    char *digits = mpz_get_str(NULL, 10, quotient);
    mpz_clears(quotient, rest, divisor, low, high, NULL);
    *ret_exponent = exponent;
    return digits;
}

/* Appends count bytes c. */
static char *fill(char *at, char c, long count)
{
    if (count <= 0)
        return at;
    memset(at, c, (size_t)count);
    return at + count;
}

/* Appends the first digits with a point after the first `whole` of them. */
static char *put_digits(char *at, const char *digits, long length, long whole)
{
    long before = whole < length ? whole : length;
    at = mempcpy(at, digits, (size_t)before);
    at = fill(at, '0', whole - length);
    if (length > whole) {
        *at++ = '.';
        at = mempcpy(at, digits + whole, (size_t)(length - whole));
    }
    return at;
}

/* D.DDD × 10^exponent in plain or scientific notation. */
static json_t *decimal_json(bool negative, const char *digits, long exponent, int n)
{
    long length = (long)strlen(digits);
    while (length > 1 && digits[length - 1] == '0')
        length--;
    LLMSPELL_CLEANUP_FREE char *text = malloc((size_t)n + (size_t)length + 48);
    if (!text)
        return NULL;
    char *at = fill(text, '-', negative);
    if (exponent < PLAIN_EXPONENT_MIN || exponent >= n) {
        at = put_digits(at, digits, length, 1);
        at += snprintf(at, 32, "e%+ld", exponent);
    } else if (exponent < 0) {
        at = fill(mempcpy(at, "0.", 2), '0', -exponent - 1);
        at = mempcpy(at, digits, (size_t)length);
    } else {
        at = put_digits(at, digits, length, exponent + 1);
    }
    return json_stringn(text, (size_t)(at - text));
}

static json_t *integer_json(mpz_srcptr integer)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc(mpz_sizeinbase(integer, 10) + 2);
    return text ? json_string(mpz_get_str(text, 10, integer)) : NULL;
}

static json_t *special_json(mpfr_srcptr real)
{
    if (mpfr_nan_p(real))
        return json_string("NaN");
    return json_string(mpfr_sgn(real) > 0 ? "Infinity" : "-Infinity");
}

json_t *num_json(const struct exact *exact, const struct num *num, const char **ret_type)
{
    *ret_type = num->kind == NUM_INTEGER ? "integer" : "decimal";
    if (num->kind == NUM_INTEGER)
        return integer_json(mpq_numref(num->q));
    if (num->kind == NUM_REAL && !mpfr_number_p(num->r)) {
        *ret_type = "special";
        return special_json(num->r);
    }
    if (num_is_zero(num))
        return json_string("0");
    int n = exact->evaluation->precision;
    if (num->kind == NUM_FRACTION) {
        long exponent = 0;
        char *digits = fraction_digits(num->q, n, &exponent);
        json_t *json = decimal_json(mpq_sgn(num->q) < 0, digits, exponent, n);
        free_digits(digits);
        return json;
    }
    mpfr_exp_t exponent = 0;
    char *digits = mpfr_get_str(NULL, &exponent, 10, (size_t)n, num->r, MPFR_RNDN);
    bool negative = *digits == '-';
    json_t *json = decimal_json(negative, digits + negative, (long)exponent - 1, n);
    mpfr_free_str(digits);
    return json;
}
