/* SPDX-License-Identifier: Apache-2.0
 * The rules of zone_rule.h. */
#include "zone_rule.h"

#include <string.h>

#define HOURS_MAX 167
#define CHANGES 6 /* of three years */

struct change {
    int64_t seconds;
    const struct zone_type *after;
};

/* ---- reading ---- */

/* Letters, or anything between < and >. */
static bool read_name(const char **at, char ret_name[ZONE_ABBREVIATION])
{
    bool quoted = **at == '<';
    const char *from = *at + quoted, *end = from;
    while (quoted ? *end && *end != '>' : (*end | 0x20) >= 'a' && (*end | 0x20) <= 'z')
        end++;
    size_t length = (size_t)(end - from);
    if (length < 3 || length >= ZONE_ABBREVIATION || (quoted && !*end))
        return false;
    memcpy(ret_name, from, length);
    ret_name[length] = '\0';
    *at = end + quoted;
    return true;
}

static bool read_number(const char **at, int max, int *ret_number)
{
    int number = 0;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        number = number * 10 + (**at - '0');
        if (number > max)
            return false;
    }
    *ret_number = number;
    return true;
}

/* [+-]h[:mm[:ss]] */
static bool read_time(const char **at, int32_t *ret_seconds)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = **at == '-';
    if (**at == '+' || **at == '-')
        (*at)++;
    if (!read_number(at, HOURS_MAX, &hours))
        return false;
    if (**at == ':') {
        (*at)++;
        if (!read_number(at, 59, &minutes))
            return false;
    }
    if (**at == ':') {
        (*at)++;
        if (!read_number(at, 59, &seconds))
            return false;
    }
    *ret_seconds = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool read_day(const char **at, struct rule_date *date)
{
    date->form = **at == 'M' ? RULE_MONTH : **at == 'J' ? RULE_JULIAN : RULE_DAY;
    if (date->form != RULE_DAY)
        (*at)++;
    if (date->form != RULE_MONTH)
        return read_number(at, 365, &date->day);
    if (!read_number(at, 12, &date->month) || *(*at)++ != '.' || !read_number(at, 5, &date->week) ||
        *(*at)++ != '.' || !read_number(at, 6, &date->weekday))
        return false;
    return date->month >= 1 && date->week >= 1;
}

static bool read_date(const char **at, struct rule_date *date)
{
    if (*(*at)++ != ',' || !read_day(at, date))
        return false;
    date->time = 2 * 3600;
    if (**at != '/')
        return true;
    (*at)++;
    return read_time(at, &date->time);
}

bool rule_read(const char *text, struct zone_rule *ret_rule)
{
    const char *at = text;
    int32_t west;
    memset(ret_rule, 0, sizeof *ret_rule);
    if (!read_name(&at, ret_rule->standard.abbreviation) || !read_time(&at, &west))
        return false;
    ret_rule->present = true;
    ret_rule->standard.offset = -west;
    if (!*at)
        return true;
    if (!read_name(&at, ret_rule->daylight.abbreviation))
        return false;
    ret_rule->daylight.dst = true;
    ret_rule->daylight.offset = ret_rule->standard.offset + 3600;
    if (*at != ',') {
        if (!read_time(&at, &west))
            return false;
        ret_rule->daylight.offset = -west;
    }
    ret_rule->changes = true;
    return read_date(&at, &ret_rule->start) && read_date(&at, &ret_rule->end) && !*at;
}

/* ---- using ---- */

/* The local day on which a rule applies, in days since 1970. */
static int64_t date_days(const struct rule_date *date, int64_t year)
{
    if (date->form == RULE_JULIAN)
        return civil_days(year, 1, date->day) + (civil_is_leap(year) && date->day >= 60);
    if (date->form == RULE_DAY)
        return civil_days(year, 1, 1) + date->day;
    int64_t first = civil_days(year, date->month, 1);
    int64_t day = first + floor_mod(date->weekday - civil_weekday(first), 7) + 7 * (date->week - 1);
    int64_t end = first + civil_days_in_month(year, date->month);
    return day < end ? day : day - 7; /* week 5 is the last one */
}

/* The changes of the years around an instant, in order. */
static void list_changes(const struct zone_rule *rule, int64_t seconds,
                         struct change ret_changes[CHANGES])
{
    struct civil civil;
    civil_from_seconds(seconds + rule->standard.offset, &civil);
    size_t count = 0;
    for (int64_t year = civil.year - 1; year <= civil.year + 1; year++) {
        int64_t start = date_days(&rule->start, year) * CIVIL_DAY + rule->start.time;
        int64_t end = date_days(&rule->end, year) * CIVIL_DAY + rule->end.time;
        struct change to_daylight = {start - rule->standard.offset, &rule->daylight};
        struct change to_standard = {end - rule->daylight.offset, &rule->standard};
        bool south = to_standard.seconds < to_daylight.seconds;
        ret_changes[count++] = south ? to_standard : to_daylight;
        ret_changes[count++] = south ? to_daylight : to_standard;
    }
}

void rule_at(const struct zone_rule *rule, int64_t seconds, struct zone_type *ret_type)
{
    *ret_type = rule->standard;
    if (!rule->changes)
        return;
    struct change changes[CHANGES];
    list_changes(rule, seconds, changes);
    for (size_t i = 0; i < CHANGES; i++)
        if (changes[i].seconds <= seconds)
            *ret_type = *changes[i].after;
}

int64_t rule_next(const struct zone_rule *rule, int64_t seconds)
{
    if (!rule->changes)
        return INT64_MAX;
    struct change changes[CHANGES];
    list_changes(rule, seconds, changes);
    for (size_t i = 0; i < CHANGES; i++)
        if (changes[i].seconds > seconds)
            return changes[i].seconds;
    return INT64_MAX;
}
