/* SPDX-License-Identifier: Apache-2.0
 * Reads a text by a strftime format. Names are English; a blank stands for any number of them. */
#include <strings.h>

#include "date_time.h"

/* What was found; the rest has its default. */
struct fields {
    struct scanner scanner;
    int year, month, day, hour, minute, second, milliseconds;
    int hour12, half, year_of_century, day_of_year;
    int weekday, iso_year, iso_week; /* weekday 0 … 6 from Sunday; -1: not given */
    bool has_offset, has_epoch;
    int32_t offset;
    int64_t epoch;
};

enum outcome { FITS, FITS_NOT, UNKNOWN };

static enum outcome fits(bool yes)
{
    return yes ? FITS : FITS_NOT;
}

/* Up to `places` digits behind a decimal point, as milliseconds. */
static bool scan_fraction(struct fields *f, int places)
{
    int digits = 0;
    f->milliseconds = 0;
    for (int unit = 100; *f->scanner.at >= '0' && *f->scanner.at <= '9' && digits < places;
         unit /= 10, digits++, f->scanner.at++)
        f->milliseconds += (*f->scanner.at - '0') * unit;
    return digits > 0;
}

/* A number of up to max digits, of which further ones may follow: %Y%m%d. */
static bool scan_digits(struct fields *f, int max, int *ret_number)
{
    int digits = 0, number = 0;
    for (; digits < max && *f->scanner.at >= '0' && *f->scanner.at <= '9';
         digits++, f->scanner.at++)
        number = number * 10 + (*f->scanner.at - '0');
    *ret_number = number;
    return digits > 0;
}

static bool scan_epoch(struct fields *f)
{
    bool negative = scan_char(&f->scanner, '-');
    int digits = 0;
    f->epoch = 0;
    f->has_epoch = true;
    for (; digits < 12 && *f->scanner.at >= '0' && *f->scanner.at <= '9'; digits++)
        f->epoch = f->epoch * 10 + (*f->scanner.at++ - '0');
    if (negative)
        f->epoch = -f->epoch;
    return digits > 0;
}

/* +hhmm, +hh:mm, Z; a name only of UTC: others mean several offsets. */
static bool scan_offset(struct fields *f, bool named)
{
    static const char *const names[] = {"UTC", "GMT", "Z"};
    f->has_offset = true;
    f->offset = 0;
    for (size_t i = named ? 0 : 2; i < 3; i++) {
        size_t length = strlen(names[i]);
        if (strncasecmp(f->scanner.at, names[i], length) == 0) {
            f->scanner.at += length;
            return true;
        }
    }
    return !named && civil_read_offset(&f->scanner.at, &f->offset);
}

static bool scan_half(struct fields *f)
{
    f->half = strncasecmp(f->scanner.at, "am", 2) == 0   ? 0
              : strncasecmp(f->scanner.at, "pm", 2) == 0 ? 1
                                                         : -1;
    f->scanner.at += f->half >= 0 ? 2 : 0;
    return f->half >= 0;
}

static bool scan_iso_weekday(struct fields *f, bool from_sunday)
{
    if (!scan_digits(f, 1, &f->weekday) || f->weekday > 7 - from_sunday ||
        f->weekday < 1 - from_sunday)
        return false;
    f->weekday %= 7;
    return true;
}

static enum outcome read_date(struct fields *f, char c)
{
    bool full;
    switch (c) {
    case 'Y':
        return fits(scan_digits(f, 4, &f->year));
    case 'y':
        return fits(scan_digits(f, 2, &f->year_of_century));
    case 'm':
        return fits(scan_digits(f, 2, &f->month));
    case 'b':
    case 'B':
        return fits(scan_month(&f->scanner, &f->month, &full));
    case 'e':
        scan_blanks(&f->scanner);
        return fits(scan_digits(f, 2, &f->day));
    case 'd':
        return fits(scan_digits(f, 2, &f->day));
    case 'j':
        return fits(scan_digits(f, 3, &f->day_of_year));
    case 'a':
    case 'A':
        return fits(scan_weekday(&f->scanner, &f->weekday));
    case 'u':
    case 'w':
        return fits(scan_iso_weekday(f, c == 'w'));
    case 'G':
        return fits(scan_digits(f, 4, &f->iso_year));
    case 'V':
        return fits(scan_digits(f, 2, &f->iso_week));
    default:
        return UNKNOWN;
    }
}

