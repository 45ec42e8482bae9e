/* SPDX-License-Identifier: Apache-2.0
 * t_test (one sample, Welch, paired) and chi_square. */
#include "statistics.h"

#include <math.h>

/* ---- t_test ---- */

struct t_result {
    long double t, df, difference;
};

static int32_t no_spread(struct llmspell_call *call, const char *pointer)
{
    return llmspell_fail_at(call, LLMSPELL_EFAILED, pointer,
                            "the values do not vary: t is not defined");
}

static int32_t one_sample(struct llmspell_call *call, const struct values *values,
                          long double expected, const char *pointer, struct t_result *ret)
{
    long double n = (long double)values->count, mean = values_mean(values);
    long double variance = values_variance(values, mean, false);
    if (variance == 0)
        return no_spread(call, pointer);
    ret->difference = mean - expected;
    ret->t = ret->difference / sqrtl(variance / n);
    ret->df = n - 1;
    return 0;
}

static int32_t paired(struct llmspell_call *call, const json_t *params, struct t_result *ret)
{
    CLEANUP_VALUES struct values x = {0}, y = {0};
    int32_t rc = values_pair(call, params, 2, &x, &y);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < x.count; i++)
        x.items[i] -= y.items[i];
    return one_sample(call, &x, 0, "/x", ret);
}

static int32_t at_least_two(struct llmspell_call *call, const struct values *values,
                            const char *pointer)
{
    if (values->count >= 2)
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                            "a sample of %zu has no variance; give at least 2 numbers",
                            values->count);
}

/* Welch: the variances need not be the same. */
static int32_t two_samples(struct llmspell_call *call, const json_t *params, struct t_result *ret)
{
    CLEANUP_VALUES struct values x = {0}, y = {0};
    int32_t rc = values_list(call, params, "x", &x);
    if (rc == 0)
        rc = values_list(call, params, "y", &y);
    if (rc == 0)
        rc = at_least_two(call, &x, "/x");
    if (rc == 0)
        rc = at_least_two(call, &y, "/y");
    if (rc < 0)
        return rc;
    long double nx = (long double)x.count, ny = (long double)y.count;
    long double mean_x = values_mean(&x), mean_y = values_mean(&y);
    long double sx = values_variance(&x, mean_x, false) / nx;
    long double sy = values_variance(&y, mean_y, false) / ny;
    if (sx + sy == 0)
        return no_spread(call, "/x");
    ret->difference = mean_x - mean_y;
    ret->t = ret->difference / sqrtl(sx + sy);
    ret->df = (sx + sy) * (sx + sy) / (sx * sx / (nx - 1) + sy * sy / (ny - 1));
    return 0;
}

int32_t t_test(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values values = {0};
    struct t_result result = {0, 0, 0};
    int32_t rc;
    if (!json_object_get(params, "x")) {
        rc = values_load(call, params, 2, &values);
        if (rc == 0)
            rc = one_sample(call, &values, llmspell_number(params, "mean", 0),
                            values_pointer(params), &result);
    } else if (llmspell_bool(params, "paired", 0)) {
        rc = paired(call, params, &result);
    } else {
        rc = two_samples(call, params, &result);
    }
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret,
                           json_pack("{s:o, s:o, s:o, s:o}", "t", number_json((double)result.t),
                                     "df", number_json((double)result.df), "p_value",
                                     number_json(student_two_sided(result.t, result.df)),
                                     "mean_difference", number_json((double)result.difference)));
}

/* ---- chi_square ---- */

/* A list is blamed by its item, a file as a whole. */
static int32_t fail_negative(struct llmspell_call *call, double count, const char *pointer,
                             size_t index)
{
    char place[32], text[NUMBER_TEXT_MAX];
    number_text(count, text);
    snprintf(place, sizeof place, "%s/%zu", pointer, index);
    return llmspell_fail_at(call, LLMSPELL_EINVAL,
                            strcmp(pointer, "/values") == 0 ? place : pointer,
                            "the count %s is negative; counts are 0 or more", text);
}

static int32_t check_counts(struct llmspell_call *call, const struct values *observed,
                            const char *pointer)
{
    bool any = false;
    for (size_t i = 0; i < observed->count; i++) {
        if (observed->items[i] < 0)
            return fail_negative(call, observed->items[i], pointer, i);
        any = any || observed->items[i] > 0;
    }
    return any ? 0 : llmspell_fail_at(call, LLMSPELL_EINVAL, pointer, "all counts are 0");
}

static int32_t load_expected(struct llmspell_call *call, const json_t *params, size_t count,
                             struct values *ret)
{
    int32_t rc = values_list(call, params, "expected", ret);
    if (rc == 0 && ret->count != count)
        rc =
            llmspell_fail_at(call, LLMSPELL_EINVAL, "/expected",
                             "expected has %zu numbers, values %zu; both must have the same length",
                             ret->count, count);
    return rc;
}

int32_t chi_square(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_VALUES struct values observed = {0}, expected = {0};
    int32_t rc = values_load(call, params, 2, &observed);
    if (rc == 0)
        rc = check_counts(call, &observed, values_pointer(params));
    if (rc == 0 && json_object_get(params, "expected"))
        rc = load_expected(call, params, observed.count, &expected);
    if (rc < 0)
        return rc;
    long double even = values_mean(&observed), statistic = 0;
    for (size_t i = 0; i < observed.count; i++) {
        long double wanted = expected.items ? expected.items[i] : even;
        long double off = observed.items[i] - wanted;
        statistic += off * off / wanted;
    }
    json_int_t df = (json_int_t)observed.count - 1;
    return llmspell_return(call, ret,
                           json_pack("{s:o, s:I, s:o}", "statistic", number_json((double)statistic),
                                     "df", df, "p_value",
                                     number_json(chi_square_upper(statistic, (long double)df))));
}
