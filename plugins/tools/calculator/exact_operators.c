/* SPDX-License-Identifier: Apache-2.0
 * The operators on exact numbers: whole numbers stay whole where they can, small fractions stay
 * exact, everything else is rounded to the working precision. Called by eval_exact.c and
 * exact_functions.c. */
#include <math.h>

#include "exact.h"

#define EXPONENT_BITS_MAX 256 /* mpfr_pow_z adds the exponent's size to its precision */

typedef int (*real_binary_fn)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);

static int32_t real_binary(const struct exact *exact, real_binary_fn function, struct num *ret,
                           const struct num *a, const struct num *b)
{
    mpfr_t x, y;
    num_get_real(exact, x, a);
    num_get_real(exact, y, b);
    function(num_init_real(exact, ret), x, y, MPFR_RNDN);
    mpfr_clears(x, y, (mpfr_ptr)NULL);
    return 0;
}

static bool both_integers(const struct num *a, const struct num *b)
{
    return a->kind == NUM_INTEGER && b->kind == NUM_INTEGER;
}

static bool both_small(const struct num *a, const struct num *b)
{
    return num_are_small(a, 1) && num_are_small(b, 1);
}

static bool is_rational_zero(const struct num *num)
{
    return num_is_rational(num) && mpq_sgn(num->q) == 0;
}

static int32_t add(const struct exact *exact, struct num *ret, const struct num *a,
                   const struct num *b)
{
    if (both_integers(a, b))
        mpz_add(num_init_integer(ret), mpq_numref(a->q), mpq_numref(b->q));
    else if (both_small(a, b))
        mpq_add(num_init_q(ret, NUM_FRACTION), a->q, b->q);
    else
        return real_binary(exact, mpfr_add, ret, a, b);
    return num_settle(exact, ret);
}

static int32_t subtract(const struct exact *exact, struct num *ret, const struct num *a,
                        const struct num *b)
{
    if (both_integers(a, b))
        mpz_sub(num_init_integer(ret), mpq_numref(a->q), mpq_numref(b->q));
    else if (both_small(a, b))
        mpq_sub(num_init_q(ret, NUM_FRACTION), a->q, b->q);
    else
        return real_binary(exact, mpfr_sub, ret, a, b);
    return num_settle(exact, ret);
}

static int32_t multiply(const struct exact *exact, struct num *ret, const struct num *a,
                        const struct num *b)
{
    if (both_integers(a, b)) {
        size_t bits = mpz_sizeinbase(mpq_numref(a->q), 2) + mpz_sizeinbase(mpq_numref(b->q), 2);
        if (bits > INTEGER_BITS + 1)
            return num_is_zero(a) || num_is_zero(b) ? (num_set_bool(ret, false), 0)
                                                    : num_too_big(exact);
        mpz_mul(num_init_integer(ret), mpq_numref(a->q), mpq_numref(b->q));
    } else if (both_small(a, b)) {
        mpq_mul(num_init_q(ret, NUM_FRACTION), a->q, b->q);
    } else {
        return real_binary(exact, mpfr_mul, ret, a, b);
    }
    return num_settle(exact, ret);
}

static int32_t divide(const struct exact *exact, struct num *ret, const struct num *a,
                      const struct num *b)
{
    if (num_is_rational(a) && is_rational_zero(b)) {
        int sign = num_sign(a);
        num_set_special(exact, ret, sign == 0 ? (double)NAN : sign * HUGE_VAL);
        return 0;
    }
    if (both_integers(a, b) && mpz_divisible_p(mpq_numref(a->q), mpq_numref(b->q)))
        mpz_divexact(num_init_integer(ret), mpq_numref(a->q), mpq_numref(b->q));
    else if (both_small(a, b))
        mpq_div(num_init_q(ret, NUM_FRACTION), a->q, b->q);
    else
        return real_binary(exact, mpfr_div, ret, a, b);
    return num_settle(exact, ret);
}

/* ret = a - b × trunc(a / b) */
static void fraction_remainder(mpq_ptr ret, mpq_srcptr a, mpq_srcptr b)
{
    mpq_div(ret, a, b);
    mpz_tdiv_q(mpq_numref(ret), mpq_numref(ret), mpq_denref(ret));
    mpz_set_ui(mpq_denref(ret), 1);
    mpq_mul(ret, ret, b);
    mpq_sub(ret, a, ret);
}

static int32_t remainder_of(const struct exact *exact, struct num *ret, const struct num *a,
                            const struct num *b)
{
    if (num_is_zero(b)) {
        num_set_special(exact, ret, (double)NAN);
        return 0;
    }
    if (both_integers(a, b))
        mpz_tdiv_r(num_init_integer(ret), mpq_numref(a->q), mpq_numref(b->q));
    else if (both_small(a, b))
        fraction_remainder(num_init_q(ret, NUM_FRACTION), a->q, b->q);
    else
        return real_binary(exact, mpfr_fmod, ret, a, b);
    return num_settle(exact, ret);
}

/* ---- power ---- */

/* base^exponent for |base| <= 1; exponent may be of any size and sign. */
static int unit_power(int base, mpz_srcptr exponent)
{
    if (mpz_sgn(exponent) == 0)
        return 1;
    return base < 0 && mpz_even_p(exponent) ? 1 : base;
}