static enum outcome read_time(struct fields *f, char c)
{
    switch (c) {
    case 'H':
        return fits(scan_digits(f, 2, &f->hour));
    case 'I':
        return fits(scan_digits(f, 2, &f->hour12) && f->hour12 >= 1 && f->hour12 <= 12);
    case 'M':
        return fits(scan_digits(f, 2, &f->minute));
    case 'S':
        return fits(scan_digits(f, 2, &f->second));
    case 'f':
        return fits(scan_fraction(f, 9));
    case 'L':
        return fits(scan_fraction(f, 3));
    case 'p':
        return fits(scan_half(f));
    case 's':
        return fits(scan_epoch(f));
    case 'z':
    case 'Z':
        return fits(scan_offset(f, c == 'Z'));
    case '%':
        return fits(scan_char(&f->scanner, '%'));
    default:
        return UNKNOWN;
    }
}

/* The directives that stand for several. */
static const char *long_form(char c)
{
    return c == 'F'   ? "%Y-%m-%d"
           : c == 'T' ? "%H:%M:%S"
           : c == 'R' ? "%H:%M"
           : c == 'D' ? "%m/%d/%y"
                      : NULL;
}

static enum outcome read_format(struct fields *f, const char *format, char ret_directive[8])
{
    for (const char *at = format; *at; at++) {
        if (*at == ' ') {
            scan_blanks(&f->scanner);
        } else if (*at != '%') {
            if (!scan_char(&f->scanner, *at))
                return FITS_NOT;
        } else {
            size_t length = strf_directive(at, ret_directive);
            char c = at[1] == ':' && at[2] == 'z' ? 'z' : at[1];
            const char *parts = long_form(c);
            enum outcome outcome = parts ? read_format(f, parts, ret_directive) : read_date(f, c);
            if (outcome == UNKNOWN)
                outcome = read_time(f, c);
            if (outcome != FITS)
                return outcome;
            at += length - 1;
        }
    }
    ret_directive[0] = '\0';
    return FITS;
}

/* ---- putting it together ---- */

/* The day, by what was given: ISO week, day of the year, or month and day. */
static const char *find_days(struct fields *f, int64_t *ret_days)
{
    int64_t of_year;
    int last;
    if (f->year_of_century >= 0) /* as POSIX has it: 69 to 99 are of the last century */
        f->year = f->year_of_century + (f->year_of_century < 69 ? 2000 : 1900);
    if (f->iso_year >= 0 && f->iso_week >= 0) {
        civil_iso_week(civil_days(f->iso_year, 12, 28), &of_year, &last);
        if (f->iso_year < CIVIL_YEAR_MIN || f->iso_week < 1 || f->iso_week > last)
            return "the year has no such week";
        int weekday = f->weekday < 0 ? 1 : (f->weekday + 6) % 7 + 1;
        *ret_days = civil_iso_week_days(f->iso_year, f->iso_week, weekday);
        return NULL;
    }
    if (f->day_of_year >= 0) {
        if (f->year < CIVIL_YEAR_MIN || f->day_of_year < 1 ||
            f->day_of_year > 365 + civil_is_leap(f->year))
            return "the year has no such day";
        *ret_days = civil_days(f->year, 1, f->day_of_year);
        return NULL;
    }
    const char *reason = civil_check_date(f->year, f->month, f->day);
    *ret_days = reason ? 0 : civil_days(f->year, f->month, f->day);
    if (!reason && f->weekday >= 0 && civil_weekday(*ret_days) % 7 != f->weekday)
        return "its weekday is not that of its date";
    return reason;
}

static const char *assemble(struct fields *f, struct civil_time *time)
{
    int64_t days;
    time->milliseconds = f->milliseconds;
    time->has_offset = f->has_offset || f->has_epoch;
    time->offset = f->offset;
    if (f->has_epoch) {
        time->seconds = f->epoch;
        return NULL;
    }
    const char *reason = find_days(f, &days);
    if (reason)
        return reason;
    if (f->hour12 > 0)
        f->hour = f->hour12 % 12 + (f->half == 1 ? 12 : 0);
    if (f->hour > 23 || f->minute > 59 || f->second > 59)
        return "the time is beyond 23:59:59";
    time->seconds = days * CIVIL_DAY + f->hour * 3600 + f->minute * 60 + f->second - f->offset;
    return NULL;
}

const char *strp_read(const char *format, const char *text, size_t length,
                      struct reading *ret_reading, char ret_directive[8])
{
    struct fields fields = {.scanner = {text},
                            .year = 1970,
                            .month = 1,
                            .day = 1,
                            .half = -1,
                            .year_of_century = -1,
                            .day_of_year = -1,
                            .weekday = -1,
                            .iso_year = -1,
                            .iso_week = -1};
    memset(ret_reading, 0, sizeof *ret_reading);
    enum outcome outcome = read_format(&fields, format, ret_directive);
    if (outcome == UNKNOWN)
        return "is no directive; write %% for a percent sign";
    ret_directive[0] = '\0';
    if (outcome == FITS_NOT)
        return "it has something else there";
    if (fields.scanner.at != text + length)
        return "something follows";
    return assemble(&fields, &ret_reading->time);
}
