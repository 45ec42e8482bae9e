/* SPDX-License-Identifier: Apache-2.0
 * The parts of statistics_calculator: each operation is a function of the call; sums and fits are
 * done in long double, so that a result is the nearest double but for rare last bits. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/number.h"

#define VALUES_MAX 1000000

typedef int32_t (*operation_fn)(struct llmspell_call *call, const json_t *params, json_t **ret);

/* ---- values.c: what is given ---- */

struct values {
    double *items;
    size_t count;
};

void values_clear(struct values *values);
#define CLEANUP_VALUES __attribute__((cleanup(values_clear)))

/* A list of numbers among the parameters. 0 or a negative code with the error set. */
int32_t values_list(struct llmspell_call *call, const json_t *params, const char *key,
                    struct values *ret);

/* The parameter values, or else the column of the CSV file at path; at least `least` of them. */
int32_t values_load(struct llmspell_call *call, const json_t *params, size_t least,
                    struct values *ret);

/* x and y, of one length, at least `least` of them. */
int32_t values_pair(struct llmspell_call *call, const json_t *params, size_t least,
                    struct values *ret_x, struct values *ret_y);

/* The column of a CSV file that path and column name. */
int32_t column_load(struct llmspell_call *call, const json_t *params, struct values *ret);

/* A sorted copy; items NULL when out of memory. */
struct values values_sorted(const struct values *values);
bool values_all_equal(const struct values *values);
const char *values_pointer(const json_t *params); /* "/values", or "/path" */

/* Appends a number; both NULL when out of memory is passed on. */
bool values_append(json_t *list, double value);
/* A list of numbers; NaN stands for null. NULL when out of memory. */
json_t *values_json(const double *items, size_t count);

#define CANCEL_EVERY 65536 /* numbers of a result between two looks at the cancel flag */

/* Returns {"values": [...]} from the call. */
int32_t values_return(struct llmspell_call *call, const double *items, size_t count, json_t **ret);
int32_t no_memory(struct llmspell_call *call);

/* ---- measures, in summary.c ---- */

/* The sum of (item - shift)^power, power 1 to 4. */
long double values_power_sum(const struct values *values, long double shift, int power);
long double values_mean(const struct values *values);
/* With the mean; divided by n, or by n - 1. */
long double values_variance(const struct values *values, long double mean, bool population);
/* The value at a share (0 to 1) of the sorted values, linear between the closest ranks (type 7). */
double values_quantile(const struct values *sorted, double share);

/* ---- distribution.c ---- */

double student_two_sided(long double t, long double df);
double normal_two_sided(long double z);
double chi_square_upper(long double x, long double df);

/* ---- kendall.c ---- */

struct kendall {
    long double tau; /* tau-b; NaN if all of x or of y are equal */
    double p_value;
};

int32_t kendall(struct llmspell_call *call, const struct values *x, const struct values *y,
                struct kendall *ret);

/* ---- fit.c ---- */

#define DEGREE_MAX 10

/* A polynomial in u = (x - center) / unit, which keeps digits that powers of x would lose. */
struct fit {
    int degree;
    long double center, unit;
    long double terms[DEGREE_MAX + 1]; /* from u^0 */
};

/* Least squares of y by a polynomial of x, by QR. The x must have more than degree different
 * values. 0 or a negative code with the error set. */
int32_t fit_polynomial(struct llmspell_call *call, const struct values *x, const struct values *y,
                       int degree, struct fit *ret);
long double fit_value(const struct fit *fit, long double x);

/* The coefficients of powers of x, from x^0; those of no weight for any of x and y are 0. */
void fit_coefficients(const struct fit *fit, const struct values *x, const struct values *y,
                      double ret[DEGREE_MAX + 1]);

/* ---- operations ---- */

int32_t describe(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t percentile(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t correlation(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t regression(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t histogram(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t frequency(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t moving_average(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t outliers(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t t_test(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t chi_square(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t time_series(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t normalize(struct llmspell_call *call, const json_t *params, json_t **ret);

#endif
