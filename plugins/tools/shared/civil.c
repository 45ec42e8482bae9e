/* SPDX-License-Identifier: Apache-2.0
 * The calendar of civil.h: days are counted in eras of 400 years that begin in March, so that the
 * leap day is the last of its year (Hinnant, chrono-compatible low-level date algorithms). */
#include "civil.h"

#define ERA_DAYS 146097
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t floor_mod(int64_t a, int64_t b)
{
    return a - floor_div(a, b) * b;
}

bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && civil_is_leap(year));
}

int64_t civil_days(int64_t year, int64_t month, int64_t day)
{
    year += floor_div(month - 1, 12);
    month = floor_mod(month - 1, 12) + 1;
    year -= month <= 2;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

int64_t civil_seconds(const struct civil *civil)
{
    return civil_days(civil->year, civil->month, civil->day) * CIVIL_DAY + civil->hour * 3600 +
           civil->minute * 60 + civil->second;
}

void civil_from_seconds(int64_t seconds, struct civil *ret_civil)
{
    int64_t days = floor_div(seconds, CIVIL_DAY) + EPOCH_DAYS;
    int rest = (int)floor_mod(seconds, CIVIL_DAY);
    int64_t era = floor_div(days, ERA_DAYS), of_era = days - era * ERA_DAYS;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100);
    int64_t month = (5 * of_year + 2) / 153;
    ret_civil->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    ret_civil->month = (int)(month < 10 ? month + 3 : month - 9);
    ret_civil->year = years + era * 400 + (ret_civil->month <= 2);
    ret_civil->hour = rest / 3600;
    ret_civil->minute = rest / 60 % 60;
    ret_civil->second = rest % 60;
}

int civil_weekday(int64_t days)
{
    return (int)floor_mod(days + 3, 7) + 1; /* 1970-01-01 was a Thursday */
}

int civil_day_of_year(const struct civil *civil)
{
    return (int)(civil_days(civil->year, civil->month, civil->day) -
                 civil_days(civil->year, 1, 1)) +
           1;
}

/* The Monday of week 1: that of the week with January 4. */
static int64_t first_monday(int64_t year)
{
    int64_t fourth = civil_days(year, 1, 4);
    return fourth - civil_weekday(fourth) + 1;
}

void civil_iso_week(int64_t days, int64_t *ret_year, int *ret_week)
{
    struct civil civil;
    civil_from_seconds((days - civil_weekday(days) + 4) * CIVIL_DAY, &civil); /* its Thursday */
    *ret_year = civil.year;
    *ret_week = (int)((days - first_monday(civil.year)) / 7) + 1;
}

int64_t civil_iso_week_days(int64_t year, int week, int weekday)
{
    return first_monday(year) + (week - 1) * 7 + weekday - 1;
}
