/* SPDX-License-Identifier: Apache-2.0
 * Becoming a daemon: double fork, setsid, chdir /, umask 027, stdio away; the parent waits for the
 * child's word over a pipe. Call before any thread exists. Used by `kernel start --daemon`. */
#ifndef HOST_DAEMONIZE_H
#define HOST_DAEMONIZE_H

#include "util/error.h"

/* Forks. In the daemon: returns 0 and *ret_ready_fd is the pipe to say daemonize_ready or
 * daemonize_failed on; stdio still is the caller's. In the first process: waits for that word and
 * returns 1 (ready; *ret_pid set) or the negative code and message that the daemon reported (or
 * EFAILED with the exit status or signal, if it died without a word). */
int daemonize(int *ret_ready_fd, int *ret_pid, struct error *ret_error);

/* Tells the waiting parent that clients can connect; stdin, stdout and stderr become /dev/null or
 * log_fd (stdout, stderr) if log_fd >= 0. Closes ready_fd. */
void daemonize_ready(int ready_fd, int log_fd);

/* Tells the waiting parent why not. Closes ready_fd; the daemon then exits. */
void daemonize_failed(int ready_fd, const struct error *error);

#endif
