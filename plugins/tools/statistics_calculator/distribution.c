/* SPDX-License-Identifier: Apache-2.0
 * Tails of the t, normal and chi-square distributions by continued fractions (Lentz) and series.
 * Called by the tests and by correlation. */
#include "statistics.h"

#include <float.h>
#include <math.h>

#define STEPS_MAX 200000 /* the fractions need about the root of the larger parameter */
#define TINY 1e-4000L

static long double log_gamma(long double x)
{
    int sign; /* lgammal would write to a variable of the whole process */
    return lgammal_r(x, &sign);
}

/* A step of Lentz's method for a continued fraction. */
struct lentz {
    long double value, c, d;
};

static long double away_from_zero(long double x)
{
    return fabsl(x) < TINY ? TINY : x;
}

/* Next coefficients a / (b + …); true once nothing changes any more. */
static bool lentz_step(struct lentz *f, long double a, long double b)
{
    f->d = 1 / away_from_zero(b + a * f->d);
    f->c = away_from_zero(b + a / f->c);
    long double change = f->c * f->d;
    f->value *= change;
    return fabsl(change - 1) < 2 * LDBL_EPSILON;
}

/* The continued fraction of the incomplete beta function, good for x < (a + 1) / (a + b + 2). */
static long double beta_fraction(long double x, long double a, long double b)
{
    struct lentz f = {1, 1, 1 / away_from_zero(1 - (a + b) * x / (a + 1))};
    f.value = f.d;
    for (int m = 1; m < STEPS_MAX; m++) {
        long double k = m;
        lentz_step(&f, k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)), 1);
        if (lentz_step(&f, -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1)), 1))
            break;
    }
    return f.value;
}

/* The regularized incomplete beta function; y = 1 - x without its rounding. */
static long double beta_share(long double x, long double y, long double a, long double b)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    long double front =
        expl(a * logl(x) + b * logl(y) + log_gamma(a + b) - log_gamma(a) - log_gamma(b));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(y, b, a) / b;
}

double student_two_sided(long double t, long double df)
{
    if (!isfinite(t))
        return isnan(t) ? (double)NAN : 0;
    long double square = t * t;
    return (double)beta_share(df / (df + square), square / (df + square), df / 2, 0.5L);
}

double normal_two_sided(long double z)
{
    return (double)erfcl(fabsl(z) / sqrtl(2));
}

/* The lower share by its series, for x < a + 1. */
static long double gamma_series(long double a, long double x)
{
    long double term = 1 / a, sum = term;
    for (int k = 1; k < STEPS_MAX && term > sum * LDBL_EPSILON; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum;
}

static long double gamma_fraction(long double a, long double x)
{
    long double b = x + 1 - a;
    struct lentz f = {1, 1 / TINY, 1 / away_from_zero(b)};
    f.value = f.d;
    for (int k = 1; k < STEPS_MAX; k++)
        if (lentz_step(&f, -(long double)k * (k - a), b += 2))
            break;
    return f.value;
}

double chi_square_upper(long double x, long double df)
{
    long double a = df / 2, half = x / 2;
    if (half <= 0)
        return 1;
    if (isinf(half))
        return 0;
    long double front = expl(a * logl(half) - half - log_gamma(a));
    if (half < a + 1)
        return (double)(1 - front * gamma_series(a, half));
    return (double)(front * gamma_fraction(a, half));
}
