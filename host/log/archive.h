/* SPDX-License-Identifier: Apache-2.0
 * The rotated files of a log: compressed, and removed when they are too many or too old, by a
 * thread that is there only while there is work. Used by sink_file.c. */
#ifndef HOST_LOG_ARCHIVE_H
#define HOST_LOG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

struct archive;

struct archive_options {
    const char *path;   /* of the log file; copied */
    unsigned count;     /* files to keep */
    int64_t max_age_ms; /* 0: however old */
    bool compress;
};

/* NULL without memory. [main] */
struct archive *archive_new(const struct archive_options *options);

/* Ends what it does within one piece of 64 KiB; the next process goes on. [main] */
void archive_free(struct archive *archive);

/* Has it anything to do now? Looks at the names only. [any-thread] */
bool archive_is_due(const struct archive *archive);

/* Starts a pass over the rotated files, or one more if one is on its way. Never waits for it. */
void archive_start(struct archive *archive);

/* The errno of the last failure since the last question, 0 if there was none. [any-thread] */
int archive_failure(struct archive *archive);

#endif
