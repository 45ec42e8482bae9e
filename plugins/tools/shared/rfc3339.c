/* SPDX-License-Identifier: Apache-2.0
 * Times of civil.h as text, and back. */
#include <stdio.h>

#include "civil.h"

static int32_t whole_minutes(int32_t offset)
{
    return (int32_t)floor_div(offset + 30, 60) * 60;
}

void civil_write_offset(int32_t offset, char ret_text[CIVIL_TEXT])
{
    int32_t minutes = whole_minutes(offset) / 60;
    unsigned size = (unsigned)(minutes < 0 ? -minutes : minutes);
    snprintf(ret_text, CIVIL_TEXT, "%c%02u:%02u", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

bool civil_write(int64_t seconds, int milliseconds, int32_t offset, char ret_text[CIVIL_TEXT])
{
    struct civil civil;
    char zone[CIVIL_TEXT] = "Z", fraction[16] = "";
    int32_t shown = whole_minutes(offset);
    civil_from_seconds(seconds + shown, &civil);
    if (civil.year < CIVIL_YEAR_MIN || civil.year > CIVIL_YEAR_MAX)
        return false;
    if (shown != 0)
        civil_write_offset(shown, zone);
    if (milliseconds != 0)
        snprintf(fraction, sizeof fraction, ".%03d", milliseconds);
    snprintf(ret_text, CIVIL_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%s%.9s", (int)civil.year,
             civil.month, civil.day, civil.hour, civil.minute, civil.second, fraction, zone);
    return true;
}

bool civil_read_digits(const char **at, int count, int *ret_number)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        number = number * 10 + ((*at)[i] - '0');
    }
    *ret_number = number;
    *at += count;
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

bool civil_read_offset(const char **at, int32_t *ret_offset)
{
    const char *cursor = *at;
    int hours, minutes = 0, seconds = 0;
    bool negative = *cursor == '-';
    if (*cursor != '+' && *cursor != '-')
        return false;
    cursor++;
    if (!civil_read_digits(&cursor, 2, &hours))
        return false;
    bool colon = read_char(&cursor, ':');
    if (!civil_read_digits(&cursor, 2, &minutes) && colon)
        return false;
    if (colon && *cursor == ':') {
        cursor++;
        if (!civil_read_digits(&cursor, 2, &seconds))
            return false;
    }
    if (hours > 23 || minutes > 59 || seconds > 59)
        return false;
    *ret_offset = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
    *at = cursor;
    return true;
}

const char *civil_check_date(int64_t year, int month, int day)
{
    if (year < CIVIL_YEAR_MIN || year > CIVIL_YEAR_MAX)
        return "the year is not from 1 to 9999";
    if (month < 1 || month > 12)
        return "the month is not from 1 to 12";
    if (day < 1 || day > civil_days_in_month(year, month))
        return "the month has no such day";
    return NULL;
}

/* .123456 or ,5: cut to milliseconds. */
static const char *read_fraction(const char **at, int *ret_milliseconds)
{
    *ret_milliseconds = 0;
    if (**at != '.' && **at != ',')
        return NULL;
    (*at)++;
    if (**at < '0' || **at > '9')
        return "no digit follows the decimal point";
    for (int unit = 100; **at >= '0' && **at <= '9'; unit /= 10, (*at)++)
        *ret_milliseconds += (**at - '0') * unit;
    return NULL;
}

/* A leap second is the last of a UTC day; the second after it stands for it. */
static const char *check_clock(int hour, int minute, int second, const struct civil_time *time)
{
    if (hour == 24 && minute == 0 && second == 0 && time->milliseconds == 0)
        return NULL;
    if (hour > 23)
        return "the hour is not from 0 to 23";
    if (minute > 59)
        return "the minute is not from 0 to 59";
    if (second == 60 && time->has_offset &&
        floor_mod(hour * 3600 + minute * 60 + second - time->offset, CIVIL_DAY) == 0)
        return NULL;
    return second > 59 ? "the second is not from 0 to 59" : NULL;
}

const char *civil_read_clock(const char **at, struct civil_time *time)
{
    int hour, minute = 0, second = 0;
    time->milliseconds = 0;
    if (!civil_read_digits(at, 2, &hour))
        return "the hour has not two digits";
    bool colon = read_char(at, ':');
    if (!civil_read_digits(at, 2, &minute))
        return "the minute has not two digits";
    if (colon ? read_char(at, ':') : **at >= '0' && **at <= '9') {
        if (!civil_read_digits(at, 2, &second))
            return "the second has not two digits";
        const char *reason = read_fraction(at, &time->milliseconds);
        if (reason)
            return reason;
    }
    time->has_offset = true;
    time->offset = 0;
    if (!read_char(at, 'Z') && !read_char(at, 'z') && !civil_read_offset(at, &time->offset))
        time->has_offset = false;
    time->seconds += hour * 3600 + minute * 60 + second - time->offset;
    return check_clock(hour, minute, second, time);
}

const char *civil_read(const char *text, size_t length, struct civil_time *ret_time)
{
    const char *at = text;
    int year, month, day;
    *ret_time = (struct civil_time){0};
    if (!civil_read_digits(&at, 4, &year) || !read_char(&at, '-') ||
        !civil_read_digits(&at, 2, &month) || !read_char(&at, '-') ||
        !civil_read_digits(&at, 2, &day))
        return "it does not begin with YYYY-MM-DD";
    const char *reason = civil_check_date(year, month, day);
    if (reason)
        return reason;
    ret_time->seconds = civil_days(year, month, day) * CIVIL_DAY;
    if (read_char(&at, 'T') || read_char(&at, 't') || read_char(&at, ' '))
        reason = civil_read_clock(&at, ret_time);
    if (!reason && at != text + length)
        reason = "something follows the time";
    return reason;
}
