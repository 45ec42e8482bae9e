/* SPDX-License-Identifier: Apache-2.0
 * Reads recurrence rules: FREQ=MONTHLY;BYDAY=-1FR. What RFC 5545 forbids is refused. */
#include <strings.h>

#include "rule.h"

#define NUMBER_MAX 1000000000
#define VALUE_MAX 400 /* bytes of one part */

static const char *const FREQUENCIES[] = {"YEARLY", "MONTHLY",  "WEEKLY",  "DAILY",
                                          "HOURLY", "MINUTELY", "SECONDLY"};
static const char WEEKDAYS[] = "MOTUWETHFRSASU";

/* One part of a rule, as it is read. */
struct part {
    const char *at; /* NUL-terminated value */
    const char *reason;
};

static bool fail(struct part *part, const char *reason)
{
    part->reason = reason;
    return false;
}

static bool read_char(struct part *part, char c)
{
    if (*part->at != c)
        return false;
    part->at++;
    return true;
}

/* Digits up to max, from min on. */
static bool read_number(struct part *part, int64_t min, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;
    if (*part->at < '0' || *part->at > '9')
        return fail(part, "it needs a number");
    for (; *part->at >= '0' && *part->at <= '9'; part->at++)
        if (number <= max)
            number = number * 10 + (*part->at - '0');
    if (number < min || number > max)
        return fail(part, "its number is out of range");
    *ret_number = number;
    return true;
}

static bool read_frequency(struct part *part, struct rule *rule)
{
    for (size_t i = 0; i < sizeof FREQUENCIES / sizeof FREQUENCIES[0]; i++) {
        if (strcasecmp(part->at, FREQUENCIES[i]) != 0)
            continue;
        rule->frequency = (enum frequency)i;
        part->at += strlen(part->at);
        return true;
    }
    return fail(part, "it is YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY or SECONDLY");
}

static bool read_interval(struct part *part, struct rule *rule)
{
    return read_number(part, 1, NUMBER_MAX, &rule->interval);
}

static bool read_count(struct part *part, struct rule *rule)
{
    return read_number(part, 1, NUMBER_MAX, &rule->count);
}

/* 20250131, 20250131T093000 (local) or 20250131T093000Z */
static bool read_until(struct part *part, struct rule *rule)
{
    struct reading reading;
    size_t length = strlen(part->at);
    const char *reason = iso_read(part->at, length, &reading);
    if (reason)
        return fail(part, "it is a time such as 20250131T093000Z");
    rule->has_until = true;
    rule->until_utc = reading.time.has_offset;
    rule->until = reading.time.seconds;
    part->at += length;
    return true;
}

/* 1 … 7 from Monday; 0: it is none. */
static int read_weekday(struct part *part)
{
    for (int i = 0; i < 7 && *part->at; i++) {
        if (strncasecmp(part->at, WEEKDAYS + 2 * i, 2) != 0)
            continue;
        part->at += 2;
        return i + 1;
    }
    fail(part, "its weekdays are MO, TU, WE, TH, FR, SA and SU");
    return 0;
}

static bool read_week_start(struct part *part, struct rule *rule)
{
    rule->week_start = read_weekday(part);
    return rule->week_start > 0;
}

static bool read_days(struct part *part, struct rule *rule)
{
    do {
        int64_t number = 0;
        bool negative = *part->at == '-',
             numbered = *part->at != '\0' && strchr("+-0123456789", *part->at);
        part->at += *part->at == '-' || *part->at == '+';
        if (numbered && !read_number(part, 1, 53, &number))
            return false;
        struct by_day day = {(int8_t)read_weekday(part), (int16_t)(negative ? -number : number)};
        if (day.weekday == 0)
            return false;
        if (rule->day_count == LIST_MAX)
            return fail(part, "it has too many values");
        rule->days[rule->day_count++] = day;
        rule->numbered = rule->numbered || numbered;
    } while (read_char(part, ','));
    return true;
}

static bool read_list(struct part *part, int max, struct list *list)
{
    do {
        int64_t number;
        bool negative = *part->at == '-';
        part->at += *part->at == '-' || *part->at == '+';
        if (!read_number(part, 1, max, &number))
            return false;
        if (list->count == LIST_MAX)
            return fail(part, "it has too many values");
        list->items[list->count++] = (int16_t)(negative ? -number : number);
    } while (read_char(part, ','));
    return true;
}

static bool read_bits(struct part *part, int min, int max, uint64_t *bits)
{
    do {
        int64_t number;
        if (!read_number(part, min, max, &number))
            return false;
        *bits |= 1ull << number;
    } while (read_char(part, ','));
    return true;
}

static bool read_months(struct part *part, struct rule *rule)
{
    return read_bits(part, 1, 12, &rule->months);
}

static bool read_hours(struct part *part, struct rule *rule)
{
    return read_bits(part, 0, 23, &rule->hours);
}

static bool read_minutes(struct part *part, struct rule *rule)
{
    return read_bits(part, 0, 59, &rule->minutes);
}

/* 60 is a leap second, which never comes here. */
static bool read_seconds(struct part *part, struct rule *rule)
{
    return read_bits(part, 0, 60, &rule->seconds);
}

static bool read_month_days(struct part *part, struct rule *rule)
{
    return read_list(part, 31, &rule->month_days);
}

static bool read_year_days(struct part *part, struct rule *rule)
{
    return read_list(part, 366, &rule->year_days);
}

static bool read_weeks(struct part *part, struct rule *rule)
{
    return read_list(part, 53, &rule->weeks);
}

static bool read_positions(struct part *part, struct rule *rule)
{
    return read_list(part, 366, &rule->positions);
}

