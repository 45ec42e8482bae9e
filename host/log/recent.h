/* SPDX-License-Identifier: Apache-2.0
 * The last errors and warnings of the log, for a state dump. Used by logger.c. */
#ifndef HOST_LOG_RECENT_H
#define HOST_LOG_RECENT_H

#include <pthread.h>

#include "log/logger.h"

#define RECENT_MAX 16

struct recent {
    pthread_mutex_t lock;
    struct log_recent records[RECENT_MAX];
    unsigned long added;
};

#define RECENT_INIT                                                                                \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }

/* Keeps a record in place of the oldest; what is not UTF-8 becomes '?'. [any-thread] */
void recent_add(struct recent *recent, enum log_level level, const struct timespec *time,
                const char *source, const char *message);

/* Copies them, the oldest first; returns how many. [any-thread] */
unsigned recent_copy(struct recent *recent, struct log_recent records[RECENT_MAX]);

#endif
