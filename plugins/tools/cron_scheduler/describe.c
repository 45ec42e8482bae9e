/* SPDX-License-Identifier: Apache-2.0
 * Puts expressions into words: the time, then the days, then the months. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cron.h"

static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const WEEKDAYS[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const ORDINALS[] = {"first", "second", "third", "fourth", "fifth"};

/* A text of DESCRIPTION_MAX bytes that grows; 200 characters of an expression cannot fill it. */
struct text {
    char *data;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list args;
    size_t room = DESCRIPTION_MAX - text->used;
    va_start(args, format);
    int n = vsnprintf(text->data + text->used, room, format, args);
    va_end(args);
    if (n > 0)
        text->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* What stands before item i of n: "", ", " or " and ". */
static const char *joint(size_t i, size_t n)
{
    return i == 0 ? "" : i + 1 < n ? ", " : " and ";
}

static bool is_every(const struct field *field)
{
    return field->count == 1 && field->items[0].kind == ITEM_ALL && field->items[0].step == 1;
}

static bool is_zero(const struct field *field)
{
    return field->count == 1 && field->items[0].kind == ITEM_VALUE && field->items[0].from == 0;
}

/* Values only, such as 9,17. */
static bool is_values(const struct field *field)
{
    for (size_t i = 0; i < field->count; i++)
        if (field->items[i].kind != ITEM_VALUE)
            return false;
    return true;
}

static void add_value(struct text *text, enum field_id id, int value)
{
    if (id == FIELD_MONTH)
        add(text, "%s", MONTHS[value - 1]);
    else if (id == FIELD_WEEKDAY)
        add(text, "%s", WEEKDAYS[value % 7]);
    else
        add(text, "%d", value);
}

/* Names stand for themselves, numbers need their noun: Monday, but minute 5. */
static bool has_names(enum field_id id)
{
    return id == FIELD_MONTH || id == FIELD_WEEKDAY;
}

static void add_every(struct text *text, enum field_id id, int step)
{
    const char *noun = id == FIELD_WEEKDAY ? "day" : field_name(id);
    const char *behind = id == FIELD_WEEKDAY ? " of the week" : "";
    if (step == 1)
        add(text, "every %s%s", noun, behind);
    else
        add(text, "every %d %ss%s", step, noun, behind);
}

/* Counted are times of the day; days and months are meant one by one: day 1 through 5. */
static bool is_counted(enum field_id id, const struct item *item)
{
    return item->kind == ITEM_ALL ||
           (item->kind == ITEM_RANGE && (item->step > 1 || id <= FIELD_HOUR));
}

static void add_counted(struct text *text, enum field_id id, const struct item *item)
{
    add_every(text, id, item->step);
    if (item->kind == ITEM_ALL)
        return;
    add(text, " from ");
    add_value(text, id, item->from);
    add(text, " through ");
    add_value(text, id, item->to);
}

static void add_special(struct text *text, enum field_id id, const struct item *item)
{
    if (item->kind == ITEM_NEAREST)
        add(text, "the weekday nearest day %d", item->from);
    else if (item->kind == ITEM_NTH)
        add(text, "the %s %s", ORDINALS[item->to - 1], WEEKDAYS[item->from]);
    else if (id == FIELD_WEEKDAY)
        add(text, "the last %s", WEEKDAYS[item->from]);
    else
        add(text, "the last day");
}

static void add_item(struct text *text, enum field_id id, const struct item *item, bool noun)
{
    if (item->kind > ITEM_VALUE) {
        add_special(text, id, item);
    } else if (is_counted(id, item)) {
        add_counted(text, id, item);
    } else {
        if (noun)
            add(text, "%s ", field_name(id));
        add_value(text, id, item->from);
        if (item->kind != ITEM_RANGE)
            return;
        add(text, " through ");
        add_value(text, id, item->to);
    }
}

/* "minute 5, 10 and every 2 minutes from 20 through 40": the noun once for each run of values. */
static void add_field(struct text *text, enum field_id id, const struct field *field)
{
    bool noun = !has_names(id);
    for (size_t i = 0; i < field->count; i++) {
        const struct item *item = &field->items[i];
        bool plain = item->kind <= ITEM_VALUE && !is_counted(id, item);
        add(text, "%s", joint(i, field->count));
        add_item(text, id, item, noun);
        noun = !plain && !has_names(id);
    }
}

void cron_describe_field(const struct cron *cron, enum field_id id, char ret_text[DESCRIPTION_MAX])
{
    struct text text = {ret_text, 0};
    add_field(&text, id, &cron->fields[id]);
}

/* ---- the sentence ---- */

/* "At 09:30 and 17:30" */
static bool add_clock(struct text *text, const struct cron *cron)
{
    const struct field *second = &cron->fields[FIELD_SECOND];
    const struct field *minute = &cron->fields[FIELD_MINUTE], *hour = &cron->fields[FIELD_HOUR];
    if (!is_values(second) || !is_values(minute) || !is_values(hour) || second->count > 1 ||
        minute->count > 1)
        return false;
    for (size_t i = 0; i < hour->count; i++) {
        add(text, "%s%02d:%02d", i == 0 ? "at " : joint(i, hour->count), hour->items[i].from,
            minute->items[0].from);
        if (!is_zero(second))
            add(text, ":%02d", second->items[0].from);
    }
    return true;
}

/* "at " or nothing, so that "every 5 minutes" can begin a sentence. */
static void add_first(struct text *text, enum field_id id, const struct field *field)
{
    if (!is_counted(id, &field->items[0]))
        add(text, "at ");
    add_field(text, id, field);
}

static void add_time(struct text *text, const struct cron *cron)
{
    const struct field *second = &cron->fields[FIELD_SECOND];
    const struct field *minute = &cron->fields[FIELD_MINUTE], *hour = &cron->fields[FIELD_HOUR];
    if (add_clock(text, cron))
        return;
    bool every = true; /* what stands last is counted, so that "every hour" goes without saying */
    if (!is_zero(second)) {
        add_first(text, FIELD_SECOND, second);
        every = is_counted(FIELD_SECOND, &second->items[second->count - 1]);
    }
    if (is_zero(second)) {
        add_first(text, FIELD_MINUTE, minute);
        every = is_counted(FIELD_MINUTE, &minute->items[minute->count - 1]);
    } else if (!is_every(minute) || !every) {
        add(text, " past ");
        add_field(text, FIELD_MINUTE, minute);
        every = is_counted(FIELD_MINUTE, &minute->items[minute->count - 1]);
    }
    if (!is_every(hour) || !every) {
        add(text, " past ");
        add_field(text, FIELD_HOUR, hour);
    }
}

/* "on day 1 and the last day of the month" */
static void add_days(struct text *text, enum field_id id, const struct field *field)
{
    const struct item *last = &field->items[field->count - 1];
    add(text, "%s", is_counted(id, &field->items[0]) ? " " : " on ");
    add_field(text, id, field);
    if (id == FIELD_DAY ? !is_counted(id, last) : last->kind > ITEM_VALUE)
        add(text, " of the month");
}

void cron_describe(const struct cron *cron, char ret_text[DESCRIPTION_MAX])
{
    struct text text = {ret_text, 0};
    const struct field *day = &cron->fields[FIELD_DAY], *weekday = &cron->fields[FIELD_WEEKDAY];
    const struct field *month = &cron->fields[FIELD_MONTH];
    add_time(&text, cron);
    if (!is_every(day))
        add_days(&text, FIELD_DAY, day);
    if (!is_every(day) && !is_every(weekday))
        add(&text, day->restricted && weekday->restricted ? " or" : " and");
    if (!is_every(weekday))
        add_days(&text, FIELD_WEEKDAY, weekday);
    if (!is_every(month)) {
        add(&text, is_counted(FIELD_MONTH, &month->items[0]) ? " " : " in ");
        add_field(&text, FIELD_MONTH, month);
    }
    if (ret_text[0] >= 'a' && ret_text[0] <= 'z')
        ret_text[0] = (char)(ret_text[0] - 32);
}
