/* SPDX-License-Identifier: Apache-2.0
 * The operations integer, float and boolean. */
#include <math.h>

#include "random.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53: to there every whole double is an integer in JSON */

json_t *number_json(double value)
{
    if (value == trunc(value) && fabs(value) <= WHOLE_MAX)
        return json_integer((json_int_t)value);
    return json_real(value);
}

int32_t random_integer(struct task *task)
{
    json_int_t min = llmspell_integer(task->params, "min", 0);
    json_int_t max = llmspell_integer(task->params, "max", 100);
    if (min > max)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/min",
                                "min (%lld) is greater than max (%lld)", (long long)min,
                                (long long)max);
    uint64_t span = (uint64_t)max - (uint64_t)min + 1; /* 0: all of 64 bits */
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++) {
        uint64_t value = (uint64_t)min + source_below(&task->source, span);
        rc = task_add(task, json_integer((json_int_t)value));
    }
    return rc;
}

/* In [min, max): rounding may reach max, and the width may be beyond the doubles. */
static double scaled(double fraction, double min, double max)
{
    double width = max - min;
    double value =
        isfinite(width) ? min + fraction * width : 2 * (min / 2 + fraction * (max / 2 - min / 2));
    return value < max ? value : nextafter(max, min);
}

int32_t random_float(struct task *task)
{
    double min = llmspell_number(task->params, "min", 0);
    double max = llmspell_number(task->params, "max", 1);
    if (min > max)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/min",
                                "min is greater than max; swap them");
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++)
        rc = task_add(task, number_json(scaled(source_fraction(&task->source), min, max)));
    return rc;
}

int32_t random_boolean(struct task *task)
{
    double probability = llmspell_number(task->params, "probability", 0.5);
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < task->count; i++)
        rc = task_add(task, json_boolean(source_fraction(&task->source) < probability));
    return rc;
}
