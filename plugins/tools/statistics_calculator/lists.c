/* SPDX-License-Identifier: Apache-2.0
 * histogram, frequency, outliers, normalize: values counted, sorted out, scaled. */
#include "statistics.h"

#include <math.h>

/* ---- histogram ---- */

struct bins {
    double low, high;
    size_t count;
    json_int_t *counts;
    json_int_t inside, below, above;
};

static double edge(const struct bins *bins, size_t i)
{
    if (i == bins->count)
        return bins->high;
    long double low = bins->low, width = (long double)bins->high - low;
    return (double)(low + width * (long double)i / (long double)bins->count);
}

static void count_value(struct bins *bins, double value)
{
    if (value < bins->low) {
        bins->below++;
        return;
    }
    if (value > bins->high) {
        bins->above++;
        return;
    }
    long double share = ((long double)value - bins->low) / ((long double)bins->high - bins->low);
    size_t i = (size_t)(share * (long double)bins->count);
    if (i >= bins->count)
        i = bins->count - 1;
    /* the edges as they are shown decide, not the quotient */
    while (i > 0 && value < edge(bins, i))
        i--;
    while (i + 1 < bins->count && value >= edge(bins, i + 1))
        i++;
    bins->counts[i]++;
    bins->inside++;
}

static int32_t find_range(struct llmspell_call *call, const json_t *params,
                          const struct values *values, struct bins *bins)
{
    const json_t *range = json_object_get(params, "range");
    if (range) {
        bins->low = json_number_value(json_array_get(range, 0));
        bins->high = json_number_value(json_array_get(range, 1));
        if (bins->low >= bins->high)
            return llmspell_fail_at(call, LLMSPELL_EINVAL, "/range",
                                    "a range must begin below its end");
        return 0;
    }
    bins->low = bins->high = values->items[0];
    for (size_t i = 1; i < values->count; i++) {
        bins->low = fmin(bins->low, values->items[i]);
        bins->high = fmax(bins->high, values->items[i]);
    }
    if (bins->low == bins->high) { /* equal values lie in the middle of a range of 1 */
        double half = fmax(0.5, fabs(bins->low) * 0x1p-40);
        bins->low -= half;
        bins->high += half;
    }
    return 0;
}

static json_t *bins_json(const struct bins *bins)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < bins->count; i++) {
        json_t *bin = json_pack("{s:o, s:o, s:I}", "from", number_json(edge(bins, i)), "to",
                                number_json(edge(bins, i + 1)), "count", bins->counts[i]);
        if (json_array_append_new(list, bin) != 0)
            return NULL;
    }
    return json_pack("{s:O, s:I, s:I, s:I}", "bins", list, "n", bins->inside, "below", bins->below,
                     "above", bins->above);
}

int32_t histogram(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    struct bins bins = {.count = (size_t)llmspell_integer(params, "bins", 10)};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc == 0)
        rc = find_range(call, params, &values, &bins);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE json_int_t *counts = calloc(bins.count, sizeof *counts);
    if (!counts)
        return no_memory(call);
    bins.counts = counts;
    for (size_t i = 0; i < values.count; i++)
        count_value(&bins, values.items[i]);
    return llmspell_return(call, ret, bins_json(&bins));
}

/* ---- frequency ---- */

int32_t frequency(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0}, sorted = {0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc < 0)
        return rc;
    sorted = values_sorted(&values);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    if (!sorted.items || !list)
        return no_memory(call);
    double n = (double)sorted.count;
    for (size_t i = 0, next; i < sorted.count; i = next) {
        rc = json_array_size(list) % CANCEL_EVERY == 0 ? llmspell_cancelled(call) : 0;
        if (rc < 0)
            return rc;
        for (next = i + 1; next < sorted.count && sorted.items[next] == sorted.items[i];)
            next++;
        json_t *item =
            json_pack("{s:o, s:I, s:o, s:o}", "value", number_json(sorted.items[i]), "count",
                      (json_int_t)(next - i), "ratio", number_json((double)(next - i) / n),
                      "cumulative", number_json((double)next / n));
        if (json_array_append_new(list, item) != 0)
            return no_memory(call);
    }
    return llmspell_return(call, ret, json_pack("{s:O}", "items", list));
}

/* ---- outliers ---- */

struct fences {
    double lower, upper;
};

static int32_t find_fences(struct llmspell_call *call, const json_t *params,
                           const struct values *values, struct fences *ret)
{
    if (llmspell_is(params, "rule", "zscore")) {
        long double mean = values_mean(values);
        bool population = values->count == 1 || llmspell_bool(params, "population", 0);
        long double reach = llmspell_number(params, "threshold", 3) *
                            sqrtl(values_variance(values, mean, population));
        *ret = (struct fences){(double)(mean - reach), (double)(mean + reach)};
        return 0;
    }
    CLEANUP_VALUES struct values sorted = values_sorted(values);
    if (!sorted.items)
        return no_memory(call);
    double q1 = values_quantile(&sorted, 0.25), q3 = values_quantile(&sorted, 0.75);
    double reach = llmspell_number(params, "threshold", 1.5) * (q3 - q1);
    *ret = (struct fences){q1 - reach, q3 + reach};
    return 0;
}

int32_t outliers(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    struct fences fences = {0, 0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc == 0)
        rc = find_fences(call, params, &values, &fences);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < values.count; i++) {
        double value = values.items[i];
        if (value >= fences.lower && value <= fences.upper)
            continue;
        json_t *item = json_pack("{s:I, s:o}", "index", (json_int_t)i, "value", number_json(value));
        if (json_array_append_new(list, item) != 0)
            return no_memory(call);
    }
    return llmspell_return(call, ret,
                           json_pack("{s:O, s:o, s:o}", "outliers", list, "lower",
                                     number_json(fences.lower), "upper",
                                     number_json(fences.upper)));
}

/* ---- normalize ---- */

static void scale(struct values *values, long double shift, long double unit)
{
    for (size_t i = 0; i < values->count; i++)
        values->items[i] = (double)((values->items[i] - shift) / unit);
}

int32_t normalize(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    int32_t rc = values_load(call, params, 1, &values);
    if (rc < 0)
        return rc;
    if (values_all_equal(&values))
        return llmspell_fail_at(call, LLMSPELL_EFAILED, values_pointer(params),
                                "all values are equal: there is no scale to bring them to");
    if (llmspell_is(params, "scale", "minmax")) {
        long double low = values.items[0], high = low;
        for (size_t i = 1; i < values.count; i++) {
            low = fminl(low, values.items[i]);
            high = fmaxl(high, values.items[i]);
        }
        scale(&values, low, high - low);
    } else {
        long double mean = values_mean(&values);
        scale(&values, mean,
              sqrtl(values_variance(&values, mean, llmspell_bool(params, "population", 0))));
    }
    return values_return(call, values.items, values.count, ret);
}
