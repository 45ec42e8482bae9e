/* SPDX-License-Identifier: Apache-2.0
 * The functions of the grammar on exact numbers, and their table. Where all arguments are integers
 * and the result is exactly whole, it is an integer too. Called by eval_exact.c. */
#include <math.h>

#include "exact.h"

typedef int (*real_fn)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);
typedef int (*unit_fn)(mpfr_ptr, mpfr_srcptr, unsigned long, mpfr_rnd_t);

/* A real that is exact and whole, of integers, becomes an integer. */
static int32_t keep_whole(struct num *num, bool integers, int inexact)
{
    if (!integers || inexact || !mpfr_integer_p(num->r))
        return 0;
    struct num whole = {0};
    mpfr_get_z(num_init_integer(&whole), num->r, MPFR_RNDN);
    num_clear(num);
    *num = whole;
    return 0;
}

static int32_t real_unary(const struct exact *exact, real_fn function, struct num *ret,
                          const struct num *a)
{
    mpfr_t x;
    int inexact = num_get_real(exact, x, a);
    inexact |= function(num_init_real(exact, ret), x, MPFR_RNDN);
    mpfr_clear(x);
    return keep_whole(ret, a->kind == NUM_INTEGER, inexact);
}

#define REAL(name, function)                                                                       \
    static EXACT(name)                                                                             \
    {                                                                                              \
        (void)n;                                                                                   \
        return real_unary(exact, function, ret, args);                                             \
    }

REAL(acosh, mpfr_acosh)
REAL(asinh, mpfr_asinh)
REAL(atanh, mpfr_atanh)
REAL(cosh, mpfr_cosh)
REAL(exp, mpfr_exp)
REAL(ln, mpfr_log)
REAL(sinh, mpfr_sinh)
REAL(tanh, mpfr_tanh)

/* ---- angles ---- */

static int32_t angle(const struct exact *exact, real_fn radians, unit_fn degrees, struct num *ret,
                     const struct num *a)
{
    if (!exact->evaluation->degrees)
        return real_unary(exact, radians, ret, a);
    mpfr_t x;
    int inexact = num_get_real(exact, x, a);
    inexact |= degrees(num_init_real(exact, ret), x, 360, MPFR_RNDN);
    mpfr_clear(x);
    return keep_whole(ret, a->kind == NUM_INTEGER, inexact);
}

static int32_t check_angle(const struct exact *exact, const struct num *a)
{
    mpfr_t x;
    num_get_real(exact, x, a);
    bool huge = mpfr_regular_p(x) && mpfr_get_exp(x) > ANGLE_EXPONENT_MAX;
    mpfr_clear(x);
    if (huge)
        return llmspell_fail_at(exact->evaluation->call, LLMSPELL_ELIMIT, "/input",
                                "an angle of more than 2^%d is too large to be reduced",
                                ANGLE_EXPONENT_MAX);
    return 0;
}

