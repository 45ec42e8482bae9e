/* SPDX-License-Identifier: Apache-2.0
 * Writes moments by a strftime format, with names of our own: the C library's depend on the locale
 * of the process. */
#include "date_time.h"

/* What the directives show. */
struct shown {
    struct civil civil;
    struct zone_type type;
    int64_t days, iso_year;
    int iso_week, weekday; /* 1 … 7 from Monday */
};

size_t strf_directive(const char *at, char ret_directive[8])
{
    size_t length = 1;
    if (at[1] == ':')
        length++;
    if (at[length])
        length++;
    while (((unsigned char)at[length] & 0xC0) == 0x80 && length < 7)
        length++;
    memcpy(ret_directive, at, length);
    ret_directive[length] = '\0';
    return length;
}

static void write_offset(FILE *out, int32_t offset, const char *colon)
{
    unsigned size = (unsigned)(offset < 0 ? -offset : offset);
    fprintf(out, "%c%02u%s%02u", offset < 0 ? '-' : '+', size / 3600, colon, size / 60 % 60);
    if (size % 60 != 0) /* local mean time */
        fprintf(out, "%s%02u", colon, size % 60);
}

static bool write_date(FILE *out, char c, const struct shown *shown)
{
    const struct civil *civil = &shown->civil;
    int year = (int)civil->year;
    switch (c) {
    case 'Y':
        return fprintf(out, "%04d", year) > 0;
    case 'y':
        return fprintf(out, "%02d", year % 100) > 0;
    case 'm':
        return fprintf(out, "%02d", civil->month) > 0;
    case 'd':
        return fprintf(out, "%02d", civil->day) > 0;
    case 'e':
        return fprintf(out, "%2d", civil->day) > 0;
    case 'j':
        return fprintf(out, "%03d", civil_day_of_year(civil)) > 0;
    case 'u':
        return fprintf(out, "%d", shown->weekday) > 0;
    case 'w':
        return fprintf(out, "%d", shown->weekday % 7) > 0;
    case 'V':
        return fprintf(out, "%02d", shown->iso_week) > 0;
    case 'G':
        return fprintf(out, "%04d", (int)shown->iso_year) > 0;
    case 'F':
        return fprintf(out, "%04d-%02d-%02d", year, civil->month, civil->day) > 0;
    case 'D':
        return fprintf(out, "%02d/%02d/%02d", civil->month, civil->day, year % 100) > 0;
    default:
        return false;
    }
}

static bool write_time(FILE *out, char c, const struct shown *shown, const struct moment *moment)
{
    const struct civil *civil = &shown->civil;
    switch (c) {
    case 'H':
        return fprintf(out, "%02d", civil->hour) > 0;
    case 'I':
        return fprintf(out, "%02d", (civil->hour + 11) % 12 + 1) > 0;
    case 'M':
        return fprintf(out, "%02d", civil->minute) > 0;
    case 'S':
        return fprintf(out, "%02d", civil->second) > 0;
    case 'f':
        return fprintf(out, "%06d", moment->milliseconds * 1000) > 0;
    case 'L':
        return fprintf(out, "%03d", moment->milliseconds) > 0;
    case 'T':
        return fprintf(out, "%02d:%02d:%02d", civil->hour, civil->minute, civil->second) > 0;
    case 'R':
        return fprintf(out, "%02d:%02d", civil->hour, civil->minute) > 0;
    case 's':
        return fprintf(out, "%lld", (long long)moment->seconds) > 0;
    case 'z':
        write_offset(out, shown->type.offset, "");
        return true;
    case '%':
        return fputc('%', out) != EOF;
    default:
        return false;
    }
}

static bool write_name(FILE *out, char c, const struct shown *shown, const struct names *names)
{
    int month = shown->civil.month - 1, weekday = shown->weekday % 7;
    switch (c) {
    case 'B':
        return fputs(names->months[month], out) >= 0;
    case 'b':
        return fputs(names->short_months[month], out) >= 0;
    case 'A':
        return fputs(names->weekdays[weekday], out) >= 0;
    case 'a':
        return fputs(names->short_weekdays[weekday], out) >= 0;
    case 'p':
        return fputs(names->halves[shown->civil.hour >= 12], out) >= 0;
    case 'Z':
        return fputs(shown->type.abbreviation, out) >= 0;
    default:
        return false;
    }
}

/* false: the directive is unknown. */
static bool write_all(const struct task *task, FILE *out, const char *format,
                      const struct moment *moment, char ret_directive[8])
{
    struct shown shown;
    zone_at(task->zone, moment->seconds, &shown.type);
    int64_t local = moment->seconds + shown.type.offset;
    civil_from_seconds(local, &shown.civil);
    shown.days = floor_div(local, CIVIL_DAY);
    shown.weekday = civil_weekday(shown.days);
    civil_iso_week(shown.days, &shown.iso_year, &shown.iso_week);
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            fputc(*at, out);
            continue;
        }
        if (at[1] == ':' && at[2] == 'z') {
            write_offset(out, shown.type.offset, ":");
            at += 2;
            continue;
        }
        if (!write_date(out, at[1], &shown) && !write_time(out, at[1], &shown, moment) &&
            !write_name(out, at[1], &shown, task->names)) {
            strf_directive(at, ret_directive);
            return false;
        }
        at++;
    }
    return true;
}

int32_t strf_write(const struct task *task, const char *format, const struct moment *moment,
                   char **ret_text, char ret_directive[8])
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return LLMSPELL_ENOMEM;
    bool known = write_all(task, out, format, moment, ret_directive);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed || !known) {
        free(text);
        return known ? LLMSPELL_ENOMEM : LLMSPELL_EINVAL;
    }
    *ret_text = text;
    return 0;
}
