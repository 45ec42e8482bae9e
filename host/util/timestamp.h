/* SPDX-License-Identifier: Apache-2.0
 * Wall clock times as text, for files and messages. */
#ifndef HOST_TIMESTAMP_H
#define HOST_TIMESTAMP_H

#include <jansson.h>
#include <time.h>

/* "2026-11-22T17:43:13Z" as a new JSON string. [any-thread] */
json_t *timestamp_json(time_t time);

#endif