#define ANGLE(name)                                                                                \
    static EXACT(name)                                                                             \
    {                                                                                              \
        (void)n;                                                                                   \
        int32_t rc = check_angle(exact, args);                                                     \
        return rc < 0 ? rc : angle(exact, mpfr_##name, mpfr_##name##u, ret, args);                 \
    }
#define INVERSE(name)                                                                              \
    static EXACT(name)                                                                             \
    {                                                                                              \
        (void)n;                                                                                   \
        return angle(exact, mpfr_##name, mpfr_##name##u, ret, args);                               \
    }

ANGLE(cos)
ANGLE(sin)
ANGLE(tan)
INVERSE(acos)
INVERSE(asin)
INVERSE(atan)

static EXACT(atan2)
{
    mpfr_t y, x;
    int inexact = num_get_real(exact, y, args);
    inexact |= num_get_real(exact, x, args + 1);
    mpfr_ptr r = num_init_real(exact, ret);
    if (exact->evaluation->degrees)
        inexact |= mpfr_atan2u(r, y, x, 360, MPFR_RNDN);
    else
        inexact |= mpfr_atan2(r, y, x, MPFR_RNDN);
    mpfr_clears(x, y, (mpfr_ptr)NULL);
    return keep_whole(ret, num_are_integers(args, n), inexact);
}

/* ret = a / (pi / 180) or a × (pi / 180) */
static int32_t convert_angle(const struct exact *exact, struct num *ret, const struct num *a,
                             bool to_degrees)
{
    if (num_is_zero(a)) {
        num_copy(exact, ret, a);
        return 0;
    }
    mpfr_t x, pi;
    num_get_real(exact, x, a);
    mpfr_init2(pi, exact->bits);
    mpfr_const_pi(pi, MPFR_RNDN);
    mpfr_div_ui(pi, pi, 180, MPFR_RNDN);
    mpfr_ptr r = num_init_real(exact, ret);
    if (to_degrees)
        mpfr_div(r, x, pi, MPFR_RNDN);
    else
        mpfr_mul(r, x, pi, MPFR_RNDN);
    mpfr_clears(x, pi, (mpfr_ptr)NULL);
    return 0;
}

static EXACT(deg)
{
    (void)n;
    return convert_angle(exact, ret, args, true);
}

static EXACT(rad)
{
    (void)n;
    return convert_angle(exact, ret, args, false);
}

/* ---- roots ---- */

static EXACT(sqrt)
{
    (void)n;
    if (!num_is_rational(args) || num_sign(args) < 0 ||
        !mpz_perfect_square_p(mpq_numref(args->q)) || !mpz_perfect_square_p(mpq_denref(args->q)))
        return real_unary(exact, mpfr_sqrt, ret, args);
    mpq_ptr q = num_init_q(ret, args->kind);
    mpz_sqrt(mpq_numref(q), mpq_numref(args->q));
    mpz_sqrt(mpq_denref(q), mpq_denref(args->q));
    return 0;
}

static EXACT(cbrt)
{
    (void)n;
    if (num_is_rational(args)) {
        mpq_ptr q = num_init_q(ret, args->kind);
        if (mpz_root(mpq_numref(q), mpq_numref(args->q), 3) &&
            mpz_root(mpq_denref(q), mpq_denref(args->q), 3))
            return 0;
        num_clear(ret);
    }
    return real_unary(exact, mpfr_cbrt, ret, args);
}

/* ret = sqrt(x² + y²) if that is whole. */
static bool integer_hypot(struct num *ret, mpz_srcptr x, mpz_srcptr y)
{
    mpz_t square;
    mpz_init(square);
    mpz_mul(square, x, x);
    mpz_addmul(square, y, y);
    bool whole = mpz_perfect_square_p(square);
    if (whole)
        mpz_sqrt(num_init_integer(ret), square);
    mpz_clear(square);
    return whole;
}

static EXACT(hypot)
{
    if (num_are_integers(args, n) &&
        integer_hypot(ret, mpq_numref(args[0].q), mpq_numref(args[1].q)))
        return num_settle(exact, ret);
    mpfr_t x, y;
    num_get_real(exact, x, args);
    num_get_real(exact, y, args + 1);
    mpfr_hypot(num_init_real(exact, ret), x, y, MPFR_RNDN);
    mpfr_clears(x, y, (mpfr_ptr)NULL);
    return 0;
}

/* ---- logarithms ---- */

/* ret = k if base^k is x for a whole k >= 0. */
static bool integer_log(struct num *ret, mpz_srcptr base, const struct num *x)
{
    if (x->kind != NUM_INTEGER || mpz_cmp_ui(base, 2) < 0 || mpq_sgn(x->q) <= 0)
        return false;
    double guess = num_log2(mpq_numref(x->q)) / num_log2(base), k = round(guess);
    if (fabs(guess - k) > 1e-3)
        return false;
    mpz_t power;
    mpz_init(power);
    mpz_pow_ui(power, base, (unsigned long)k);
    bool whole = mpz_cmp(power, mpq_numref(x->q)) == 0;
    mpz_clear(power);
    if (whole)
        mpz_set_d(num_init_integer(ret), k);
    return whole;
}

static int32_t log_of(const struct exact *exact, struct num *ret, const struct num *x,
                      unsigned long base, real_fn function)
{
    mpz_t number;
    mpz_init_set_ui(number, base);
    bool whole = integer_log(ret, number, x);
    mpz_clear(number);
    return whole ? 0 : real_unary(exact, function, ret, x);
}

static EXACT(log2)
{
    (void)n;
    return log_of(exact, ret, args, 2, mpfr_log2);
}

static EXACT(log10)
{
    (void)n;
    return log_of(exact, ret, args, 10, mpfr_log10);
}

static EXACT(log)
{
    if (n == 1)
        return exact_log10(exact, ret, args, n);
    if (args->kind == NUM_INTEGER && integer_log(ret, mpq_numref(args->q), args + 1))
        return 0;
    mpfr_t base, x;
    num_get_real(exact, base, args);
    num_get_real(exact, x, args + 1);
    mpfr_log(base, base, MPFR_RNDN);
    mpfr_log(x, x, MPFR_RNDN);
    mpfr_div(num_init_real(exact, ret), x, base, MPFR_RNDN);
    mpfr_clears(base, x, (mpfr_ptr)NULL);
    return 0;
}

/* ---- operators by name ---- */

static EXACT(abs)
{
    (void)n;
    num_copy(exact, ret, args);
    if (ret->kind == NUM_REAL)
        mpfr_abs(ret->r, ret->r, MPFR_RNDN);
    else
        mpq_abs(ret->q, ret->q);
    return 0;
}

static EXACT(sign)
{
    (void)n;
    if (num_is_nan(args))
        num_copy(exact, ret, args);
    else
        mpz_set_si(num_init_integer(ret), num_sign(args));
    return 0;
}

static EXACT(pow)
{
    (void)n;
    return exact_binary(exact, OP_POWER, ret, args, args + 1);
}

static EXACT(mod)
{
    (void)n;
    struct num rest = {0};
    int32_t rc = exact_binary(exact, OP_REMAINDER, &rest, args, args + 1);
    if (rc == 0 && num_sign(&rest) * num_sign(args + 1) < 0)
        rc = exact_binary(exact, OP_ADD, ret, &rest, args + 1);
    else if (rc == 0)
        num_copy(exact, ret, &rest);
    num_clear(&rest);
    return rc;
}

static EXACT(not )
{
    (void)exact;
    (void)n;
    num_set_bool(ret, num_is_zero(args));
    return 0;
}

static EXACT(and)
{
    (void)exact;
    bool all = true;
    for (unsigned i = 0; i < n; i++)
        all = all && !num_is_zero(&args[i]);
    num_set_bool(ret, all);
    return 0;
}

static EXACT(or)
{
    (void)exact;
    bool any = false;
    for (unsigned i = 0; i < n; i++)
        any = any || !num_is_zero(&args[i]);
    num_set_bool(ret, any);
    return 0;
}

/* ---- many arguments ---- */

static EXACT(sum)
{
    num_copy(exact, ret, args);
    for (unsigned i = 1; i < n; i++) {
        struct num next = {0};
        int32_t rc = exact_binary(exact, OP_ADD, &next, ret, &args[i]);
        num_clear(ret);
        *ret = next;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static EXACT(avg)
{
    struct num total = {0}, count = {0};
    int32_t rc = exact_sum(exact, &total, args, n);
    mpz_set_ui(num_init_integer(&count), n);
    if (rc == 0)
        rc = exact_binary(exact, OP_DIVIDE, ret, &total, &count);
    num_clear(&total);
    num_clear(&count);
    return rc;
}

/* The argument that order (-1 least, 1 greatest) asks for; a NaN wins. */
static int32_t extreme(const struct exact *exact, struct num *ret, const struct num *args,
                       unsigned n, int order)
{
    const struct num *best = args;
    for (unsigned i = 1; i < n && !num_is_nan(best); i++)
        if (num_is_nan(&args[i]) || num_compare(&args[i], best) * order > 0)
            best = &args[i];
    num_copy(exact, ret, best);
    if (!num_are_integers(args, n))
        num_make_decimal(exact, ret);
    return 0;
}

static EXACT(max)
{
    return extreme(exact, ret, args, n, 1);
}

static EXACT(min)
{
    return extreme(exact, ret, args, n, -1);
}

const exact_fn exact_functions[FUNCTION_COUNT] = {
#define exact_if NULL /* the parser makes jumps of it */
#define exact_int exact_trunc
#define X(name, min, max, text) [FUNCTION_##name] = exact_##name,
    CALCULATOR_FUNCTIONS(X)
#undef X
};
