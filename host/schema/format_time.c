/* SPDX-License-Identifier: Apache-2.0
 * The formats date, time, date-time (RFC 3339) and duration (its appendix A). Called through
 * format.c. */
#include "schema/format.h"

#include <string.h>

/* What is left of a text. */
struct reader {
    const char *at, *end;
};

static bool take(struct reader *reader, char c)
{
    if (reader->at == reader->end || *reader->at != c)
        return false;
    reader->at++;
    return true;
}

/* Exactly count digits; -1 if they are not there. */
static int take_number(struct reader *reader, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (reader->at == reader->end || !schema_is_digit(*reader->at))
            return -1;
        value = value * 10 + (*reader->at++ - '0');
    }
    return value;
}

static int take_range(struct reader *reader, int low, int high)
{
    int value = take_number(reader, 2);
    return value >= low && value <= high ? value : -1;
}

static int month_days(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool take_date(struct reader *reader)
{
    int year = take_number(reader, 4);
    if (year < 0 || !take(reader, '-'))
        return false;
    int month = take_range(reader, 1, 12);
    if (month < 0 || !take(reader, '-'))
        return false;
    return take_range(reader, 1, month_days(year, month)) > 0;
}

static bool take_fraction(struct reader *reader)
{
    if (!take(reader, '.'))
        return true;
    if (take_number(reader, 1) < 0)
        return false;
    while (reader->at < reader->end && schema_is_digit(*reader->at))
        reader->at++;
    return true;
}

/* "Z" or "+hh:mm"; minutes east of UTC. */
static bool take_offset(struct reader *reader, int *ret_minutes)
{
    *ret_minutes = 0;
    if (take(reader, 'Z') || take(reader, 'z'))
        return true;
    bool east = take(reader, '+');
    if (!east && !take(reader, '-'))
        return false;
    int hours = take_range(reader, 0, 23);
    if (hours < 0 || !take(reader, ':'))
        return false;
    int minutes = take_range(reader, 0, 59);
    *ret_minutes = (hours * 60 + minutes) * (east ? 1 : -1);
    return minutes >= 0;
}

static bool take_time(struct reader *reader)
{
    int hour = take_range(reader, 0, 23), offset;
    if (hour < 0 || !take(reader, ':'))
        return false;
    int minute = take_range(reader, 0, 59);
    if (minute < 0 || !take(reader, ':'))
        return false;
    int second = take_range(reader, 0, 60);
    if (second < 0 || !take_fraction(reader) || !take_offset(reader, &offset))
        return false;
    /* A leap second is the last one of a day in UTC. */
    int utc = (hour * 60 + minute - offset + 2 * 24 * 60) % (24 * 60);
    return second < 60 || utc == 24 * 60 - 1;
}

bool schema_format_date(const char *text, size_t length)
{
    struct reader reader = {text, text + length};
    return take_date(&reader) && reader.at == reader.end;
}

bool schema_format_time(const char *text, size_t length)
{
    struct reader reader = {text, text + length};
    return take_time(&reader) && reader.at == reader.end;
}

bool schema_format_date_time(const char *text, size_t length)
{
    struct reader reader = {text, text + length};
    return take_date(&reader) && (take(&reader, 'T') || take(&reader, 't')) && take_time(&reader) &&
           reader.at == reader.end;
}

/* Numbers with units from a list such as "YMD", in its order and without gaps between them. */
static int take_units(struct reader *reader, const char *units)
{
    const char *expected = NULL;
    int count = 0;
    while (reader->at < reader->end && schema_is_digit(*reader->at)) {
        while (reader->at < reader->end && schema_is_digit(*reader->at))
            reader->at++;
        const char *unit =
            reader->at < reader->end && *reader->at ? strchr(units, *reader->at) : NULL;
        if (!unit || (expected && unit != expected))
            return -1;
        expected = unit + 1;
        reader->at++;
        count++;
    }
    return count;
}

bool schema_format_duration(const char *text, size_t length)
{
    struct reader reader = {text, text + length};
    if (!take(&reader, 'P'))
        return false;
    if (length > 2 && text[length - 1] == 'W')
        return take_units(&reader, "W") == 1 && reader.at == reader.end;
    int date = take_units(&reader, "YMD");
    if (date < 0 || !take(&reader, 'T'))
        return date > 0 && reader.at == reader.end;
    return take_units(&reader, "HMS") > 0 && reader.at == reader.end;
}
