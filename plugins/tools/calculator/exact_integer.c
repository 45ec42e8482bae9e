/* SPDX-License-Identifier: Apache-2.0
 * The functions on exact numbers whose results are whole: rounding, divisors, choices.
 * Listed by exact_functions.c. */
#include <math.h>

#include "exact.h"

#define FACTORIAL_LIMIT 100000 /* has more than INTEGER_BITS */
#define PLACES_MAX 302000      /* decimal places of round that are worked out */
#define LOG2_10 3.3219280948873623

/* ---- rounding ---- */

enum rounding { ROUND_DOWN, ROUND_UP, ROUND_TO_ZERO, ROUND_HALF_AWAY };

/* integer = numerator / denominator, rounded. */
static void divide_rounded(mpz_t integer, mpz_srcptr numerator, mpz_srcptr denominator,
                           enum rounding rounding)
{
    if (rounding == ROUND_DOWN) {
        mpz_fdiv_q(integer, numerator, denominator);
    } else if (rounding == ROUND_UP) {
        mpz_cdiv_q(integer, numerator, denominator);
    } else if (rounding == ROUND_TO_ZERO) {
        mpz_tdiv_q(integer, numerator, denominator);
    } else { /* sign × floor((2|numerator| + denominator) / 2 denominator) */
        int sign = mpz_sgn(numerator);
        mpz_t twice;
        mpz_init(twice);
        mpz_abs(integer, numerator);
        mpz_mul_2exp(integer, integer, 1);
        mpz_add(integer, integer, denominator);
        mpz_mul_2exp(twice, denominator, 1);
        mpz_fdiv_q(integer, integer, twice);
        mpz_clear(twice);
        if (sign < 0)
            mpz_neg(integer, integer);
    }
}

/* Initializes q with the exact value of a finite number. */
static int32_t get_fraction(const struct exact *exact, mpq_t q, const struct num *num)
{
    mpq_init(q);
    if (num->kind != NUM_REAL) {
        mpq_set(q, num->q);
        return 0;
    }
    if (mpfr_regular_p(num->r) && llabs(mpfr_get_exp(num->r)) > INTEGER_BITS)
        return num_too_big(exact);
    mpfr_get_q(q, num->r);
    return 0;
}

static bool is_finite(const struct num *num)
{
    return num->kind != NUM_REAL || mpfr_number_p(num->r);
}

/* About log2|num|, for a finite number that is not 0. */
static double magnitude(const struct num *num)
{
    if (num->kind == NUM_REAL)
        return (double)mpfr_get_exp(num->r);
    return num_log2(mpq_numref(num->q)) - num_log2(mpq_denref(num->q));
}

static int32_t round_whole(const struct exact *exact, struct num *ret, const struct num *a,
                           enum rounding rounding)
{
    if (!is_finite(a)) {
        num_copy(exact, ret, a);
        return 0;
    }
    if (!num_is_zero(a) && magnitude(a) < -2) { /* a tiny real would be a huge fraction */
        int sign = num_sign(a);
        mpz_set_si(num_init_integer(ret), rounding == ROUND_DOWN ? -(sign < 0)
                                          : rounding == ROUND_UP ? sign > 0
                                                                 : 0);
        return 0;
    }
    mpq_t q;
    int32_t rc = get_fraction(exact, q, a);
    if (rc == 0) {
        divide_rounded(num_init_integer(ret), mpq_numref(q), mpq_denref(q), rounding);
        rc = num_settle(exact, ret);
    }
    mpq_clear(q);
    return rc;
}

EXACT(ceil)
{
    (void)n;
    return round_whole(exact, ret, args, ROUND_UP);
}

EXACT(floor)
{
    (void)n;
    return round_whole(exact, ret, args, ROUND_DOWN);
}

EXACT(trunc)
{
    (void)n;
    return round_whole(exact, ret, args, ROUND_TO_ZERO);
}

