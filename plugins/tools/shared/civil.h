/* SPDX-License-Identifier: Apache-2.0
 * The proleptic Gregorian calendar, and RFC 3339. Seconds count from 1970-01-01T00:00:00, without
 * leap seconds. Shared by cron_scheduler and date_time_handler. */
#ifndef CIVIL_H
#define CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIVIL_DAY 86400
#define CIVIL_YEAR_MIN 1
#define CIVIL_YEAR_MAX 9999

struct civil {
    int64_t year;
    int month, day;           /* from 1 */
    int hour, minute, second; /* 0 … 59; hour to 23 */
};

/* Division that rounds down, and its remainder, which is never negative. */
int64_t floor_div(int64_t a, int64_t b);
int64_t floor_mod(int64_t a, int64_t b);

bool civil_is_leap(int64_t year);
int civil_days_in_month(int64_t year, int month);

/* Days since 1970-01-01. month and day may be out of range: they are counted on. */
int64_t civil_days(int64_t year, int64_t month, int64_t day);
int64_t civil_seconds(const struct civil *civil);
void civil_from_seconds(int64_t seconds, struct civil *ret_civil);

/* 1 (Monday) … 7 (Sunday) */
int civil_weekday(int64_t days);

int civil_day_of_year(const struct civil *civil);
void civil_iso_week(int64_t days, int64_t *ret_year, int *ret_week);
int64_t civil_iso_week_days(int64_t year, int week, int weekday); /* days since 1970-01-01 */

/* ±HH:MM[:SS] at *at: moves *at behind it. false: there is none, or it is over 23:59:59. */
bool civil_read_offset(const char **at, int32_t *ret_offset);

#define CIVIL_TEXT 48

/* RFC 3339 with that offset: Z for 0, milliseconds if not 0. RFC 3339 has no seconds in an offset:
 * then the nearest minute is shown, with the time that it makes the same instant. false: the year
 * is not 1 … 9999. */
bool civil_write(int64_t seconds, int milliseconds, int32_t offset, char ret_text[CIVIL_TEXT]);

/* "+HH:MM", rounded as above. */
void civil_write_offset(int32_t offset, char ret_text[CIVIL_TEXT]);

/* A time that was read. Without an offset, seconds are local. */
struct civil_time {
    int64_t seconds;
    int milliseconds;
    bool has_offset;
    int32_t offset;
};

/* RFC 3339, also without an offset or with a date only; the whole text. NULL, or what is wrong. */
const char *civil_read(const char *text, size_t length, struct civil_time *ret_time);

/* The parts of it, for other formats. They move *at, and return NULL or what is wrong. */
const char *civil_check_date(int64_t year, int month, int day);
const char *civil_read_clock(const char **at, struct civil_time *time);

/* Exactly count digits. */
bool civil_read_digits(const char **at, int count, int *ret_number);

#endif
