/* SPDX-License-Identifier: Apache-2.0
 * correlation: Pearson's r, Spearman's rho (r of the ranks), Kendall's tau-b. */
#include "statistics.h"

#include <math.h>

struct ranked {
    double value;
    size_t index;
};

static int by_value(const void *a, const void *b)
{
    double left = ((const struct ranked *)a)->value, right = ((const struct ranked *)b)->value;
    return (left > right) - (left < right);
}

/* Replaces values by their ranks from 1; equal values share the mean of theirs. */
static int32_t to_ranks(struct llmspell_call *call, struct values *values)
{
    LLMSPELL_CLEANUP_FREE struct ranked *order = malloc((values->count + 1) * sizeof *order);
    if (!order)
        return no_memory(call);
    for (size_t i = 0; i < values->count; i++)
        order[i] = (struct ranked){values->items[i], i};
    qsort(order, values->count, sizeof *order, by_value);
    for (size_t i = 0, next; i < values->count; i = next) {
        for (next = i + 1; next < values->count && order[next].value == order[i].value;)
            next++;
        for (size_t k = i; k < next; k++)
            values->items[order[k].index] = (double)(i + 1 + next) / 2;
    }
    return 0;
}

static long double pearson(const struct values *x, const struct values *y)
{
    long double mean_x = values_mean(x), mean_y = values_mean(y), xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < x->count; i++) {
        long double dx = x->items[i] - mean_x, dy = y->items[i] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return fmaxl(-1, fminl(1, xy / (sqrtl(xx) * sqrtl(yy))));
}

/* Of r under the hypothesis that there is no correlation; two points tell nothing. */
static double p_value(long double r, size_t n)
{
    if (n < 3)
        return 1;
    long double df = (long double)n - 2;
    if (fabsl(r) >= 1)
        return 0;
    return student_two_sided(r * sqrtl(df / ((1 - r) * (1 + r))), df);
}

static int32_t check_spread(struct llmspell_call *call, const struct values *x,
                            const struct values *y)
{
    bool flat_x = values_all_equal(x);
    if (!flat_x && !values_all_equal(y))
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EFAILED, flat_x ? "/x" : "/y",
                            "all values of %s are equal: a correlation is not defined",
                            flat_x ? "x" : "y");
}

int32_t correlation(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values x = {0}, y = {0};
    int32_t rc = values_pair(call, params, 2, &x, &y);
    if (rc == 0)
        rc = check_spread(call, &x, &y);
    if (rc < 0)
        return rc;
    const char *method = llmspell_string(params, "method");
    struct kendall result = {0, 0};
    if (strcmp(method, "kendall") == 0) {
        rc = kendall(call, &x, &y, &result);
    } else {
        if (strcmp(method, "spearman") == 0) {
            rc = to_ranks(call, &x);
            rc = rc < 0 ? rc : to_ranks(call, &y);
        }
        result.tau = rc == 0 ? pearson(&x, &y) : 0;
        result.p_value = rc == 0 ? p_value(result.tau, x.count) : 0;
    }
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret,
                           json_pack("{s:s, s:o, s:I, s:o}", "method", method, "coefficient",
                                     number_json((double)result.tau), "n", (json_int_t)x.count,
                                     "p_value", number_json(result.p_value)));
}