/* ret = round(x × 10^places) / 10^places, worked out exactly. */
static int32_t round_fraction(const struct exact *exact, struct num *ret, const struct num *x,
                              long places)
{
    mpq_t q;
    int32_t rc = get_fraction(exact, q, x);
    if (rc == 0) {
        mpq_ptr result = num_init_q(ret, places > 0 ? NUM_FRACTION : NUM_INTEGER);
        mpz_t power;
        mpz_init(power);
        mpz_ui_pow_ui(power, 10, (unsigned long)labs(places));
        mpz_ptr scaled = places > 0 ? mpq_numref(q) : mpq_denref(q);
        mpz_mul(scaled, scaled, power);
        divide_rounded(mpq_numref(result), mpq_numref(q), mpq_denref(q), ROUND_HALF_AWAY);
        if (places > 0) {
            mpz_set(mpq_denref(result), power);
            mpq_canonicalize(result);
        } else {
            mpz_mul(mpq_numref(result), mpq_numref(result), power);
        }
        mpz_clear(power);
        rc = num_settle(exact, ret);
    }
    mpq_clear(q);
    return rc;
}

/* places != 0, x is finite and not 0. */
static int32_t round_places(const struct exact *exact, struct num *ret, const struct num *x,
                            double places)
{
    double scaled = magnitude(x) + places * LOG2_10; /* log2 of what would be rounded, ±1 */
    bool unchanged = places > 0 &&
                     (x->kind == NUM_INTEGER || scaled > 2.0 * (double)exact->bits + FRACTION_BITS);
    if (unchanged) {
        num_copy(exact, ret, x);
        return 0;
    }
    if (scaled < -3) {
        num_init_q(ret, places > 0 ? NUM_FRACTION : NUM_INTEGER);
        return 0;
    }
    if (fabs(places) > PLACES_MAX)
        return num_too_big(exact);
    return round_fraction(exact, ret, x, (long)places);
}

EXACT(round)
{
    if (n == 1)
        return round_whole(exact, ret, args, ROUND_HALF_AWAY);
    mpz_t integer;
    mpz_init(integer);
    int32_t rc = num_get_integer(exact, integer, args + 1);
    double places = mpz_get_d(integer);
    mpz_clear(integer);
    if (rc < 0)
        return rc;
    if (rc == 0)
        num_set_special(exact, ret, (double)NAN);
    else if (places == 0)
        return round_whole(exact, ret, args, ROUND_HALF_AWAY);
    else if (is_finite(args) && !num_is_zero(args))
        return round_places(exact, ret, args, places);
    else if (places < 0 && num_is_zero(args))
        num_init_integer(ret);
    else
        num_copy(exact, ret, args);
    return 0;
}

/* ---- divisors ---- */

typedef void (*divisor_fn)(mpz_ptr, mpz_srcptr, mpz_srcptr);

static int32_t fold(const struct exact *exact, struct num *ret, const struct num *args, unsigned n,
                    divisor_fn function)
{
    mpz_t next;
    mpz_init(next);
    mpz_ptr result = num_init_integer(ret);
    int32_t rc = 1;
    for (unsigned i = 0; i < n && rc == 1; i++) {
        rc = llmspell_cancelled(exact->evaluation->call);
        if (rc == 0)
            rc = num_get_integer(exact, next, &args[i]);
        if (rc == 1 && i == 0)
            mpz_abs(result, next);
        else if (rc == 1)
            function(result, result, next);
        if (rc == 1 && num_settle(exact, ret) < 0)
            rc = LLMSPELL_ELIMIT;
    }
    mpz_clear(next);
    if (rc == 0) {
        num_clear(ret);
        num_set_special(exact, ret, (double)NAN);
    }
    return rc < 0 ? rc : 0;
}

EXACT(gcd)
{
    return fold(exact, ret, args, n, mpz_gcd);
}

EXACT(lcm)
{
    return fold(exact, ret, args, n, mpz_lcm);
}

/* ---- choices ---- */

EXACT(fact)
{
    (void)n;
    if (!is_finite(args) && num_sign(args) > 0) {
        num_copy(exact, ret, args);
        return 0;
    }
    mpz_t integer;
    mpz_init(integer);
    int32_t rc = num_get_integer(exact, integer, args);
    bool defined = rc == 1 && mpz_sgn(integer) >= 0;
    if (rc >= 0 && !defined) {
        num_set_special(exact, ret, (double)NAN);
        rc = 0;
    } else if (rc >= 0 && mpz_cmp_ui(integer, FACTORIAL_LIMIT) > 0) {
        rc = num_too_big(exact);
    } else if (rc >= 0) {
        mpz_fac_ui(num_init_integer(ret), mpz_get_ui(integer));
        rc = num_settle(exact, ret);
    }
    mpz_clear(integer);
    return rc;
}

