/* SPDX-License-Identifier: Apache-2.0
 * Least squares by Householder's QR, in long double, over x moved and scaled to -1…1. Called by
 * regression.c. */
#include "statistics.h"

#include <math.h>

/* A by columns, each with `rows` entries, and the right side. */
struct system {
    long double *a, *b;
    size_t rows, columns;
};

static long double *column_of(const struct system *s, size_t k)
{
    return s->a + k * s->rows;
}

/* Reflects v so that only its first entry differs from 0 beyond k; w is that reflection's vector.
 */
static void reflect(const long double *w, long double norm2, long double *v, size_t from,
                    size_t rows)
{
    long double dot = 0;
    for (size_t i = from; i < rows; i++)
        dot += w[i] * v[i];
    dot *= 2 / norm2;
    for (size_t i = from; i < rows; i++)
        v[i] -= dot * w[i];
}

/* Turns column k into the vector of its reflection; returns the entry of R on the diagonal. */
static long double make_reflection(long double *w, size_t k, size_t rows, long double *ret_norm2)
{
    long double norm = 0;
    for (size_t i = k; i < rows; i++)
        norm += w[i] * w[i];
    norm = sqrtl(norm);
    long double diagonal = w[k] > 0 ? -norm : norm;
    w[k] -= diagonal;
    *ret_norm2 = 0;
    for (size_t i = k; i < rows; i++)
        *ret_norm2 += w[i] * w[i];
    return diagonal;
}

/* Overwrites A by R (its diagonal apart) and b by its image; then solves from the bottom. */
static int32_t solve(struct llmspell_call *call, struct system *s, long double *ret)
{
    long double diagonal[DEGREE_MAX + 1];
    for (size_t k = 0; k < s->columns; k++) {
        int32_t stop = llmspell_cancelled(call);
        if (stop < 0)
            return stop;
        long double norm2 = 0, *w = column_of(s, k);
        diagonal[k] = make_reflection(w, k, s->rows, &norm2);
        for (size_t c = k + 1; norm2 > 0 && c < s->columns; c++)
            reflect(w, norm2, column_of(s, c), k, s->rows);
        if (norm2 > 0)
            reflect(w, norm2, s->b, k, s->rows);
    }
    for (size_t k = s->columns; k-- > 0;) {
        long double rest = s->b[k];
        for (size_t c = k + 1; c < s->columns; c++)
            rest -= column_of(s, c)[k] * ret[c];
        ret[k] = rest / diagonal[k];
    }
    return 0;
}

static long double largest(const struct values *values)
{
    long double most = 0;
    for (size_t i = 0; i < values->count; i++)
        most = fmaxl(most, fabsl(values->items[i]));
    return most;
}

static void find_scale(const struct values *x, struct fit *fit)
{
    long double low = x->items[0], high = low;
    for (size_t i = 1; i < x->count; i++) {
        low = fminl(low, x->items[i]);
        high = fmaxl(high, x->items[i]);
    }
    fit->center = low + (high - low) / 2;
    fit->unit = (high - low) / 2;
}

int32_t fit_polynomial(struct llmspell_call *call, const struct values *x, const struct values *y,
                       int degree, struct fit *ret)
{
    size_t n = x->count, columns = (size_t)degree + 1;
    LLMSPELL_CLEANUP_FREE long double *cells = malloc((columns + 1) * n * sizeof *cells);
    if (!cells)
        return no_memory(call);
    ret->degree = degree;
    find_scale(x, ret);
    struct system s = {cells, cells + columns * n, n, columns};
    for (size_t i = 0; i < n; i++) {
        long double power = 1, u = (x->items[i] - ret->center) / ret->unit;
        for (size_t k = 0; k < columns; k++, power *= u)
            column_of(&s, k)[i] = power;
        s.b[i] = y->items[i];
    }
    return solve(call, &s, ret->terms);
}

long double fit_value(const struct fit *fit, long double x)
{
    long double u = (x - fit->center) / fit->unit, y = 0;
    for (int k = fit->degree; k >= 0; k--)
        y = y * u + fit->terms[k];
    return y;
}

void fit_coefficients(const struct fit *fit, const struct values *x, const struct values *y,
                      double ret[DEGREE_MAX + 1])
{
    /* Horner's scheme on polynomials: p = p × (x - center) / unit + term */
    long double p[DEGREE_MAX + 2] = {0}, most_x = largest(x), most_y = largest(y), power = 1;
    for (int k = fit->degree; k >= 0; k--) {
        for (int i = fit->degree; i >= 0; i--)
            p[i] = ((i > 0 ? p[i - 1] : 0) - fit->center * p[i]) / fit->unit;
        p[0] += fit->terms[k];
    }
    for (int k = 0; k <= fit->degree; k++, power *= most_x)
        ret[k] = fabsl(p[k]) * power <= most_y * 0x1p-53L ? 0 : (double)p[k];
}
