/* SPDX-License-Identifier: Apache-2.0
 * Life and conversions of the exact evaluator's numbers. Called by all its files. */
#include <math.h>

#include "exact.h"

void num_clear(struct num *num)
{
    if (num->kind == NUM_REAL)
        mpfr_clear(num->r);
    else if (num->kind != NUM_EMPTY)
        mpq_clear(num->q);
    num->kind = NUM_EMPTY;
}

mpq_ptr num_init_q(struct num *num, enum num_kind kind)
{
    mpq_init(num->q);
    num->kind = kind;
    return num->q;
}

mpz_ptr num_init_integer(struct num *num)
{
    return mpq_numref(num_init_q(num, NUM_INTEGER));
}

mpfr_ptr num_init_real(const struct exact *exact, struct num *num)
{
    mpfr_init2(num->r, exact->bits);
    num->kind = NUM_REAL;
    return num->r;
}

void num_set_special(const struct exact *exact, struct num *num, double value)
{
    mpfr_set_d(num_init_real(exact, num), value, MPFR_RNDN);
}

void num_set_bool(struct num *num, bool value)
{
    mpz_set_ui(num_init_integer(num), value);
}

void num_copy(const struct exact *exact, struct num *to, const struct num *from)
{
    if (from->kind == NUM_REAL)
        mpfr_set(num_init_real(exact, to), from->r, MPFR_RNDN);
    else
        mpq_set(num_init_q(to, from->kind), from->q);
}

int32_t num_too_big(const struct exact *exact)
{
    return llmspell_fail_at(exact->evaluation->call, LLMSPELL_ELIMIT, "/input",
                            "a whole number of the calculation has more than %d bits; write one "
                            "operand with a point (2.0) for a rounded result",
                            INTEGER_BITS);
}

int32_t num_out_of_memory(const struct exact *exact)
{
    return llmspell_fail(exact->evaluation->call, LLMSPELL_ENOMEM, "out of memory");
}

static bool fits(const struct num *num, size_t bits)
{
    return mpz_sizeinbase(mpq_numref(num->q), 2) <= bits &&
           mpz_sizeinbase(mpq_denref(num->q), 2) <= bits;
}

static void make_real(const struct exact *exact, struct num *num)
{
    struct num real = {0};
    mpfr_set_q(num_init_real(exact, &real), num->q, MPFR_RNDN);
    num_clear(num);
    *num = real;
}

int32_t num_settle(const struct exact *exact, struct num *num)
{
    if (num->kind == NUM_INTEGER && !fits(num, INTEGER_BITS))
        return num_too_big(exact);
    if (num->kind == NUM_FRACTION && !fits(num, FRACTION_BITS))
        make_real(exact, num);
    return 0;
}

int num_get_real(const struct exact *exact, mpfr_t real, const struct num *num)
{
    mpfr_init2(real, exact->bits);
    if (num->kind == NUM_REAL)
        return mpfr_set(real, num->r, MPFR_RNDN);
    return mpfr_set_q(real, num->q, MPFR_RNDN);
}

int32_t num_get_integer(const struct exact *exact, mpz_t integer, const struct num *num)
{
    if (num->kind != NUM_REAL) {
        if (mpz_cmp_ui(mpq_denref(num->q), 1) != 0)
            return 0;
        mpz_set(integer, mpq_numref(num->q));
        return 1;
    }
    if (!mpfr_integer_p(num->r))
        return 0;
    if (!mpfr_zero_p(num->r) && mpfr_get_exp(num->r) > INTEGER_BITS)
        return num_too_big(exact);
    mpfr_get_z(integer, num->r, MPFR_RNDN);
    return 1;
}

void num_make_decimal(const struct exact *exact, struct num *num)
{
    if (num->kind != NUM_INTEGER)
        return;
    num->kind = NUM_FRACTION;
    (void)num_settle(exact, num); /* cannot fail for a fraction */
}

bool num_is_zero(const struct num *num)
{
    return num->kind == NUM_REAL ? mpfr_zero_p(num->r) : mpq_sgn(num->q) == 0;
}

bool num_is_nan(const struct num *num)
{
    return num->kind == NUM_REAL && mpfr_nan_p(num->r);
}

bool num_is_rational(const struct num *num)
{
    return num->kind != NUM_REAL;
}

bool num_are_integers(const struct num *args, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (args[i].kind != NUM_INTEGER)
            return false;
    return true;
}

bool num_are_small(const struct num *args, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (args[i].kind == NUM_REAL || !fits(&args[i], FRACTION_BITS))
            return false;
    return true;
}

int num_sign(const struct num *num)
{
    if (num->kind != NUM_REAL)
        return mpq_sgn(num->q);
    return mpfr_nan_p(num->r) ? 0 : mpfr_sgn(num->r);
}

int num_compare(const struct num *a, const struct num *b)
{
    if (a->kind == NUM_REAL)
        return b->kind == NUM_REAL ? mpfr_cmp(a->r, b->r) : mpfr_cmp_q(a->r, b->q);
    return b->kind == NUM_REAL ? -mpfr_cmp_q(b->r, a->q) : mpq_cmp(a->q, b->q);
}

size_t num_size(const struct num *num)
{
    if (num->kind == NUM_EMPTY)
        return 0;
    if (num->kind == NUM_REAL)
        return mpfr_custom_get_size(mpfr_get_prec(num->r));
    return (mpz_size(mpq_numref(num->q)) + mpz_size(mpq_denref(num->q))) * sizeof(mp_limb_t);
}

double num_log2(mpz_srcptr integer)
{
    long exponent = 0;
    double mantissa = mpz_get_d_2exp(&exponent, integer);
    return log2(fabs(mantissa)) + (double)exponent;
}

/* digits × 10^exponent as an exact fraction. */
static int32_t read_fraction(const struct exact *exact, struct num *ret, struct decimal *decimal)
{
    decimal->text[decimal->digits] = '\0';
    mpq_ptr q = num_init_q(ret, NUM_FRACTION);
    mpz_set_str(mpq_numref(q), decimal->text, 10);
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)llabs(decimal->exponent));
    if (decimal->exponent < 0)
        mpz_set(mpq_denref(q), power);
    else
        mpz_mul(mpq_numref(q), mpq_numref(q), power);
    mpz_clear(power);
    mpq_canonicalize(q);
    return num_settle(exact, ret);
}

static int32_t read_integer(const struct exact *exact, struct num *ret, struct decimal *decimal)
{
    if ((double)(decimal->digits - 1) * 3.3219 > INTEGER_BITS)
        return num_too_big(exact);
    decimal->text[decimal->digits] = '\0';
    mpz_set_str(num_init_integer(ret), decimal->text, 10);
    return num_settle(exact, ret);
}

int32_t num_read_decimal(const struct exact *exact, struct num *ret, const char *text,
                         size_t length, bool integer, bool negative)
{
    struct decimal decimal;
    int32_t rc = 0;
    if (decimal_split(text, length, &decimal) < 0)
        return num_out_of_memory(exact);
    if (integer)
        rc = read_integer(exact, ret, &decimal);
    else if (decimal.digits <= FRACTION_DIGITS && llabs(decimal.exponent) <= FRACTION_DIGITS)
        rc = read_fraction(exact, ret, &decimal);
    else
        mpfr_strtofr(num_init_real(exact, ret), decimal.text, NULL, 10, MPFR_RNDN);
    free(decimal.text);
    if (rc == 0 && negative && ret->kind == NUM_REAL)
        mpfr_neg(ret->r, ret->r, MPFR_RNDN);
    else if (rc == 0 && negative)
        mpq_neg(ret->q, ret->q);
    return rc;
}
