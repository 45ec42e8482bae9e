/* SPDX-License-Identifier: Apache-2.0
 * One log record as text: time, level, source, message in one of the formats, with everything
 * escaped that could forge a line or drive a terminal. Used by logger.c. */
#ifndef HOST_LOG_RECORD_H
#define HOST_LOG_RECORD_H

#include <stddef.h>
#include <time.h>

#include "log/logger.h"

#define RECORD_SMALL 2048        /* bytes that need no allocation */
#define RECORD_MESSAGE_MAX 65536 /* bytes of a message; more is cut */

struct record {
    char *text; /* size bytes, '\n' last; in small, or allocated */
    size_t size;
    size_t body; /* where "source: message" starts; 0 in JSON */
    char small[RECORD_SMALL];
};

/* Fills *record; never fails: without memory a long message is cut. color counts for LOG_PRETTY. */
void record_init(struct record *record, enum log_level level, enum log_format format, bool color,
                 const struct timespec *time, const char *source, const char *message);

/* Frees what record_init allocated. */
void record_clear(struct record *record);

#endif
