/* SPDX-License-Identifier: Apache-2.0
 * The operation business_days: counts the working days between two dates, or the date that lies a
 * number of them away. */
#include "date_time.h"

#define CANCEL_DAYS 0x3ffff
#define ALL_DAYS 0xfeu /* bits 1 … 7 */

/* Which days are off. */
struct days_off {
    unsigned weekend;
    int64_t *holidays; /* days since 1970, sorted */
    size_t count;
};

unsigned weekend_mask(const json_t *params)
{
    unsigned mask = 0;
    size_t i;
    const json_t *day;
    json_array_foreach(json_object_get(params, "weekend"), i, day) mask |=
        1u << (unsigned)json_number_value(day);
    return mask;
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int32_t load_days_off(struct task *task, struct days_off *ret)
{
    const json_t *list = json_object_get(task->params, "holidays"), *text;
    size_t i;
    ret->weekend = weekend_mask(task->params);
    ret->count = json_array_size(list);
    ret->holidays = calloc(ret->count + 1, sizeof *ret->holidays);
    if (!ret->holidays)
        return no_memory(task->call);
    json_array_foreach(list, i, text)
    {
        struct civil_time time;
        const char *reason = civil_read(json_string_value(text), json_string_length(text), &time);
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/holidays/%zu", i);
        if (reason)
            return llmspell_fail_at(task->call, LLMSPELL_EPARSE, pointer,
                                    "%s is not a date such as 2025-12-25: %s",
                                    json_string_value(text), reason);
        ret->holidays[i] = floor_div(time.seconds, CIVIL_DAY);
    }
    qsort(ret->holidays, ret->count, sizeof *ret->holidays, compare_days);
    return 0;
}

static bool is_off(const struct days_off *off, int64_t day)
{
    return off->weekend >> civil_weekday(day) & 1 ||
           bsearch(&day, off->holidays, off->count, sizeof day, compare_days);
}

static int32_t count_days(struct task *task, const struct days_off *off, int64_t start, int64_t end,
                          json_t **ret_result)
{
    int64_t low = start < end ? start : end, high = start < end ? end : start, count = 0;
    for (int64_t day = low; day < high; day++) {
        count += !is_off(off, day);
        int32_t stop = (day & CANCEL_DAYS) == 0 ? llmspell_cancelled(task->call) : 0;
        if (stop < 0)
            return stop;
    }
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:O, s:I}", "start",
                                     json_object_get(task->params, "start"), "end",
                                     json_object_get(task->params, "end"), "business_days",
                                     (json_int_t)(start <= end ? count : -count)));
}

static int32_t move_days(struct task *task, const struct days_off *off, int64_t start,
                         json_t **ret_result)
{
    int64_t amount = llmspell_integer(task->params, "amount", 0), day = start;
    int64_t first = civil_days(CIVIL_YEAR_MIN, 1, 1), last = civil_days(CIVIL_YEAR_MAX, 12, 31);
    int step = amount < 0 ? -1 : 1;
    if ((off->weekend & ALL_DAYS) == ALL_DAYS)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/weekend",
                                "with all seven days off there is no business day");
    for (int64_t left = amount * step; is_off(off, day) || left > 0;) {
        left -= !is_off(off, day);
        day += step;
        if (day < first || day > last)
            return fail_years(task->call, "/amount");
        int32_t stop = (day & CANCEL_DAYS) == 0 ? llmspell_cancelled(task->call) : 0;
        if (stop < 0)
            return stop;
    }
    char text[CIVIL_TEXT];
    civil_write(day * CIVIL_DAY, 0, 0, text);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:I, s:s%}", "start",
                                     json_object_get(task->params, "start"), "amount",
                                     (json_int_t)amount, "result", text, strlen("YYYY-MM-DD")));
}

static int32_t local_day(struct task *task, const char *key, int64_t *ret_day)
{
    struct moment moment;
    int32_t rc = input_read(task, key, &moment, NULL);
    if (rc == 0)
        *ret_day = floor_div(moment_local(task, &moment), CIVIL_DAY);
    return rc;
}

int32_t op_business_days(struct task *task, json_t **ret_result)
{
    int64_t start = 0, end = 0;
    struct days_off off = {0};
    bool range = json_object_get(task->params, "end") != NULL;
    int32_t rc = local_day(task, "start", &start);
    if (rc == 0 && range)
        rc = local_day(task, "end", &end);
    if (rc == 0)
        rc = load_days_off(task, &off);
    if (rc == 0)
        rc = range ? count_days(task, &off, start, end, ret_result)
                   : move_days(task, &off, start, ret_result);
    free(off.holidays);
    return rc;
}
