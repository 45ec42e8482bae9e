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

/* A bound as the caller wrote it, or the default. */
static char *shown(const struct task *task, const char *name)
{
    const json_t *bound = json_object_get(task->params, name);
    if (bound)
        return json_dumps(bound, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    bool whole = llmspell_is(task->params, "operation", "integer");
    return strdup(name[1] == 'i' ? "its default 0" : whole ? "its default 100" : "its default 1");
}

static int32_t fail_order(struct task *task)
{
    LLMSPELL_CLEANUP_FREE char *min = shown(task, "min"), *max = shown(task, "max");
    bool both = json_object_get(task->params, "min") && json_object_get(task->params, "max");
    if (!min || !max)
        return no_memory(task->call);
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/min",
                            "min (%s) is greater than max (%s); %s", min, max,
                            both ? "swap them" : "give both");
}

int32_t random_integer(struct task *task)
{
    json_int_t min = llmspell_integer(task->params, "min", 0);
    json_int_t max = llmspell_integer(task->params, "max", 100);
    if (min > max)
        return fail_order(task);
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
        return fail_order(task);
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
