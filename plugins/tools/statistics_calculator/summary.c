/* SPDX-License-Identifier: Apache-2.0
 * describe and percentile, and the measures that other operations build on. */
#include "statistics.h"

#include <math.h>

/* ---- measures ---- */

/* A sum that carries its rounding errors along (Neumaier). */
struct sum {
    long double total, lost;
};

static void sum_add(struct sum *sum, long double term)
{
    long double total = sum->total + term;
    if (fabsl(sum->total) >= fabsl(term))
        sum->lost += (sum->total - total) + term;
    else
        sum->lost += (term - total) + sum->total;
    sum->total = total;
}

long double values_power_sum(const struct values *values, long double shift, int power)
{
    struct sum sum = {0, 0};
    for (size_t i = 0; i < values->count; i++) {
        long double term = values->items[i] - shift, product = term;
        for (int k = 1; k < power; k++)
            product *= term;
        sum_add(&sum, product);
    }
    return sum.total + sum.lost;
}

long double values_mean(const struct values *values)
{
    return values_power_sum(values, 0, 1) / (long double)values->count;
}

long double values_variance(const struct values *values, long double mean, bool population)
{
    long double n = (long double)values->count;
    if (values_all_equal(values))
        return 0;
    return values_power_sum(values, mean, 2) / (population ? n : n - 1);
}

double values_quantile(const struct values *sorted, double share)
{
    long double rank = (long double)share * (long double)(sorted->count - 1);
    size_t below = (size_t)rank;
    if (below + 1 >= sorted->count)
        return sorted->items[sorted->count - 1];
    long double low = sorted->items[below], high = sorted->items[below + 1];
    return (double)(low + (high - low) * (rank - (long double)below));
}

/* ---- describe ---- */

/* NaN stands for null. */
static json_t *optional(bool defined, long double value)
{
    double number = (double)value;
    return defined && !isnan(number) ? number_json(number) : json_null();
}

/* Calls visit for each run of equal values. */
static json_t *modes(const struct values *sorted)
{
    json_t *list = json_array();
    size_t most = 2;
    for (size_t i = 0, next; list && i < sorted->count; i = next) {
        for (next = i + 1; next < sorted->count && sorted->items[next] == sorted->items[i];)
            next++;
        if (next - i > most)
            json_array_clear(list);
        if (next - i < most)
            continue;
        most = next - i;
        if (!values_append(list, sorted->items[i])) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

struct shape {
    long double skewness, kurtosis; /* NaN if undefined */
};

/* Adjusted for the sample, as SKEW and KURT of spreadsheets. */
static struct shape shape_of(const struct values *values, long double mean)
{
    long double n = (long double)values->count;
    struct shape shape = {NAN, NAN};
    long double s2 = n > 1 ? values_variance(values, mean, false) : 0;
    if (n > 2 && s2 > 0)
        shape.skewness =
            n / ((n - 1) * (n - 2)) * values_power_sum(values, mean, 3) / (s2 * sqrtl(s2));
    if (n > 3 && s2 > 0)
        shape.kurtosis = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) *
                             values_power_sum(values, mean, 4) / (s2 * s2) -
                         3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3));
    return shape;
}

static long double log_sum(const struct values *values)
{
    struct sum sum = {0, 0};
    for (size_t i = 0; i < values->count; i++)
        sum_add(&sum, logl(values->items[i]));
    return sum.total + sum.lost;
}

static long double inverse_sum(const struct values *values)
{
    struct sum sum = {0, 0};
    for (size_t i = 0; i < values->count; i++)
        sum_add(&sum, 1 / (long double)values->items[i]);
    return sum.total + sum.lost;
}

static json_t *describe_values(const struct values *values, const struct values *sorted,
                               bool population)
{
    long double n = (long double)values->count, sum = values_power_sum(values, 0, 1);
    long double mean = sum / n;
    bool spread = population || values->count > 1;
    long double variance = spread ? values_variance(values, mean, population) : 0;
    long double deviation = sqrtl(variance);
    struct shape shape = shape_of(values, mean);
    double low = sorted->items[0], high = sorted->items[sorted->count - 1];
    double q1 = values_quantile(sorted, 0.25), q3 = values_quantile(sorted, 0.75);
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o}",
        "count", (json_int_t)values->count, "sum", optional(true, sum), "mean",
        optional(true, mean), "median", number_json(values_quantile(sorted, 0.5)), "mode",
        modes(sorted), "min", number_json(low), "max", number_json(high), "range",
        number_json(high - low), "variance", optional(spread, variance), "std_dev",
        optional(spread, deviation), "sem", optional(spread, deviation / sqrtl(n)), "cv",
        optional(spread && mean != 0, deviation / mean), "skewness", optional(true, shape.skewness),
        "kurtosis", optional(true, shape.kurtosis), "q1", number_json(q1), "q3", number_json(q3),
        "iqr", number_json(q3 - q1), "geometric_mean",
        optional(low > 0, low > 0 ? expl(log_sum(values) / n) : 0), "harmonic_mean",
        optional(low > 0, low > 0 ? n / inverse_sum(values) : 0));
}

int32_t describe(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0}, sorted = {0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc < 0)
        return rc;
    sorted = values_sorted(&values);
    if (!sorted.items)
        return no_memory(call);
    return llmspell_return(
        call, ret, describe_values(&values, &sorted, llmspell_bool(params, "population", 0)));
}

/* ---- percentile ---- */

int32_t percentile(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0}, sorted = {0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc < 0)
        return rc;
    sorted = values_sorted(&values);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    if (!sorted.items || !list)
        return no_memory(call);
    size_t index;
    json_t *wanted;
    json_array_foreach(json_object_get(params, "percentiles"), index, wanted)
    {
        double p = json_number_value(wanted);
        json_t *item = json_pack("{s:O, s:o}", "p", wanted, "value",
                                 number_json(values_quantile(&sorted, p / 100)));
        if (json_array_append_new(list, item) != 0)
            return no_memory(call);
    }
    return llmspell_return(call, ret, json_pack("{s:O}", "percentiles", list));
}
