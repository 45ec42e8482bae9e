/* SPDX-License-Identifier: Apache-2.0
 * Where records go: what each sink gives to logger.c, and what they share. No sink may log. */
#ifndef HOST_LOG_SINK_H
#define HOST_LOG_SINK_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "log/logger.h"

#define SINK_IDENT "llmspell" /* what syslog and the journal call us */

struct log_entry {
    enum log_level level;
    struct timespec time;
    const char *source, *message; /* raw, but redacted */
};

/* Counters of the process, kept by logger.c. */
struct log_totals {
    atomic_uint_fast64_t written[LOG_TRACE + 1];
    atomic_uint_fast64_t dropped, rotations, bytes;
};

struct sink_type {
    const char *name; /* in [log] sink */

    /* Opens what the options say; totals outlives the sink. Errors: EINVAL, EIO, ENOMEM. [main] */
    int (*open)(const struct logger_options *options, struct log_totals *totals, void **ret_self,
                struct error *ret_error);

    /* Returns the bytes taken, or -errno: the record is lost then. [any-thread] */
    ssize_t (*write)(void *self, const struct log_entry *entry);

    /* Nobody writes any more. [main] */
    void (*close)(void *self);

    /* What a crash handler may write to; the same number also after a rotation. Or NULL. */
    int (*descriptor)(const void *self);
};

extern const struct sink_type sink_file, sink_stderr, sink_syslog, sink_journal;

/* Where sink_stderr writes while stderr itself is captured. The caller (logger.c) sees to it that
 * nobody writes meanwhile. */
void sink_stderr_redirect(int fd);

/* The same while others log: no record reaches the descriptor before once this returns (logger.c).
 * Called by capture.c. [main] */
void logger_redirect_stderr(int fd);

/* Severity of a level for syslog and the journal: 3, 4, 6 or 7. */
int sink_severity(enum log_level level);

#endif
