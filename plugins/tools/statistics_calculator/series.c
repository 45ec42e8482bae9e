/* SPDX-License-Identifier: Apache-2.0
 * moving_average and time_series: values in the order of time. */
#include "statistics.h"

#include <math.h>

#define LAGS 10

/* ---- moving_average ---- */

/* A sum with about 128 bits, so that the difference of two of them loses nothing that counts. */
struct wide {
    long double high, low;
};

static struct wide wide_add(struct wide a, long double term)
{
    long double total = a.high + term;
    long double part = total - a.high;
    long double lost = (a.high - (total - part)) + (term - part);
    return (struct wide){total, a.low + lost};
}

static long double wide_difference(struct wide a, struct wide b)
{
    return (a.high - b.high) + (a.low - b.low);
}

/* The mean of each window; the first window - 1 places stay NaN, which becomes null. */
static int32_t simple(struct llmspell_call *call, const struct values *in, size_t window,
                      double *out)
{
    LLMSPELL_CLEANUP_FREE struct wide *sums = malloc((in->count + 1) * sizeof *sums);
    if (!sums)
        return no_memory(call);
    sums[0] = (struct wide){0, 0};
    for (size_t i = 0; i < in->count; i++)
        sums[i + 1] = wide_add(sums[i], in->items[i]);
    for (size_t i = window - 1; i < in->count; i++)
        out[i] = (double)(wide_difference(sums[i + 1], sums[i + 1 - window]) / (long double)window);
    return 0;
}

/* Weights 1 to window, the last value weighs most: a step adds window × value and takes the sum of
 * the window before away. */
static int32_t weighted(struct llmspell_call *call, const struct values *in, size_t window,
                        double *out)
{
    long double weights = (long double)window * (long double)(window + 1) / 2;
    struct wide total = {0, 0}, sum = {0, 0};
    for (size_t i = 0; i < in->count; i++) {
        int32_t stop = i % 65536 == 0 ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
        size_t inside = i < window ? i + 1 : window;
        if (i >= window) { /* each weight falls by one: take the sum of the window before away */
            total = wide_add(wide_add(total, -sum.high), -sum.low);
            sum = wide_add(sum, -(long double)in->items[i - window]);
        }
        total = wide_add(total, (long double)in->items[i] * (long double)inside);
        sum = wide_add(sum, in->items[i]);
        if (i + 1 >= window)
            out[i] = (double)((total.high + total.low) / weights);
    }
    return 0;
}

/* Begins with the first value: there is no window to fill. */
static void exponential(const struct values *in, double alpha, double *out)
{
    long double mean = in->items[0];
    for (size_t i = 0; i < in->count; i++) {
        mean += (long double)alpha * (in->items[i] - mean);
        out[i] = (double)mean;
    }
}

int32_t moving_average(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE double *out = malloc(values.count * sizeof *out);
    if (!out)
        return no_memory(call);
    for (size_t i = 0; i < values.count; i++)
        out[i] = (double)NAN;
    size_t window = (size_t)llmspell_integer(params, "window", 3);
    if (llmspell_is(params, "kind", "exponential"))
        exponential(&values, llmspell_number(params, "alpha", 2 / ((double)window + 1)), out);
    else if (window <= values.count && llmspell_is(params, "kind", "weighted"))
        rc = weighted(call, &values, window, out);
    else if (window <= values.count)
        rc = simple(call, &values, window, out);
    if (rc < 0)
        return rc;
    return values_return(call, out, values.count, ret);
}

/* ---- time_series ---- */

struct line {
    long double slope, intercept;
};

/* Least squares over the indexes 0, 1, … */
static struct line trend_of(const struct values *values)
{
    long double n = (long double)values->count, middle = (n - 1) / 2, product = 0;
    long double mean = values_mean(values);
    for (size_t i = 0; i < values->count; i++)
        product += ((long double)i - middle) * (values->items[i] - mean);
    long double slope = product / (n * (n * n - 1) / 12);
    return (struct line){slope, mean - slope * middle};
}

/* The mean distance from the trend of each phase, moved so that all of them add up to 0. */
static json_t *seasonal(const struct values *values, struct line trend, size_t period)
{
    LLMSPELL_CLEANUP_FREE double *phases = malloc(period * sizeof *phases);
    if (!phases)
        return NULL;
    long double total = 0;
    for (size_t p = 0; p < period; p++) {
        long double sum = 0, count = 0;
        for (size_t i = p; i < values->count; i += period, count++)
            sum += values->items[i] - (trend.intercept + trend.slope * (long double)i);
        phases[p] = (double)(sum / count);
        total += phases[p];
    }
    for (size_t p = 0; p < period; p++)
        phases[p] = (double)(phases[p] - total / (long double)period);
    return values_json(phases, period);
}

static json_t *autocorrelation(const struct values *values)
{
    long double mean = values_mean(values), total = values_power_sum(values, mean, 2);
    double lags[LAGS];
    size_t count = values->count - 1 < LAGS ? values->count - 1 : LAGS;
    for (size_t lag = 1; lag <= count; lag++) {
        long double sum = 0;
        for (size_t i = lag; i < values->count; i++)
            sum += (values->items[i] - mean) * (values->items[i - lag] - mean);
        lags[lag - 1] = values_all_equal(values) ? (double)NAN : (double)(sum / total);
    }
    return values_json(lags, count);
}

static json_t *differences(const struct values *values)
{
    json_t *list = json_array();
    for (size_t i = 1; i < values->count; i++) {
        if (!values_append(list, values->items[i] - values->items[i - 1])) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int32_t time_series(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    size_t period = (size_t)llmspell_integer(params, "period", 0);
    int32_t rc = values_load(call, params, 2, &values);
    if (rc < 0)
        return rc;
    if (2 * period > values.count)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/period",
                                "a period of %zu needs %zu values (two of them); there are %zu",
                                period, 2 * period, values.count);
    struct line trend = trend_of(&values);
    json_t *seasons = period ? seasonal(&values, trend, period) : NULL;
    if (period && !seasons)
        return no_memory(call);
    return llmspell_return(call, ret,
                           json_pack("{s:{s:o, s:o}, s:o*, s:o, s:o}", "trend", "slope",
                                     number_json((double)trend.slope), "intercept",
                                     number_json((double)trend.intercept), "seasonal", seasons,
                                     "autocorrelation", autocorrelation(&values), "differences",
                                     differences(&values)));
}