static int32_t integer_power(const struct exact *exact, struct num *ret, mpz_srcptr base,
                             mpz_srcptr exponent)
{
    if (!mpz_fits_ulong_p(exponent) || num_log2(base) * mpz_get_d(exponent) > INTEGER_BITS + 1)
        return num_too_big(exact);
    mpz_pow_ui(num_init_integer(ret), base, mpz_get_ui(exponent));
    return num_settle(exact, ret);
}

/* ret = base^exponent exactly, if that is a fraction of at most FRACTION_BITS. */
static bool fraction_power(struct num *ret, mpq_srcptr base, mpz_srcptr exponent)
{
    size_t up = mpz_sizeinbase(mpq_numref(base), 2), down = mpz_sizeinbase(mpq_denref(base), 2);
    size_t bits = up > down ? up : down;
    if (mpz_cmpabs_ui(exponent, FRACTION_BITS) > 0 || bits * mpz_get_ui(exponent) > FRACTION_BITS)
        return false;
    mpq_ptr q = num_init_q(ret, NUM_FRACTION);
    mpz_pow_ui(mpq_numref(q), mpq_numref(base), mpz_get_ui(exponent));
    mpz_pow_ui(mpq_denref(q), mpq_denref(base), mpz_get_ui(exponent));
    if (mpz_sgn(exponent) < 0)
        mpq_inv(q, q);
    return true;
}

/* A real to a whole power that may have more bits than the working precision. */
static int32_t real_power(const struct exact *exact, struct num *ret, const struct num *a,
                          const struct num *b)
{
    mpz_srcptr exponent = mpq_numref(b->q);
    mpfr_t base, power;
    num_get_real(exact, base, a);
    mpfr_ptr r = num_init_real(exact, ret);
    if (mpz_sizeinbase(exponent, 2) <= EXPONENT_BITS_MAX) {
        mpfr_pow_z(r, base, exponent, MPFR_RNDN);
    } else {
        bool negative = mpfr_signbit(base) && mpz_odd_p(exponent);
        num_get_real(exact, power, b);
        mpfr_abs(base, base, MPFR_RNDN);
        mpfr_pow(r, base, power, MPFR_RNDN);
        if (negative)
            mpfr_neg(r, r, MPFR_RNDN);
        mpfr_clear(power);
    }
    mpfr_clear(base);
    return 0;
}

/* A rational base to a whole power; type integer if both are integers and the result is whole. */
static int32_t rational_power(const struct exact *exact, struct num *ret, const struct num *a,
                              const struct num *b)
{
    mpz_srcptr exponent = mpq_numref(b->q);
    bool whole = both_integers(a, b);
    bool unit = mpz_cmpabs_ui(mpq_numref(a->q), 1) <= 0 && mpz_cmp_ui(mpq_denref(a->q), 1) == 0;
    if (num_is_zero(a) && mpz_sgn(exponent) < 0) {
        num_set_special(exact, ret, HUGE_VAL);
        return 0;
    }
    if (unit) {
        mpq_set_si(num_init_q(ret, whole ? NUM_INTEGER : NUM_FRACTION),
                   unit_power(mpq_sgn(a->q), exponent), 1);
        return 0;
    }
    if (whole && mpz_sgn(exponent) >= 0)
        return integer_power(exact, ret, mpq_numref(a->q), exponent);
    if (fraction_power(ret, a->q, exponent))
        return num_settle(exact, ret);
    return real_power(exact, ret, a, b);
}

static int32_t power(const struct exact *exact, struct num *ret, const struct num *a,
                     const struct num *b)
{
    bool whole = num_is_rational(b) && mpz_cmp_ui(mpq_denref(b->q), 1) == 0;
    if (whole && num_is_rational(a))
        return rational_power(exact, ret, a, b);
    if (whole)
        return real_power(exact, ret, a, b);
    return real_binary(exact, mpfr_pow, ret, a, b);
}

/* ---- all ---- */

static bool compare(enum op op, const struct num *a, const struct num *b)
{
    if (num_is_nan(a) || num_is_nan(b))
        return op == OP_NOT_EQUAL;
    int order = num_compare(a, b);
    switch (op) {
    case OP_EQUAL:
        return order == 0;
    case OP_NOT_EQUAL:
        return order != 0;
    case OP_LESS:
        return order < 0;
    case OP_LESS_EQUAL:
        return order <= 0;
    case OP_GREATER:
        return order > 0;
    default:
        return order >= 0;
    }
}

int32_t exact_binary(const struct exact *exact, enum op op, struct num *ret, const struct num *a,
                     const struct num *b)
{
    switch (op) {
    case OP_ADD:
        return add(exact, ret, a, b);
    case OP_SUBTRACT:
        return subtract(exact, ret, a, b);
    case OP_MULTIPLY:
        return multiply(exact, ret, a, b);
    case OP_DIVIDE:
        return divide(exact, ret, a, b);
    case OP_REMAINDER:
        return remainder_of(exact, ret, a, b);
    case OP_POWER:
        return power(exact, ret, a, b);
    default:
        num_set_bool(ret, compare(op, a, b));
        return 0;
    }
}

int32_t exact_negate(const struct exact *exact, struct num *ret, const struct num *a)
{
    num_copy(exact, ret, a);
    if (ret->kind == NUM_REAL)
        mpfr_neg(ret->r, ret->r, MPFR_RNDN);
    else
        mpq_neg(ret->q, ret->q);
    return 0;
}