/* product = (n - k + 1) × … × n, halves multiplied so that the factors have about one size. */
static void falling_product(mpz_t product, mpz_srcptr n, unsigned long k)
{
    if (k <= 16) {
        mpz_t factor;
        mpz_init_set(factor, n);
        mpz_set_ui(product, 1);
        for (; k > 0; k--) {
            mpz_mul(product, product, factor);
            mpz_sub_ui(factor, factor, 1);
        }
        mpz_clear(factor);
        return;
    }
    mpz_t rest, lower;
    mpz_inits(rest, lower, NULL);
    mpz_sub_ui(rest, n, k / 2);
    falling_product(lower, rest, k - k / 2);
    falling_product(product, n, k / 2);
    mpz_mul(product, product, lower);
    mpz_clears(rest, lower, NULL);
}

/* 0 <= k <= n */
static int32_t permutations(const struct exact *exact, struct num *ret, mpz_t n, mpz_t k)
{
    if (mpz_sgn(k) == 0) {
        num_set_bool(ret, true);
        return 0;
    }
    if (mpz_cmp_ui(k, FACTORIAL_LIMIT) > 0) /* the result is k! at least */
        return num_too_big(exact);
    unsigned long factors = mpz_get_ui(k);
    mpz_t least;
    mpz_init(least);
    mpz_sub(least, n, k);
    mpz_add_ui(least, least, 1);
    bool big = num_log2(least) * (double)factors > INTEGER_BITS + 1;
    mpz_clear(least);
    if (big)
        return num_too_big(exact);
    falling_product(num_init_integer(ret), n, factors);
    return num_settle(exact, ret);
}

/* 0 <= k <= n; changes k */
static int32_t combinations(const struct exact *exact, struct num *ret, mpz_t n, mpz_t k)
{
    mpz_ptr result = num_init_integer(ret);
    mpz_sub(result, n, k);
    if (mpz_cmp(result, k) < 0)
        mpz_set(k, result);
    mpz_set_ui(result, 1);
    if (mpz_sgn(k) == 0)
        return 0;
    if (mpz_cmp_ui(k, INTEGER_BITS) > 0 || /* the result is (n/k)^k at least, and n/k >= 2 */
        mpz_get_d(k) * (num_log2(n) - num_log2(k)) > INTEGER_BITS + 1)
        return num_too_big(exact);
    unsigned long chosen = mpz_get_ui(k);
    if (mpz_fits_ulong_p(n) && mpz_get_ui(n) / 16 < chosen) {
        mpz_bin_uiui(result, mpz_get_ui(n), chosen); /* by prime factors */
    } else { /* GMP is slow here; the product has four times as many bits at most */
        falling_product(result, n, chosen);
        mpz_fac_ui(k, chosen);
        mpz_divexact(result, result, k);
    }
    return num_settle(exact, ret);
}

typedef int32_t (*choice_fn)(const struct exact *, struct num *, mpz_t, mpz_t);

static int32_t choose(const struct exact *exact, struct num *ret, const struct num *args,
                      choice_fn function)
{
    mpz_t n, k;
    mpz_inits(n, k, NULL);
    int32_t rc = num_get_integer(exact, n, &args[0]);
    if (rc == 1)
        rc = num_get_integer(exact, k, &args[1]);
    if (rc == 1 && mpz_sgn(n) >= 0 && mpz_sgn(k) >= 0) {
        rc = 0;
        if (mpz_cmp(k, n) > 0)
            num_set_bool(ret, false);
        else
            rc = function(exact, ret, n, k);
    } else if (rc >= 0) {
        num_set_special(exact, ret, (double)NAN);
        rc = 0;
    }
    mpz_clears(n, k, NULL);
    return rc;
}

EXACT(ncr)
{
    (void)n;
    return choose(exact, ret, args, combinations);
}

EXACT(npr)
{
    (void)n;
    return choose(exact, ret, args, permutations);
}
