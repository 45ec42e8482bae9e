/* SPDX-License-Identifier: Apache-2.0
 * The operations add, subtract and difference. Units up to hours are exact time; days and longer
 * ones are turned on the calendar of the zone, so that the local time stays. */
#include "date_time.h"

#define MONTHS_MAX 24000000 /* beyond all years from any year */

static const struct {
    const char *name;
    int64_t ms;
    int days, months;
} UNITS[] = {{"milliseconds", 1, 0, 0}, {"seconds", 1000, 0, 0}, {"minutes", 60000, 0, 0},
             {"hours", 3600000, 0, 0},  {"days", 0, 1, 0},       {"weeks", 0, 7, 0},
             {"months", 0, 0, 1},       {"years", 0, 0, 12}};

int64_t local_add_months(int64_t local, int64_t months)
{
    struct civil civil;
    civil_from_seconds(local, &civil);
    int64_t month = civil.month - 1 + months;
    civil.year += floor_div(month, 12);
    civil.month = (int)floor_mod(month, 12) + 1;
    int last = civil_days_in_month(civil.year, civil.month);
    if (civil.day > last)
        civil.day = last;
    return civil_seconds(&civil);
}

bool moment_add(const struct task *task, const struct moment *from, int64_t amount,
                const char *unit, struct moment *ret_moment)
{
    size_t i = sizeof UNITS / sizeof UNITS[0] - 1;
    while (i > 0 && strcmp(UNITS[i].name, unit) != 0)
        i--;
    if (UNITS[i].ms > 0 || amount == 0) {
        *ret_moment = moment_from_ms(moment_ms(from) + amount * UNITS[i].ms);
    } else if (amount * UNITS[i].months < -MONTHS_MAX || amount * UNITS[i].months > MONTHS_MAX) {
        return false;
    } else {
        int64_t local = moment_local(task, from) + amount * UNITS[i].days * CIVIL_DAY;
        local = UNITS[i].months ? local_add_months(local, amount * UNITS[i].months) : local;
        *ret_moment = moment_resolve(task, local, from->milliseconds);
    }
    char text[CIVIL_TEXT];
    return moment_write(task->zone, ret_moment, text) &&
           civil_write(ret_moment->seconds, 0, 0, text);
}

/* subtract, too. */
int32_t op_add(struct task *task, json_t **ret_result)
{
    struct moment moment, sum;
    char original[CIVIL_TEXT], result[CIVIL_TEXT];
    int64_t amount = llmspell_integer(task->params, "amount", 0);
    const char *unit = llmspell_string(task->params, "unit");
    int32_t rc = input_read(task, "input", &moment, NULL);
    if (rc < 0)
        return rc;
    bool minus = llmspell_is(task->params, "operation", "subtract");
    if (!moment_add(task, &moment, minus ? -amount : amount, unit, &sum))
        return fail_years(task->call, "/amount");
    moment_write(task->zone, &moment, original);
    moment_write(task->zone, &sum, result);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:I, s:s, s:s, s:s}", "input",
                                     json_object_get(task->params, "input"), "amount",
                                     (json_int_t)amount, "unit", unit, "original", original,
                                     "result", result));
}

/* ---- difference ---- */

struct calendar {
    int64_t months, days;
};

/* Whole months, then whole days, from the earlier to the later on the zone's calendar. */
static struct calendar calendar_between(const struct task *task, const struct moment *early,
                                        const struct moment *late)
{
    struct civil from, to;
    int64_t a = moment_local(task, early), b = moment_local(task, late);
    civil_from_seconds(a, &from);
    civil_from_seconds(b, &to);
    int64_t months = (to.year - from.year) * 12 + to.month - from.month;
    bool less = late->milliseconds < early->milliseconds; /* the last second is not whole */
    while (months > 0 && local_add_months(a, months) + less > b)
        months--;
    int64_t rest = b - less - local_add_months(a, months);
    /* clocks that were set back may make a later instant an earlier local time */
    return (struct calendar){months, rest < 0 ? 0 : rest / CIVIL_DAY};
}

