/* SPDX-License-Identifier: Apache-2.0
 * regression: a polynomial through pairs of x and y by least squares. */
#include "statistics.h"

#include <math.h>

#include "../shared/bounded_text.h"

static int32_t check_x(struct llmspell_call *call, const struct values *x, int degree)
{
    CLEANUP_VALUES struct values sorted = values_sorted(x);
    if (!sorted.items)
        return no_memory(call);
    size_t different = 1;
    for (size_t i = 1; i < sorted.count; i++)
        different += sorted.items[i] != sorted.items[i - 1];
    if (different > (size_t)degree)
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EFAILED, "/x",
                            "x has %zu different value%s; degree %d needs at least %d", different,
                            different == 1 ? "" : "s", degree, degree + 1);
}

struct fit_quality {
    long double residual; /* the sum of squares */
    long double total;    /* around the mean of y */
};

static struct fit_quality quality(const struct values *x, const struct values *y,
                                  const struct fit *fit)
{
    struct fit_quality q = {0, values_power_sum(y, values_mean(y), 2)};
    for (size_t i = 0; i < x->count; i++) {
        long double off = y->items[i] - fit_value(fit, x->items[i]);
        /* what lies below the rounding of y is none */
        if (fabsl(off) > fabsl(y->items[i]) * 0x1p-53L)
            q.residual += off * off;
    }
    if (values_all_equal(y))
        q.total = 0;
    return q;
}

static void put_term(struct bounded_text *out, double coefficient, int power, bool first)
{
    char text[NUMBER_TEXT_MAX], term[NUMBER_TEXT_MAX + 16];
    number_text(first ? coefficient : fabs(coefficient), text);
    if (power == 0)
        snprintf(term, sizeof term, "%s", text);
    else if (power == 1)
        snprintf(term, sizeof term, "%s*x", text);
    else
        snprintf(term, sizeof term, "%s*x^%d", text, power);
    if (!first)
        bounded_puts(out, coefficient < 0 ? " - " : " + ");
    bounded_puts(out, term);
}

/* "y = 1 + 2*x - 0.5*x^2", which the calculator tool reads; terms of 0 are left out. */
static json_t *equation(const double *coefficients, int degree)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text out = {.max = 4096};
    bounded_puts(&out, "y = ");
    bool first = true;
    for (int k = 0; k <= degree; k++) {
        if (coefficients[k] == 0)
            continue;
        put_term(&out, coefficients[k], k, first);
        first = false;
    }
    if (first)
        bounded_char(&out, '0');
    return out.error < 0 ? NULL : bounded_text_json(&out);
}

/* NULL without predict; fills *rc when out of memory. */
static json_t *predictions(const json_t *params, const struct fit *fit, int32_t *rc)
{
    const json_t *wanted = json_object_get(params, "predict");
    if (!wanted)
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        long double x = json_number_value(json_array_get(wanted, i));
        if (!values_append(list, (double)fit_value(fit, x)))
            *rc = LLMSPELL_ENOMEM;
    }
    if (!list)
        *rc = LLMSPELL_ENOMEM;
    return list;
}

int32_t regression(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values x = {0}, y = {0};
    int degree = (int)llmspell_integer(params, "degree", 1);
    double coefficients[DEGREE_MAX + 1];
    struct fit fit;
    int32_t rc = values_pair(call, params, 1, &x, &y);
    if (rc == 0)
        rc = check_x(call, &x, degree);
    if (rc == 0)
        rc = fit_polynomial(call, &x, &y, degree, &fit);
    if (rc < 0)
        return rc;
    fit_coefficients(&fit, &x, &y, coefficients);
    struct fit_quality q = quality(&x, &y, &fit);
    json_int_t free_points = (json_int_t)x.count - degree - 1;
    json_t *squared = q.total > 0 ? number_json((double)(1 - q.residual / q.total)) : json_null();
    json_t *error = free_points > 0
                        ? number_json((double)sqrtl(q.residual / (long double)free_points))
                        : json_null();
    json_t *predicted = predictions(params, &fit, &rc);
    json_t *result =
        json_pack("{s:i, s:o, s:o, s:I, s:o, s:o, s:o*}", "degree", degree, "coefficients",
                  values_json(coefficients, (size_t)degree + 1), "r_squared", squared, "n",
                  (json_int_t)x.count, "standard_error", error, "equation",
                  equation(coefficients, degree), "predictions", predicted);
    if (rc < 0) {
        json_decref(result);
        return no_memory(call);
    }
    return llmspell_return(call, ret, result);
}
