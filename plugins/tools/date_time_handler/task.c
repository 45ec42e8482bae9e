/* SPDX-License-Identifier: Apache-2.0
 * Moments, zones and the object DATETIME. */
#include <llmspell/clock.h>

#include "date_time.h"

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t task_zone(struct task *task, const char *key, const char **ret_name, struct zone **ret_zone)
{
    const char *name = llmspell_string(task->params, key);
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/%s", key);
    int32_t rc = zone_load(name, llmspell_string_length(task->params, key), ret_zone);
    *ret_name = name;
    if (rc == LLMSPELL_ENOTFOUND)
        return llmspell_fail_at(task->call, rc, pointer,
                                "there is no time zone %s; use a name such as Europe/Berlin", name);
    if (rc == LLMSPELL_EUNAVAILABLE)
        return llmspell_fail_at(task->call, rc, pointer,
                                "this machine has no time zones: install the package tzdata");
    if (rc == LLMSPELL_EIO)
        return llmspell_fail_at(task->call, rc, pointer, "the data of the zone %s cannot be read",
                                name);
    return rc < 0 ? no_memory(task->call) : 0;
}

struct moment moment_now(const struct task *task)
{
    struct timespec now = llmspell_now(task->call);
    return (struct moment){now.tv_sec, (int)(now.tv_nsec / 1000000)};
}

int64_t moment_ms(const struct moment *moment)
{
    return moment->seconds * 1000 + moment->milliseconds;
}

struct moment moment_from_ms(int64_t ms)
{
    return (struct moment){floor_div(ms, 1000), (int)floor_mod(ms, 1000)};
}

int64_t moment_local(const struct task *task, const struct moment *moment)
{
    struct zone_type type;
    zone_at(task->zone, moment->seconds, &type);
    return moment->seconds + type.offset;
}

struct moment moment_resolve(const struct task *task, int64_t local, int milliseconds)
{
    struct zone_local place;
    zone_resolve(task->zone, local, &place);
    return (struct moment){place.seconds, milliseconds};
}

bool moment_write(const struct zone *zone, const struct moment *moment, char ret_text[CIVIL_TEXT])
{
    struct zone_type type;
    zone_at(zone, moment->seconds, &type);
    return civil_write(moment->seconds, moment->milliseconds, type.offset, ret_text);
}

int32_t fail_years(struct llmspell_call *call, const char *pointer)
{
    return llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                            "the result lies outside the years 1 to 9999");
}

json_t *seconds_json(int64_t ms)
{
    return ms % 1000 == 0 ? json_integer(ms / 1000) : json_real((double)ms / 1000);
}

int32_t datetime_json(struct task *task, const struct zone *zone, const char *zone_name,
                      const struct moment *moment, const char *pointer, json_t **ret_json)
{
    struct civil civil;
    struct zone_type type;
    char iso[CIVIL_TEXT], utc[CIVIL_TEXT], offset[CIVIL_TEXT];
    zone_at(zone, moment->seconds, &type);
    civil_from_seconds(moment->seconds + type.offset, &civil);
    if (!moment_write(zone, moment, iso) ||
        !civil_write(moment->seconds, moment->milliseconds, 0, utc) ||
        civil.year < CIVIL_YEAR_MIN || civil.year > CIVIL_YEAR_MAX)
        return fail_years(task->call, pointer);
    civil_write_offset(type.offset, offset);
    int weekday = civil_weekday(civil_days(civil.year, civil.month, civil.day));
    return llmspell_return(
        task->call, ret_json,
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:i}", "iso",
                  iso, "utc", utc, "timestamp", seconds_json(moment_ms(moment)), "timezone",
                  zone_name, "offset", offset, "year", (int)civil.year, "month", civil.month, "day",
                  civil.day, "hour", civil.hour, "minute", civil.minute, "second", civil.second,
                  "millisecond", moment->milliseconds, "weekday",
                  task->names->weekdays[weekday % 7], "weekday_number", weekday));
}
