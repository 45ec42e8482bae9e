/* SPDX-License-Identifier: Apache-2.0
 * stdout and stderr of a daemon, its libraries and its children become records of the log: level
 * info, source "stdout", and level warn, source "stderr". Called by host/daemon. */
#ifndef HOST_LOG_CAPTURE_H
#define HOST_LOG_CAPTURE_H

#include "util/error.h"

/* Puts a pipe in the place of descriptors 1 and 2, read by a thread that sleeps until something
 * comes. A line is a record; one of more than 64 KiB is several. The sink stderr goes on to where
 * stderr led before. Errors: EIO, EBUSY (it is on). [main] */
int capture_start(struct error *ret_error);

/* Logs what is left, ends the thread, and leaves 1 and 2 as /dev/null, though children may still
 * hold the pipes. Does nothing if it is off. [main] */
void capture_stop(void);

/* The end that is read of 1's or 2's pipe, without blocking: a crash handler reads what is left.
 * -1 if the capture is off. Async-signal-safe. */
int capture_drain_fd(int fd);

#endif
