/* SPDX-License-Identifier: Apache-2.0
 * stdout and stderr of a kernel process, its libraries and its children: what comes while a cell
 * runs is the cell's output, the rest becomes records of the log: level info, source "stdout", and
 * level warn, source "stderr". Called by host/daemon and by the executor. */
#ifndef HOST_LOG_CAPTURE_H
#define HOST_LOG_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* Puts a pipe in the place of descriptors 1 and 2, read by a thread that sleeps until something
 * comes. A line is a record; one of more than 64 KiB is several. The sink stderr goes on to where
 * stderr led before. Errors: EIO, EBUSY (it is on). [main] */
int capture_start(struct error *ret_error);

/* Logs what is left, ends the thread, and lets 1 and 2 lead to where they led before, though
 * children may still hold the pipes. Does nothing if it is off. [main] */
void capture_stop(void);

/* What is read goes to take first, as it comes: stream 1 or 2, up to 64 KiB. Only what take refuses
 * (false) is logged. NULL: everything is. When this returns, the one before is called no more. */
typedef bool (*capture_take_fn)(void *data, int stream, const char *text, size_t size);
void capture_set_take(capture_take_fn take, void *data);

/* Hands on what has been written up to now, so that it comes before what the caller does next. At
 * most what a pipe holds: who floods it has no say in how long this takes. [any-thread] */
void capture_sync(void);

/* Where stderr led before the capture; stderr itself if it is off. [main] */
int capture_stderr(void);

/* The end that is read of 1's or 2's pipe, without blocking: a crash handler reads what is left.
 * -1 if the capture is off. Async-signal-safe. */
int capture_drain_fd(int fd);

#endif
