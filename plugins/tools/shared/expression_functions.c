/* SPDX-License-Identifier: Apache-2.0
 * The functions of the grammar for doubles: libm, with MPFR where an angle in degrees or a whole
 * number has an exact answer that libm would miss. Called by expression_double.c. */
#include <gmp.h>
#include <math.h>
#include <mpfr.h>

#include "expression.h"

#define FACTORIAL_MAX 170 /* the last below 2^1024 */
#define CHOICES_MAX 1100  /* ncr(n, k) >= 2^k for k <= n/2 */

#define SIMPLE(name, expression)                                                                   \
    static double double_##name(const double *a, unsigned n, bool degrees)                         \
    {                                                                                              \
        (void)n;                                                                                   \
        (void)degrees;                                                                             \
        return expression;                                                                         \
    }

SIMPLE(abs, fabs(*a))
SIMPLE(acosh, acosh(*a))
SIMPLE(asinh, asinh(*a))
SIMPLE(atanh, atanh(*a))
SIMPLE(ceil, ceil(*a))
SIMPLE(cosh, cosh(*a))
SIMPLE(deg, (double)((long double)*a *(180.0L / M_PIl)))
SIMPLE(exp, exp(*a))
SIMPLE(floor, floor(*a))
SIMPLE(hypot, hypot(a[0], a[1]))
SIMPLE(int, trunc(*a))
SIMPLE(ln, log(*a))
SIMPLE(log10, log10(*a))
SIMPLE(log2, log2(*a))
/* long double: the quotient of log(3, 243) is 5, not 4.999999999999999 */
SIMPLE(log, n == 1 ? log10(*a) : (double)(logl(a[1]) / logl(a[0])))
SIMPLE(not, *a == 0)
SIMPLE(pow, pow(a[0], a[1]))
SIMPLE(rad, (double)((long double)*a *(M_PIl / 180.0L)))
SIMPLE(sign, isnan(*a) ? *a : (double)((*a > 0) - (*a < 0)))
SIMPLE(sinh, sinh(*a))
SIMPLE(sqrt, sqrt(*a))
SIMPLE(tanh, tanh(*a))
SIMPLE(trunc, trunc(*a))

