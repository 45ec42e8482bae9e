/* SPDX-License-Identifier: Apache-2.0
 * Whole records to a descriptor (a file, a terminal, a pipe). Used by sink_file.c, sink_stderr.c.
 */
#ifndef HOST_LOG_STREAM_H
#define HOST_LOG_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "log/record.h"

struct stream {
    int fd;
    atomic_bool torn; /* the last write ended within a record */
};

/* One write(2), but for signals and full disks; a record after half of another one starts on a
 * line of its own. Returns the record's bytes, or -errno. [any-thread] */
ssize_t stream_write(struct stream *stream, const struct record *record);

#endif
