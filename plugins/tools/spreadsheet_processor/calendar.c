/* SPDX-License-Identifier: Apache-2.0
 * Serial numbers of days and texts. Day 1 is 1900-01-01, and there is a 1900-02-29 that never was
 * (day 60); or day 0 is 1904-01-01. */
#include <math.h>

#include "sheet.h"

#define DAY_MS 86400000LL
#define EPOCH_1900 25569 /* 1970-01-01 */
#define EPOCH_1904 24107
#define LAST_DAY 2958465 /* 9999-12-31 */

/* Days since 1970-01-01 as a date of the Gregorian calendar. */
static void civil(long long days, int *year, int *month, int *day)
{
    long long z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    long long doe = z - era * 146097;
    long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    long long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static long long days_of(int year, int month, int day)
{
    long long y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    long long doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static size_t put_time(long long ms, char *text, size_t size)
{
    int second = (int)(ms / 1000), rest = (int)(ms % 1000);
    int used = snprintf(text, size, "%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
    if (rest)
        used += snprintf(text + used, size - (size_t)used, ".%03d", rest);
    return (size_t)used;
}

bool time_text(double serial, char text[32])
{
    long long ms = llround((serial - floor(serial)) * (double)DAY_MS);
    if (serial < 0 || serial >= 1 || ms >= DAY_MS)
        return false;
    put_time(ms, text, 32);
    return true;
}

bool date_text(double serial, bool since_1904, bool with_time, char text[32])
{
    int year = 1900, month = 2, day = 29;
    if (!(serial >= (since_1904 ? 0 : 1)) || serial > LAST_DAY + 1)
        return false;
    long long days = (long long)floor(serial);
    long long ms = llround((serial - floor(serial)) * (double)DAY_MS);
    if (ms >= DAY_MS) {
        days++;
        ms = 0;
    }
    if (since_1904)
        civil(days - EPOCH_1904, &year, &month, &day);
    else if (days != 60)
        civil(days - EPOCH_1900 + (days < 60), &year, &month, &day);
    if (year > 9999)
        return false;
    int used = snprintf(text, 32, "%04d-%02d-%02d", year, month, day);
    if (with_time || ms) {
        text[used++] = 'T';
        put_time(ms, text + used, 32 - (size_t)used);
    }
    return true;
}

/* Exactly n digits; moves behind them. */
static bool digits(const char **text, int n, int *ret_value)
{
    *ret_value = 0;
    for (; n > 0; n--, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *ret_value = *ret_value * 10 + **text - '0';
    }
    return true;
}

static bool read_time(const char *text, double *ret_fraction)
{
    int hour = 0, minute = 0, second = 0, ms = 0;
    if (!digits(&text, 2, &hour) || *text++ != ':' || !digits(&text, 2, &minute) ||
        *text++ != ':' || !digits(&text, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    if (*text == '.') {
        text++;
        if (!digits(&text, 3, &ms))
            return false;
    }
    *ret_fraction = (((hour * 60 + minute) * 60 + second) * 1000.0 + ms) / (double)DAY_MS;
    return !*text;
}

bool date_serial(const char *text, double *ret_serial)
{
    int year = 0, month = 0, day = 0, back_year, back_month, back_day;
    double fraction = 0;
    if (!digits(&text, 4, &year) || *text++ != '-' || !digits(&text, 2, &month) || *text++ != '-' ||
        !digits(&text, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    long long days = days_of(year, month, day);
    civil(days, &back_year, &back_month, &back_day); /* 2023-02-30 comes back as another day */
    if (back_day != day || back_month != month || year < 1900)
        return false;
    if (*text && (*text++ != 'T' || !read_time(text, &fraction)))
        return false;
    days += EPOCH_1900;
    *ret_serial = (double)(days - (days <= 60)) + fraction;
    return true;
}
