/* SPDX-License-Identifier: Apache-2.0
 * RFC 2822, and dates as people write them: 2025/01/31, 31.01.2025, Jan 31, 2025 and 31 Jan 2025,
 * each with a time or not. Blanks may stand between the words. */
#include <strings.h>

#include "date_time.h"

#define SHORT_NAME 3

void scan_blanks(struct scanner *scanner)
{
    while (*scanner->at == ' ' || *scanner->at == '\t')
        scanner->at++;
}

bool scan_char(struct scanner *scanner, char c)
{
    if (*scanner->at != c)
        return false;
    scanner->at++;
    return true;
}

bool scan_number(struct scanner *scanner, int min, int max, int *ret_number)
{
    int number = 0, digits = 0;
    const char *at = scanner->at;
    for (; *at >= '0' && *at <= '9'; at++, digits++)
        if (digits < max)
            number = number * 10 + (*at - '0');
    if (digits < min || digits > max)
        return false;
    scanner->at = at;
    *ret_number = number;
    return true;
}

static size_t word_length(const char *at)
{
    size_t length = 0;
    while ((at[length] | 0x20) >= 'a' && (at[length] | 0x20) <= 'z')
        length++;
    return length;
}

/* The index of a word in a table of names, full or of three letters; -1: it is none. */
static int find_name(struct scanner *scanner, const char (*names)[NAME_BYTES], int count,
                     bool *ret_full)
{
    size_t length = word_length(scanner->at);
    for (int i = 0; i < count && length >= SHORT_NAME; i++) {
        *ret_full = strlen(names[i]) == length;
        if ((!*ret_full && length != SHORT_NAME) || strncasecmp(names[i], scanner->at, length) != 0)
            continue;
        scanner->at += length;
        return i;
    }
    return -1;
}

bool scan_month(struct scanner *scanner, int *ret_month, bool *ret_full)
{
    *ret_month = find_name(scanner, names_english.months, 12, ret_full) + 1;
    return *ret_month > 0;
}

bool scan_weekday(struct scanner *scanner, int *ret_weekday)
{
    bool full;
    *ret_weekday = find_name(scanner, names_english.weekdays, 7, &full);
    return *ret_weekday >= 0;
}

/* H:MM[:SS] as seconds of the day. */
static bool scan_clock(struct scanner *scanner, int *ret_seconds, bool *ret_has_second)
{
    int hour, minute, second = 0;
    if (!scan_number(scanner, 1, 2, &hour) || !scan_char(scanner, ':') ||
        !scan_number(scanner, 2, 2, &minute))
        return false;
    *ret_has_second = scan_char(scanner, ':');
    if (*ret_has_second && !scan_number(scanner, 2, 2, &second))
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

/* ---- RFC 2822 ---- */

/* +hhmm, or one of the names that RFC 2822 still knows. */
static bool scan_zone(struct scanner *scanner, int32_t *ret_offset)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"UT", 0},   {"UTC", 0},  {"GMT", 0},  {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    if (*scanner->at == '+' || *scanner->at == '-')
        return civil_read_offset(&scanner->at, ret_offset);
    size_t length = word_length(scanner->at);
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        if (strlen(zones[i].name) != length || strncasecmp(zones[i].name, scanner->at, length) != 0)
            continue;
        scanner->at += length;
        *ret_offset = zones[i].hours * 3600;
        return true;
    }
    return false;
}

/* A comment, such as the (CET) that some programs add. */
static void skip_comment(struct scanner *scanner)
{
    scan_blanks(scanner);
    const char *end = *scanner->at == '(' ? strchr(scanner->at, ')') : NULL;
    if (end)
        scanner->at = end + 1;
    scan_blanks(scanner);
}

/* Years of two digits are obsolete: 50 to 99 are of the last century. */
static bool scan_year(struct scanner *scanner, int *ret_year)
{
    if (scan_number(scanner, 4, 4, ret_year))
        return true;
    if (!scan_number(scanner, 2, 2, ret_year))
        return false;
    *ret_year += *ret_year < 50 ? 2000 : 1900;
    return true;
}