/* Correctly rounded: the C library's cbrt(27) is 3.0000000000000004. */
static double double_cbrt(const double *a, unsigned n, bool degrees)
{
    (void)n;
    (void)degrees;
    mpfr_t value;
    mpfr_init2(value, 53);
    mpfr_set_d(value, *a, MPFR_RNDN);
    mpfr_cbrt(value, value, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

/* ---- angles ---- */

typedef int (*angle_fn)(mpfr_ptr, mpfr_srcptr, unsigned long, mpfr_rnd_t);

/* sin(30) is 0.5 and tan(45) is 1 in degrees, which no product with pi/180 gives. */
static double in_degrees(angle_fn function, double x)
{
    mpfr_t value;
    mpfr_init2(value, 53);
    mpfr_set_d(value, x, MPFR_RNDN);
    function(value, value, 360, MPFR_RNDN);
    double result = mpfr_get_d(value, MPFR_RNDN);
    mpfr_clear(value);
    return result;
}

SIMPLE(acos, degrees ? in_degrees(mpfr_acosu, *a) : acos(*a))
SIMPLE(asin, degrees ? in_degrees(mpfr_asinu, *a) : asin(*a))
SIMPLE(atan, degrees ? in_degrees(mpfr_atanu, *a) : atan(*a))
SIMPLE(cos, degrees ? in_degrees(mpfr_cosu, *a) : cos(*a))
SIMPLE(sin, degrees ? in_degrees(mpfr_sinu, *a) : sin(*a))
SIMPLE(tan, degrees ? in_degrees(mpfr_tanu, *a) : tan(*a))

static double double_atan2(const double *a, unsigned n, bool degrees)
{
    (void)n;
    if (!degrees)
        return atan2(a[0], a[1]);
    mpfr_t x, y;
    mpfr_inits2(53, x, y, (mpfr_ptr)NULL);
    mpfr_set_d(y, a[0], MPFR_RNDN);
    mpfr_set_d(x, a[1], MPFR_RNDN);
    mpfr_atan2u(y, y, x, 360, MPFR_RNDN);
    double result = mpfr_get_d(y, MPFR_RNDN);
    mpfr_clears(x, y, (mpfr_ptr)NULL);
    return result;
}

/* ---- many arguments ---- */

static double double_sum(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += a[i];
    return sum;
}

SIMPLE(avg, double_sum(a, n, degrees) / n)

static double double_max(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    double best = *a;
    for (unsigned i = 1; i < n && !isnan(best); i++)
        if (!(a[i] <= best)) /* a NaN is taken */
            best = a[i];
    return best;
}

static double double_min(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    double best = *a;
    for (unsigned i = 1; i < n && !isnan(best); i++)
        if (!(a[i] >= best))
            best = a[i];
    return best;
}

static double double_and(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    for (unsigned i = 0; i < n; i++)
        if (a[i] == 0)
            return 0;
    return 1;
}

static double double_or(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    for (unsigned i = 0; i < n; i++)
        if (a[i] != 0)
            return 1;
    return 0;
}

/* ---- whole numbers ---- */

static bool is_whole(double x)
{
    return isfinite(x) && x == trunc(x);
}

static double double_mod(const double *a, unsigned n, bool degrees)
{
    (void)n;
    (void)degrees;
    double rest = fmod(a[0], a[1]);
    return rest != 0 && (rest < 0) != (a[1] < 0) ? rest + a[1] : rest;
}

static double gcd(double a, double b)
{
    if (!is_whole(a) || !is_whole(b))
        return (double)NAN;
    while (b != 0) {
        double rest = fmod(a, b);
        a = b;
        b = rest;
    }
    return fabs(a);
}

static double double_gcd(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    double result = *a;
    for (unsigned i = 1; i < n; i++)
        result = gcd(result, a[i]);
    return result;
}

static double lcm(double a, double b)
{
    double divisor = gcd(a, b);
    return divisor == 0 ? 0 : fabs(a / divisor * b); /* the quotient is exact */
}

static double double_lcm(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    double result = *a;
    for (unsigned i = 1; i < n; i++)
        result = lcm(result, a[i]);
    return result;
}

/* Clears integer; rounds to nearest where mpz_get_d would cut. */
static double take_integer(mpz_t integer)
{
    mpfr_t number;
    mpfr_init2(number, 53);
    mpfr_set_z(number, integer, MPFR_RNDN);
    double result = mpfr_get_d(number, MPFR_RNDN);
    mpfr_clear(number);
    mpz_clear(integer);
    return result;
}

static double double_fact(const double *a, unsigned n, bool degrees)
{
    (void)n;
    (void)degrees;
    if (*a == HUGE_VAL)
        return *a;
    if (!is_whole(*a) || *a < 0)
        return (double)NAN;
    if (*a > FACTORIAL_MAX)
        return HUGE_VAL;
    mpz_t product;
    mpz_init(product);
    mpz_fac_ui(product, (unsigned long)*a);
    return take_integer(product);
}

static double double_ncr(const double *a, unsigned n, bool degrees)
{
    (void)n;
    (void)degrees;
    if (!is_whole(a[0]) || !is_whole(a[1]) || a[0] < 0 || a[1] < 0)
        return (double)NAN;
    if (a[1] > a[0])
        return 0;
    double k = fmin(a[1], a[0] - a[1]);
    if (k > CHOICES_MAX)
        return HUGE_VAL;
    mpz_t result;
    mpz_init_set_d(result, a[0]);
    mpz_bin_ui(result, result, (unsigned long)k);
    return take_integer(result);
}

static double double_npr(const double *a, unsigned n, bool degrees)
{
    (void)n;
    (void)degrees;
    if (!is_whole(a[0]) || !is_whole(a[1]) || a[0] < 0 || a[1] < 0)
        return (double)NAN;
    if (a[1] > a[0])
        return 0;
    if (a[1] > FACTORIAL_MAX) /* npr(n, k) >= k! */
        return HUGE_VAL;
    mpz_t factor, result;
    mpz_init_set_d(factor, a[0]);
    mpz_init_set_ui(result, 1);
    for (double k = a[1]; k > 0; k--) {
        mpz_mul(result, result, factor);
        mpz_sub_ui(factor, factor, 1);
    }
    mpz_clear(factor);
    return take_integer(result);
}

/* ---- round(x, digits) ---- */

void shortest_digits(double value, char ret_digits[32], long *ret_exponent)
{
    mpfr_t number;
    mpfr_init2(number, 53);
    mpfr_set_d(number, value, MPFR_RNDN);
    char text[64];
    for (size_t digits = fabs(value) < 0x1p-1022 ? 1 : 15; digits <= 17; digits++) {
        mpfr_exp_t exponent = 0;
        mpfr_get_str(ret_digits, &exponent, 10, digits, number, MPFR_RNDN);
        *ret_exponent = (long)exponent;
        snprintf(text, sizeof text, "%se%ld", ret_digits, *ret_exponent - (long)digits);
        if (strtod(text, NULL) == value)
            break;
    }
    mpfr_clear(number);
    size_t length = strlen(ret_digits);
    while (length > 1 && ret_digits[length - 1] == '0')
        ret_digits[--length] = '\0';
}

/* Rounds the decimal number that people see: 2.675 to 2.68, though the double is a bit below. */
static double round_decimal(double x, long places)
{
    char digits[32], text[64];
    long exponent = 0;
    shortest_digits(fabs(x), digits, &exponent);
    long keep = exponent + places; /* digits that stay */
    if (keep >= (long)strlen(digits))
        return x;
    if (keep < 0)
        return 0;
    bool up = digits[keep] >= '5';
    digits[keep] = '\0';
    unsigned long long kept = strtoull(digits, NULL, 10) + up;
    snprintf(text, sizeof text, "%llue%ld", kept, -places);
    return copysign(strtod(text, NULL), x);
}

static double double_round(const double *a, unsigned n, bool degrees)
{
    (void)degrees;
    if (n == 1)
        return round(*a);
    if (isnan(*a) || !is_whole(a[1]))
        return (double)NAN;
    if (*a == 0 || isinf(*a) || a[1] > 400)
        return *a;
    return a[1] < -400 ? 0 : round_decimal(*a, (long)a[1]);
}

const double_fn double_functions[FUNCTION_COUNT] = {
#define double_if NULL /* the parser makes jumps of it */
#define X(name, min, max, text) [FUNCTION_##name] = double_##name,
    CALCULATOR_FUNCTIONS(X)
#undef X
};
