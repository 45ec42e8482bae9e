/* SPDX-License-Identifier: Apache-2.0
 * Dates in a format, and RFC 3339. Own code, since strptime takes days that no month has and names
 * of the locale. */
#include "validation.h"

#include <strings.h>

struct parts {
    int year, month, day, day_of_year, weekday; /* weekday: 0 = Sunday; -1: not given */
    int hour, minute, second, half;             /* half: 0 am, 1 pm, -1 not given */
    int zone;                                   /* minutes east */
};

struct cursor {
    const char *at, *end;
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

/* Exactly so many digits, between two bounds. */
static bool take_number(struct cursor *cursor, int digits, int low, int high, int *ret)
{
    int value = 0;
    if (cursor->end - cursor->at < digits)
        return false;
    for (int i = 0; i < digits; i++, cursor->at++) {
        if (*cursor->at < '0' || *cursor->at > '9')
            return false;
        value = value * 10 + (*cursor->at - '0');
    }
    *ret = value;
    return value >= low && value <= high;
}

static bool take_char(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* A name, or its first letters. */
static bool take_name(struct cursor *cursor, const char *const *names, int count, size_t letters,
                      int *ret)
{
    for (int i = 0; i < count; i++) {
        size_t size = letters ? letters : strlen(names[i]);
        if ((size_t)(cursor->end - cursor->at) < size ||
            strncasecmp(cursor->at, names[i], size) != 0)
            continue;
        cursor->at += size;
        *ret = i;
        return true;
    }
    return false;
}

static bool take_half(struct cursor *cursor, int *ret)
{
    static const char *const halves[] = {"AM", "PM"};
    return take_name(cursor, halves, 2, 0, ret);
}

/* Z, +hh:mm, +hhmm */
static bool take_zone(struct cursor *cursor, bool colon_needed, int *ret)
{
    int hours = 0, minutes = 0;
    if (take_char(cursor, 'Z') || take_char(cursor, 'z'))
        return true;
    bool minus = cursor->at < cursor->end && *cursor->at == '-';
    if (!minus && !(cursor->at < cursor->end && *cursor->at == '+'))
        return false;
    cursor->at++;
    if (!take_number(cursor, 2, 0, 23, &hours))
        return false;
    if (!take_char(cursor, ':') && colon_needed)
        return false;
    *ret = hours * 60;
    if (!take_number(cursor, 2, 0, 59, &minutes))
        return false;
    *ret = (hours * 60 + minutes) * (minus ? -1 : 1);
    return true;
}

static bool take_fraction(struct cursor *cursor, int most)
{
    int count = 0;
    while (count < most && cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9') {
        cursor->at++;
        count++;
    }
    return count > 0;
}

static bool take_format(struct cursor *cursor, const char *format, struct parts *parts);

static bool take_padded_day(struct cursor *cursor, struct parts *parts)
{
    bool one = take_char(cursor, ' ');
    return take_number(cursor, one ? 1 : 2, 1, 31, &parts->day);
}

static bool take_short_year(struct cursor *cursor, struct parts *parts)
{
    if (!take_number(cursor, 2, 0, 99, &parts->year))
        return false;
    parts->year += parts->year < 69 ? 2000 : 1900;
    return true;
}

static bool take_month_name(struct cursor *cursor, size_t letters, struct parts *parts)
{
    bool found = take_name(cursor, month_names, 12, letters, &parts->month);
    parts->month += found;
    return found;
}

static bool take_directive(struct cursor *cursor, char directive, struct parts *parts)
{
    switch (directive) {
    case 'Y':
        return take_number(cursor, 4, 0, 9999, &parts->year);
    case 'y':
        return take_short_year(cursor, parts);
    case 'm':
        return take_number(cursor, 2, 1, 12, &parts->month);
    case 'd':
        return take_number(cursor, 2, 1, 31, &parts->day);
    case 'e':
        return take_padded_day(cursor, parts);
    case 'j':
        return take_number(cursor, 3, 1, 366, &parts->day_of_year);
    case 'b':
    case 'B':
        return take_month_name(cursor, directive == 'b' ? 3 : 0, parts);
    case 'a':
    case 'A':
        return take_name(cursor, day_names, 7, directive == 'a' ? 3 : 0, &parts->weekday);
    case 'H':
        return take_number(cursor, 2, 0, 23, &parts->hour);
    case 'I':
        return take_number(cursor, 2, 1, 12, &parts->hour);
    case 'M':
        return take_number(cursor, 2, 0, 59, &parts->minute);
    case 'S':
        return take_number(cursor, 2, 0, 60, &parts->second);
    case 'f':
        return take_fraction(cursor, 9);
    case 'p':
        return take_half(cursor, &parts->half);
    case 'z':
        return take_zone(cursor, false, &parts->zone);
    case 'F':
        return take_format(cursor, "%Y-%m-%d", parts);
    case 'T':
        return take_format(cursor, "%H:%M:%S", parts);
    case 'R':
        return take_format(cursor, "%H:%M", parts);
    case 'D':
        return take_format(cursor, "%m/%d/%y", parts);
    default:
        return directive == '%' && take_char(cursor, '%');
    }
}

char date_unknown(const char *format)
{
    for (const char *at = format; (at = strchr(at, '%')); at += 2) {
        if (!at[1])
            return ' ';
        if (!strchr("YymdejbBaAHIMSfpzFTRD%", at[1]))
            return (unsigned char)at[1] < 0x80 ? at[1] : '?';
    }
    return '\0';
}

static bool take_format(struct cursor *cursor, const char *format, struct parts *parts)
{
    for (; *format; format++) {
        bool taken =
            *format == '%' ? take_directive(cursor, *++format, parts) : take_char(cursor, *format);
        if (!taken)
            return false;
    }
    return true;
}

/* ---- the calendar ---- */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Sakamoto's method; 0 = Sunday. */
static int weekday_of(int year, int month, int day)
{
    static const int shifts[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    year -= month < 3;
    return ((year + year / 4 - year / 100 + year / 400 + shifts[month - 1] + day) % 7 + 7) % 7;
}

static bool is_of_calendar(const struct parts *parts)
{
    int year = parts->year < 0 ? 2000 : parts->year; /* without a year, 29 February may be */
    int month = parts->month, day = parts->day;
    if (parts->day_of_year == 366 && !is_leap(year))
        return false;
    if (month > 0 && day > days_in(year, month))
        return false;
    if (parts->weekday >= 0 && parts->year >= 0 && month > 0 && day > 0)
        return weekday_of(year, month, day) == parts->weekday;
    return true;
}

#define NO_PARTS                                                                                   \
    {                                                                                              \
        .year = -1, .weekday = -1, .half = -1                                                      \
    }

bool is_date(const char *format, const char *text, size_t size)
{
    struct cursor cursor = {text, text + size};
    struct parts parts = NO_PARTS;
    return take_format(&cursor, format, &parts) && cursor.at == cursor.end &&
           is_of_calendar(&parts);
}

/* A leap second is one only at the end of a day of UTC. */
static bool is_leap_second_possible(const struct parts *parts)
{
    int minutes = parts->hour * 60 + parts->minute - parts->zone;
    return parts->second < 60 || (minutes % 1440 + 1440) % 1440 == 1439;
}

bool is_datetime(const char *text, size_t size)
{
    struct cursor cursor = {text, text + size};
    struct parts parts = NO_PARTS;
    if (!take_format(&cursor, "%Y-%m-%d", &parts) ||
        !(take_char(&cursor, 'T') || take_char(&cursor, 't')) ||
        !take_format(&cursor, "%H:%M:%S", &parts))
        return false;
    if (take_char(&cursor, '.') && !take_fraction(&cursor, 1000000))
        return false;
    return take_zone(&cursor, true, &parts.zone) && cursor.at == cursor.end &&
           is_of_calendar(&parts) && is_leap_second_possible(&parts);
}
