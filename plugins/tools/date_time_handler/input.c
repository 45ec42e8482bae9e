/* SPDX-License-Identifier: Apache-2.0
 * Reads times in all forms, one after the other: numbers, ISO 8601, RFC 2822, patterns, natural
 * English; or by a format alone. */
#include <math.h>

#include "date_time.h"

#define MILLISECONDS_FROM 1e11 /* a number from here on counts milliseconds */
#define NUMBER_MAX 1e15
#define DIGITS_MAX 18

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "-1735689600.25" in thousandths; false: it is no number. Beyond 18 digits it is a huge one. */
static bool read_thousandths(const char *text, size_t length, double *ret_thousandths)
{
    const char *at = text, *end = text + length;
    bool negative = *at == '-';
    double number = 0, unit = 100;
    at += *at == '-' || *at == '+';
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++)
        number = number * 10 + (*at - '0');
    number *= 1000;
    if (*at == '.') {
        if (!is_digit(*++at))
            return false;
        for (; is_digit(*at); at++, unit = floor(unit / 10))
            number += (*at - '0') * unit;
    }
    *ret_thousandths = negative ? -number : number;
    return at == end;
}

/* Unix seconds, or milliseconds if it is large. */
static int32_t number_moment(struct task *task, double thousandths, const char *pointer,
                             struct moment *ret_moment)
{
    if (!(fabs(thousandths) < NUMBER_MAX * 1000))
        return fail_years(task->call, pointer);
    double ms =
        fabs(thousandths) >= MILLISECONDS_FROM * 1000 ? floor(thousandths / 1000) : thousandths;
    *ret_moment = moment_from_ms(llround(ms));
    return 0;
}

/* ---- ISO 8601 ---- */

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* 2025-W05-2, 2025W052, 2025-W05 */
static const char *read_week(const char **at, int year, bool hyphen, int64_t *ret_days)
{
    int week, weekday = 1;
    int64_t of_year;
    int last;
    if (!civil_read_digits(at, 2, &week))
        return "after W comes a week of two digits";
    if (hyphen ? read_char(at, '-') : is_digit(**at))
        if (!civil_read_digits(at, 1, &weekday) || weekday < 1 || weekday > 7)
            return "the weekday is not from 1 to 7";
    civil_iso_week(civil_days(year, 12, 28), &of_year, &last);
    if (week < 1 || week > last)
        return "the year has no such week";
    *ret_days = civil_iso_week_days(year, week, weekday);
    return NULL;
}

static const char *read_ordinal(const char **at, int year, int64_t *ret_days)
{
    int day;
    if (!civil_read_digits(at, 3, &day) || day < 1 || day > 365 + civil_is_leap(year))
        return "the year has no such day";
    *ret_days = civil_days(year, 1, day);
    return NULL;
}

static size_t count_digits(const char *at)
{
    size_t count = 0;
    while (is_digit(at[count]))
        count++;
    return count;
}

/* A date in any of the forms. */
static const char *read_iso_date(const char **at, int64_t *ret_days)
{
    int year, month, day;
    if (!civil_read_digits(at, 4, &year) || year < CIVIL_YEAR_MIN)
        return "it does not begin with a year of four digits, from 0001 on";
    bool hyphen = read_char(at, '-');
    if (read_char(at, 'W') || read_char(at, 'w'))
        return read_week(at, year, hyphen, ret_days);
    size_t digits = count_digits(*at);
    if (digits == 3)
        return read_ordinal(at, year, ret_days);
    if (!civil_read_digits(at, 2, &month) || (hyphen && !read_char(at, '-')) ||
        !civil_read_digits(at, 2, &day))
        return "no month and day of two digits each follow the year";
    *ret_days = civil_days(year, month, day);
    return civil_check_date(year, month, day);
}

/* YYYY-MM-DDTHH:MM:SS with an offset; that it is a time has been checked. */
static bool is_rfc3339(const char *text, size_t length, const struct civil_time *time)
{
    const char *end = text + length;
    return length >= 20 && time->has_offset && text[4] == '-' && text[7] == '-' &&
           text[13] == ':' && text[16] == ':' && text[19] != ',' &&
           (end[-1] == 'Z' || end[-1] == 'z' || end[-3] == ':') && text[5] != 'W';
}

const char *iso_read(const char *text, size_t length, struct reading *ret_reading)
{
    const char *at = text;
    int64_t days;
    memset(ret_reading, 0, sizeof *ret_reading);
    struct civil_time *time = &ret_reading->time;
    const char *reason = read_iso_date(&at, &days);
    if (reason)
        return reason;
    time->seconds = days * CIVIL_DAY;
    if (read_char(&at, 'T') || read_char(&at, 't') || read_char(&at, ' '))
        reason = civil_read_clock(&at, time);
    if (!reason && at != text + length)
        reason = "something follows the time";
    snprintf(ret_reading->used, USED_MAX, "%s",
             !reason && is_rfc3339(text, length, time) ? "rfc3339" : "iso8601");
    return reason;
}

