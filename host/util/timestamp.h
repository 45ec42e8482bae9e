/* SPDX-License-Identifier: Apache-2.0
 * Wall clock times as text, for files and messages. */
#ifndef HOST_TIMESTAMP_H
#define HOST_TIMESTAMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* "2026-11-22T17:43:13Z" as a new JSON string. [any-thread] */
json_t *timestamp_json(time_t time);

/* "2026-11-22T17:43:13Z", also with ".250" before the Z, as milliseconds since 1970. False: text is
 * no such thing, or no such day. [any-thread] */
bool timestamp_parse(const char *text, int64_t *ret_ms);

#endif
