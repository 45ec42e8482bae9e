/* SPDX-License-Identifier: Apache-2.0
 * RFC 3339 in UTC. */
#include "util/timestamp.h"

json_t *timestamp_json(time_t time)
{
    struct tm parts;
    char text[40];
    if (!gmtime_r(&time, &parts) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_null();
    return json_string(text);
}