/* ---- all forms ---- */

static struct moment place(const struct task *task, const struct reading *reading)
{
    if (reading->time.has_offset)
        return (struct moment){reading->time.seconds, reading->time.milliseconds};
    return moment_resolve(task, reading->time.seconds, reading->time.milliseconds);
}

static int32_t fail_read(struct task *task, const char *pointer, const char *text,
                         const char *reason)
{
    return llmspell_fail_at(task->call, LLMSPELL_EPARSE, pointer, "%s cannot be read as a time: %s",
                            text, reason);
}

/* ISO 8601, RFC 2822 or a pattern. NULL, or the reason of the form that comes nearest. */
static const char *read_forms(const char *text, size_t length, struct reading *ret_reading)
{
    const char *iso = iso_read(text, length, ret_reading), *reason = NULL;
    if (!iso)
        return NULL;
    if (rfc2822_read(text, ret_reading, &reason) || pattern_read(text, ret_reading, &reason))
        return reason;
    return count_digits(text) >= 4 ? iso : "none of the forms fits; give its format";
}

static int32_t read_by_format(struct task *task, const char *key, const char *pointer,
                              struct reading *ret_reading)
{
    char directive[8] = "";
    const char *format = llmspell_string(task->params, "format");
    const char *text = llmspell_string(task->params, key);
    const char *reason =
        strp_read(format, text, llmspell_string_length(task->params, key), ret_reading, directive);
    if (directive[0])
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/format", "%s %s", directive, reason);
    if (reason)
        return llmspell_fail_at(task->call, LLMSPELL_EPARSE, pointer, "%s does not fit %s: %s",
                                text, format, reason);
    snprintf(ret_reading->used, USED_MAX, "%s", format);
    return 0;
}

/* The instant that natural forms start from. */
static int32_t read_base(struct task *task, struct moment *ret_base)
{
    struct reading reading;
    const char *text = llmspell_string(task->params, "base");
    *ret_base = moment_now(task);
    if (!text)
        return 0;
    double thousandths;
    size_t length = llmspell_string_length(task->params, "base");
    if (read_thousandths(text, length, &thousandths))
        return number_moment(task, thousandths, "/base", ret_base);
    const char *reason = read_forms(text, length, &reading);
    if (reason)
        return fail_read(task, "/base", text, reason);
    *ret_base = place(task, &reading);
    return 0;
}

static int32_t read_text(struct task *task, const char *key, const char *pointer,
                         struct moment *ret_moment, char used[USED_MAX])
{
    double thousandths;
    struct reading reading;
    struct moment base;
    const char *text = llmspell_string(task->params, key);
    size_t length = llmspell_string_length(task->params, key);
    bool own = json_object_get(task->params, "format") &&
               !llmspell_is(task->params, "operation", "format");
    if (!own && read_thousandths(text, length, &thousandths)) {
        snprintf(used, USED_MAX, "unix");
        return number_moment(task, thousandths, pointer, ret_moment);
    }
    const char *reason = NULL;
    int32_t rc = own ? read_by_format(task, key, pointer, &reading) : 0;
    if (rc == 0 && !own)
        reason = read_forms(text, length, &reading);
    if (rc == 0 && reason) {
        rc = read_base(task, &base);
        snprintf(used, USED_MAX, "natural");
        if (rc == 0 && !natural_read(task, text, &base, ret_moment))
            rc = fail_read(task, pointer, text, reason);
        return rc;
    }
    if (rc < 0)
        return rc;
    *ret_moment = place(task, &reading);
    memcpy(used, reading.used, USED_MAX);
    return 0;
}

int32_t input_read(struct task *task, const char *key, struct moment *ret_moment,
                   char used[USED_MAX])
{
    char pointer[32], unused[USED_MAX];
    const json_t *value = json_object_get(task->params, key);
    snprintf(pointer, sizeof pointer, "/%s", key);
    int32_t rc;
    if (json_is_number(value)) {
        snprintf(used ? used : unused, USED_MAX, "unix");
        rc = number_moment(task, json_number_value(value) * 1000, pointer, ret_moment);
    } else {
        rc = read_text(task, key, pointer, ret_moment, used ? used : unused);
    }
    char text[CIVIL_TEXT];
    if (rc == 0 && (!moment_write(task->zone, ret_moment, text) ||
                    !civil_write(ret_moment->seconds, 0, 0, text)))
        return fail_years(task->call, pointer);
    return rc;
}
