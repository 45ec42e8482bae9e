/* SPDX-License-Identifier: Apache-2.0
 * Moments as callers write them: RFC 3339, or a day. */
#include <ctype.h>
#include <time.h>

#include "file_search.h"

/* Reads `digits` digits into *ret and steps over them. */
static bool read_number(const char **text, int digits, int *ret)
{
    *ret = 0;
    for (int i = 0; i < digits; i++, ++*text) {
        if (!isdigit((unsigned char)**text))
            return false;
        *ret = *ret * 10 + (**text - '0');
    }
    return true;
}

static bool read_character(const char **text, const char *choice)
{
    if (!**text || !strchr(choice, **text))
        return false;
    ++*text;
    return true;
}

static bool read_day(const char **text, struct tm *tm)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (!read_number(text, 4, &tm->tm_year) || !read_character(text, "-") ||
        !read_number(text, 2, &tm->tm_mon) || !read_character(text, "-") ||
        !read_number(text, 2, &tm->tm_mday))
        return false;
    bool leap = (tm->tm_year % 4 == 0 && tm->tm_year % 100 != 0) || tm->tm_year % 400 == 0;
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 ||
        tm->tm_mday > days[tm->tm_mon - 1] || (tm->tm_mon == 2 && tm->tm_mday == 29 && !leap))
        return false;
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

/* Digits behind the point; those below the nanosecond do not count. */
static bool read_fraction(const char **text, long *ret_ns)
{
    long unit = 100000000;
    if (!isdigit((unsigned char)**text))
        return false;
    for (; isdigit((unsigned char)**text); ++*text, unit /= 10)
        *ret_ns += (**text - '0') * unit;
    return true;
}

static bool read_zone(const char **text, long *ret_seconds)
{
    int hours, minutes;
    if (read_character(text, "Zz"))
        return true;
    long sign = **text == '-' ? -1 : 1;
    if (!read_character(text, "+-") || !read_number(text, 2, &hours) ||
        !read_character(text, ":") || !read_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = sign * (hours * 3600L + minutes * 60L);
    return true;
}

bool time_parse(const char *text, struct timespec *ret_time)
{
    struct tm tm = {0};
    long ns = 0, zone = 0;
    if (!read_day(&text, &tm))
        return false;
    if (*text) {
        if (!read_character(&text, "Tt ") || !read_number(&text, 2, &tm.tm_hour) ||
            !read_character(&text, ":") || !read_number(&text, 2, &tm.tm_min) ||
            !read_character(&text, ":") || !read_number(&text, 2, &tm.tm_sec) || tm.tm_hour > 23 ||
            tm.tm_min > 59 || tm.tm_sec > 60)
            return false;
        if (*text == '.' && (text++, !read_fraction(&text, &ns)))
            return false;
        if (!read_zone(&text, &zone) || *text)
            return false;
    }
    *ret_time = (struct timespec){timegm(&tm) - zone, ns};
    return true;
}