static const struct {
    const char *name;
    bool (*read)(struct part *part, struct rule *rule);
} PARTS[] = {
    {"FREQ", read_frequency},   {"INTERVAL", read_interval},     {"COUNT", read_count},
    {"UNTIL", read_until},      {"WKST", read_week_start},       {"BYMONTH", read_months},
    {"BYDAY", read_days},       {"BYMONTHDAY", read_month_days}, {"BYYEARDAY", read_year_days},
    {"BYWEEKNO", read_weeks},   {"BYHOUR", read_hours},          {"BYMINUTE", read_minutes},
    {"BYSECOND", read_seconds}, {"BYSETPOS", read_positions},
};
#define PART_COUNT (sizeof PARTS / sizeof PARTS[0])

/* Reads NAME=VALUE; seen has a bit for each part that was there. */
static bool read_part(const char *text, struct rule *rule, unsigned *seen,
                      char ret_reason[RULE_REASON])
{
    size_t name = strcspn(text, "=");
    for (size_t i = 0; i < PART_COUNT && text[name]; i++) {
        if (strlen(PARTS[i].name) != name || strncasecmp(PARTS[i].name, text, name) != 0)
            continue;
        struct part part = {text + name + 1, NULL};
        if (*seen & 1u << i)
            part.reason = "it is there twice";
        else if (PARTS[i].read(&part, rule) && *part.at)
            part.reason = "something follows its value";
        *seen |= 1u << i;
        if (part.reason)
            snprintf(ret_reason, RULE_REASON, "%s: %s", PARTS[i].name, part.reason);
        return !part.reason;
    }
    size_t shown = strnlen(text, 40);
    while (shown > 0 && shown == 40 && ((unsigned char)text[shown] & 0xC0) == 0x80)
        shown--;
    snprintf(ret_reason, RULE_REASON, "\"%.*s\" is no part of a rule, such as FREQ=DAILY",
             (int)shown, text);
    return false;
}

/* What RFC 5545 says MUST NOT be. */
static const char *forbidden(const struct rule *rule, unsigned seen)
{
    enum frequency f = rule->frequency;
    if (!(seen & 1u))
        return "it lacks FREQ";
    if (rule->count && rule->has_until)
        return "it has COUNT and UNTIL; one of them must go";
    if (rule->numbered && f != FREQ_YEARLY && f != FREQ_MONTHLY)
        return "BYDAY has numbers, which only YEARLY and MONTHLY know";
    if (rule->numbered && rule->weeks.count)
        return "BYDAY has numbers, which do not go with BYWEEKNO";
    if (rule->weeks.count && f != FREQ_YEARLY)
        return "BYWEEKNO goes with YEARLY only";
    if (rule->year_days.count && (f == FREQ_MONTHLY || f == FREQ_WEEKLY || f == FREQ_DAILY))
        return "BYYEARDAY does not go with MONTHLY, WEEKLY and DAILY";
    if (rule->month_days.count && f == FREQ_WEEKLY)
        return "BYMONTHDAY does not go with WEEKLY";
    bool other = rule->months || rule->hours || rule->minutes || rule->seconds || rule->day_count ||
                 rule->month_days.count || rule->year_days.count || rule->weeks.count;
    return rule->positions.count && !other ? "BYSETPOS needs another BY part" : NULL;
}

bool rule_parse(const char *text, size_t length, struct rule *ret_rule,
                char ret_reason[RULE_REASON])
{
    unsigned seen = 0;
    const char *end = text + length;
    memset(ret_rule, 0, sizeof *ret_rule);
    ret_rule->interval = 1;
    ret_rule->week_start = 1;
    if (strncasecmp(text, "RRULE:", 6) == 0)
        text += 6;
    for (;;) {
        char part[VALUE_MAX];
        const char *semicolon = memchr(text, ';', (size_t)(end - text));
        size_t size = (size_t)((semicolon ? semicolon : end) - text);
        if (size >= sizeof part) {
            snprintf(ret_reason, RULE_REASON, "one of its parts is too long");
            return false;
        }
        memcpy(part, text, size);
        part[size] = '\0';
        if (!read_part(part, ret_rule, &seen, ret_reason))
            return false;
        if (!semicolon)
            break;
        text = semicolon + 1;
    }
    const char *reason = forbidden(ret_rule, seen);
    if (reason)
        snprintf(ret_reason, RULE_REASON, "%s", reason);
    return !reason;
}

void rule_complete(struct rule *rule, int64_t start)
{
    struct civil civil;
    civil_from_seconds(start, &civil);
    bool dated = rule->month_days.count || rule->year_days.count || rule->day_count;
    int weekday = civil_weekday(floor_div(start, CIVIL_DAY));
    if (!dated && (rule->weeks.count || rule->frequency == FREQ_WEEKLY))
        rule->days[rule->day_count++] = (struct by_day){(int8_t)weekday, 0};
    else if (!dated && rule->frequency <= FREQ_MONTHLY)
        rule->month_days.items[rule->month_days.count++] = (int16_t)civil.day;
    if (!dated && !rule->weeks.count && !rule->months && rule->frequency == FREQ_YEARLY)
        rule->months = 1ull << civil.month;
    if (!rule->hours && rule->frequency < FREQ_HOURLY)
        rule->hours = 1ull << civil.hour;
    if (!rule->minutes && rule->frequency < FREQ_MINUTELY)
        rule->minutes = 1ull << civil.minute;
    if (!rule->seconds && rule->frequency < FREQ_SECONDLY)
        rule->seconds = 1ull << civil.second;
    rule->hours = rule->hours ? rule->hours : ~0ull;
    rule->minutes = rule->minutes ? rule->minutes : ~0ull;
    rule->seconds = rule->seconds ? rule->seconds : ~0ull;
    rule->months = rule->months ? rule->months : ~0ull;
}