bool rfc2822_read(const char *text, struct reading *ret_reading, const char **ret_reason)
{
    struct scanner scanner = {text};
    int weekday = -1, day, month, year, seconds;
    bool full, has_second;
    int32_t offset;
    memset(ret_reading, 0, sizeof *ret_reading);
    scan_blanks(&scanner);
    if (scan_weekday(&scanner, &weekday) && !scan_char(&scanner, ','))
        return false;
    scan_blanks(&scanner);
    if (!scan_number(&scanner, 1, 2, &day))
        return false;
    scan_blanks(&scanner);
    if (!scan_month(&scanner, &month, &full))
        return false;
    scan_blanks(&scanner);
    if (!scan_year(&scanner, &year))
        return false;
    scan_blanks(&scanner);
    if (!scan_clock(&scanner, &seconds, &has_second))
        return false;
    scan_blanks(&scanner);
    if (!scan_zone(&scanner, &offset))
        return false;
    skip_comment(&scanner);
    if (*scanner.at)
        return false;
    *ret_reason = civil_check_date(year, month, day);
    int64_t days = civil_days(year, month, day);
    if (!*ret_reason && weekday >= 0 && civil_weekday(days) % 7 != weekday)
        *ret_reason = "its weekday is not that of its date";
    ret_reading->time = (struct civil_time){days * CIVIL_DAY + seconds - offset, 0, true, offset};
    snprintf(ret_reading->used, USED_MAX, "rfc2822");
    return true;
}

/* ---- patterns ---- */

struct date {
    int year, month, day;
    const char *pattern;
};

/* 2025/01/31 and 31.01.2025 */
static bool scan_numeric_date(struct scanner *scanner, struct date *date)
{
    struct scanner other = *scanner;
    if (scan_number(scanner, 4, 4, &date->year)) {
        date->pattern = "%Y/%m/%d";
        return scan_char(scanner, '/') && scan_number(scanner, 1, 2, &date->month) &&
               scan_char(scanner, '/') && scan_number(scanner, 1, 2, &date->day);
    }
    *scanner = other;
    date->pattern = "%d.%m.%Y";
    return scan_number(scanner, 1, 2, &date->day) && scan_char(scanner, '.') &&
           scan_number(scanner, 1, 2, &date->month) && scan_char(scanner, '.') &&
           scan_number(scanner, 4, 4, &date->year);
}

/* Jan 31, 2025 and 31 Jan 2025; the comma may be missing */
static bool scan_named_date(struct scanner *scanner, struct date *date)
{
    bool full, month_first = scan_month(scanner, &date->month, &full);
    scan_blanks(scanner);
    if (!scan_number(scanner, 1, 2, &date->day))
        return false;
    bool comma = month_first && scan_char(scanner, ',');
    scan_blanks(scanner);
    if (!month_first && !scan_month(scanner, &date->month, &full))
        return false;
    scan_blanks(scanner);
    date->pattern = !month_first ? (full ? "%d %B %Y" : "%d %b %Y")
                    : comma      ? (full ? "%B %d, %Y" : "%b %d, %Y")
                                 : (full ? "%B %d %Y" : "%b %d %Y");
    return scan_number(scanner, 4, 4, &date->year);
}

/* 1/2/2025, 01-02-2025 …: day and month could be either. */
static bool is_ambiguous(const char *text)
{
    struct scanner scanner = {text};
    int number;
    return scan_number(&scanner, 1, 2, &number) &&
           (scan_char(&scanner, '/') || scan_char(&scanner, '-')) &&
           scan_number(&scanner, 1, 2, &number) &&
           (scan_char(&scanner, '/') || scan_char(&scanner, '-'));
}

bool pattern_read(const char *text, struct reading *ret_reading, const char **ret_reason)
{
    struct scanner scanner = {text};
    struct date date;
    int seconds = 0;
    bool has_second = false;
    memset(ret_reading, 0, sizeof *ret_reading);
    *ret_reason = "day and month are ambiguous; write YYYY-MM-DD or give its format";
    if (is_ambiguous(text))
        return true;
    scan_blanks(&scanner);
    struct scanner start = scanner;
    if (!scan_numeric_date(&scanner, &date)) {
        scanner = start;
        if (!scan_named_date(&scanner, &date))
            return false;
    }
    bool has_time = *scanner.at == ' ';
    scan_blanks(&scanner);
    has_time = has_time && *scanner.at;
    if (has_time && !scan_clock(&scanner, &seconds, &has_second))
        return false;
    scan_blanks(&scanner);
    if (*scanner.at)
        return false;
    *ret_reason = civil_check_date(date.year, date.month, date.day);
    int64_t days = *ret_reason ? 0 : civil_days(date.year, date.month, date.day);
    ret_reading->time.seconds = days * CIVIL_DAY + seconds;
    snprintf(ret_reading->used, USED_MAX, "%s%s", date.pattern,
             !has_time    ? ""
             : has_second ? " %H:%M:%S"
                          : " %H:%M");
    return true;
}
