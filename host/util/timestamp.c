/* SPDX-License-Identifier: Apache-2.0
 * RFC 3339 in UTC. */
#include "util/timestamp.h"

#include <ctype.h>
#include <stdio.h>

json_t *timestamp_json(time_t time)
{
    struct tm parts;
    char text[40];
    if (!gmtime_r(&time, &parts) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_null();
    return json_string(text);
}

/* timegm takes the 31st of February for the 3rd of March. */
static bool is_same_day(const struct tm *given, time_t time)
{
    struct tm found;
    return gmtime_r(&time, &found) && found.tm_mday == given->tm_mday &&
           found.tm_mon == given->tm_mon && found.tm_hour == given->tm_hour &&
           found.tm_min == given->tm_min && found.tm_sec == given->tm_sec;
}

/* Like "0000-00-00T00:00:00Z", where 0 is any digit. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++)
        if (*shape == '0' ? !isdigit((unsigned char)*text) : *text != *shape)
            return false;
    return !*text;
}

bool timestamp_parse(const char *text, int64_t *ret_ms)
{
    struct tm parts = {0};
    int ms = 0;
    if (!has_shape(text, "0000-00-00T00:00:00Z") && !has_shape(text, "0000-00-00T00:00:00.000Z"))
        return false;
    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
           &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &ms);
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    struct tm given = parts;
    time_t time = timegm(&parts);
    if (!is_same_day(&given, time))
        return false;
    *ret_ms = (int64_t)time * 1000 + ms;
    return true;
}