struct parts {
    int64_t days, hours, minutes, ms;
};

static struct parts take_apart(int64_t ms)
{
    return (struct parts){ms / 86400000, ms / 3600000 % 24, ms / 60000 % 60, ms % 60000};
}

/* "4" or "4.005", without zeros at the end. */
static void write_seconds(int64_t ms, char ret_text[16])
{
    int fraction = (int)(ms % 1000), digits = 3;
    for (; digits > 0 && fraction % 10 == 0; digits--)
        fraction /= 10;
    if (digits > 0)
        snprintf(ret_text, 16, "%d.%0*d", (int)(ms / 1000), digits, fraction);
    else
        snprintf(ret_text, 16, "%d", (int)(ms / 1000));
}

/* P1DT2H3M4S */
static json_t *iso_duration(const struct parts *parts, bool negative)
{
    char text[96], seconds[16];
    size_t used = (size_t)snprintf(text, sizeof text, "%sP", negative ? "-" : "");
    size_t empty = used;
    write_seconds(parts->ms, seconds);
    if (parts->days)
        used += (size_t)snprintf(text + used, sizeof text - used, "%lldD", (long long)parts->days);
    if (parts->hours || parts->minutes || parts->ms || used == empty)
        used += (size_t)snprintf(text + used, sizeof text - used, "T");
    if (parts->hours)
        used += (size_t)snprintf(text + used, sizeof text - used, "%lldH", (long long)parts->hours);
    if (parts->minutes)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%lldM", (long long)parts->minutes);
    if (parts->ms || text[used - 1] == 'T')
        snprintf(text + used, sizeof text - used, "%sS", seconds);
    return json_string(text);
}

/* "1 day, 2 hours" */
static json_t *human(const struct parts *parts)
{
    const struct {
        int64_t number;
        const char *unit;
    } items[] = {{parts->days, "day"}, {parts->hours, "hour"}, {parts->minutes, "minute"}};
    char text[128] = "", seconds[16];
    size_t used = 0;
    for (size_t i = 0; i < 3; i++)
        if (items[i].number)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld %s%s",
                                     used ? ", " : "", (long long)items[i].number, items[i].unit,
                                     items[i].number == 1 ? "" : "s");
    write_seconds(parts->ms, seconds);
    if (parts->ms || used == 0)
        snprintf(text + used, sizeof text - used, "%s%s second%s", used ? ", " : "", seconds,
                 parts->ms == 1000 ? "" : "s");
    return json_string(text);
}

int32_t op_difference(struct task *task, json_t **ret_result)
{
    struct moment start, end;
    int32_t rc = input_read(task, "start", &start, NULL);
    if (rc == 0)
        rc = input_read(task, "end", &end, NULL);
    if (rc < 0)
        return rc;
    int64_t total = moment_ms(&end) - moment_ms(&start);
    bool negative = total < 0;
    struct parts parts = take_apart(negative ? -total : total);
    struct calendar calendar =
        calendar_between(task, negative ? &end : &start, negative ? &start : &end);
    json_t *months =
        json_pack("{s:I, s:I, s:I}", "years", (json_int_t)calendar.months / 12, "months",
                  (json_int_t)calendar.months % 12, "days", (json_int_t)calendar.days);
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:O, s:O, s:o, s:b, s:I, s:I, s:I, s:o, s:o, s:o, s:o}",
                                     "start", json_object_get(task->params, "start"), "end",
                                     json_object_get(task->params, "end"), "total_seconds",
                                     seconds_json(total), "negative", negative, "days",
                                     (json_int_t)parts.days, "hours", (json_int_t)parts.hours,
                                     "minutes", (json_int_t)parts.minutes, "seconds",
                                     seconds_json(parts.ms), "calendar", months, "iso_duration",
                                     iso_duration(&parts, negative), "human", human(&parts)));
}
