/* SPDX-License-Identifier: Apache-2.0
 * PID files: created exclusively and held by a lock for the life of the process, so that "is it
 * running?" is a question to the lock, never a guess about a number. Used by kernel start/stop. */
#ifndef HOST_PIDFILE_H
#define HOST_PIDFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

struct pidfile; /* a held lock */

/* Creates (mode 0644 whatever the umask, O_NOFOLLOW|O_CLOEXEC) and locks path and writes our PID. A
 * stale file is taken over. EBUSY: it is held by a living process: the message names it, its PID
 * and, if that is another, its user. EIO, EPERM. */
int pidfile_open(const char *path, struct pidfile **ret_file, struct error *ret_error);

/* After fork: the child keeps the lock (it is bound to the open file, not to the process) and
 * writes its own PID. */
int pidfile_update(struct pidfile *file, struct error *ret_error);

/* Removes the file (if it is still ours) and the lock. NULL is fine. */
void pidfile_close(struct pidfile *file);

/* Who holds path? 1: held, *ret_pid is its PID. 0: nobody (absent or stale). Negative: EIO… */
int pidfile_check(const char *path, pid_t *ret_pid, struct error *ret_error);

#endif
