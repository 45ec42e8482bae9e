/* SPDX-License-Identifier: Apache-2.0
 * Dates of PDF (ISO 32000-1, 7.9.4): D:YYYYMMDDHHmmSSOHH'mm', where all after the year may be
 * missing. */
#include "pdf.h"

#include "../shared/civil.h"

/* Two digits in the bounds, or fallback where the text ends or the offset begins. */
static bool read_part(const char **at, int low, int high, int fallback, int *ret_part)
{
    *ret_part = fallback;
    if (**at == '\0' || strchr("Z+-", **at))
        return true;
    return civil_read_digits(at, 2, ret_part) && *ret_part >= low && *ret_part <= high;
}

/* Z, +HH, +HH'mm, +HH'mm'; without it the time counts as UTC. */
static bool read_offset(const char *at, int32_t *ret_offset)
{
    int hours = 0, minutes = 0;
    char sign = *at;
    *ret_offset = 0;
    if (sign == '\0')
        return true;
    at++;
    if (*at != '\0' && !civil_read_digits(&at, 2, &hours))
        return false;
    at += *at == '\'';
    if (*at != '\0' && !civil_read_digits(&at, 2, &minutes))
        return false;
    at += *at == '\'';
    if (*at != '\0' || hours > 23 || minutes > 59)
        return false;
    *ret_offset = (sign == '-' ? -60 : 60) * (hours * 60 + minutes);
    return sign != 'Z' || *ret_offset == 0;
}

json_t *date_json(const char *text, size_t size)
{
    char shown[CIVIL_TEXT];
    struct civil civil = {0};
    int year = 0;
    int32_t offset = 0;
    if (strlen(text) != size)
        return json_null();
    text += strncmp(text, "D:", 2) == 0 ? 2 : 0;
    if (!civil_read_digits(&text, 4, &year) || !read_part(&text, 1, 12, 1, &civil.month) ||
        !read_part(&text, 1, 31, 1, &civil.day) || !read_part(&text, 0, 23, 0, &civil.hour) ||
        !read_part(&text, 0, 59, 0, &civil.minute) || !read_part(&text, 0, 59, 0, &civil.second) ||
        !read_offset(text, &offset))
        return json_null();
    civil.year = year;
    if (civil_check_date(year, civil.month, civil.day) ||
        !civil_write(civil_seconds(&civil) - offset, 0, offset, shown))
        return json_null();
    return json_string(shown);
}
