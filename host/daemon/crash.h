/* SPDX-License-Identifier: Apache-2.0
 * What a kernel says when it crashes: a short report in its log, then the signal's default action,
 * so that the exit status names the signal and a core is written. Installed by host/daemon; each
 * thread of host/util/thread.h has an alternate stack, so that an overflow is reported, too.
 * A sanitizer says more: in its builds nothing is installed. */
#ifndef HOST_CRASH_H
#define HOST_CRASH_H

#include <stdbool.h>

/* Reports SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS and SIGTRAP of any thread to log_fd
 * (-1: none) and, where that is another file, to stderr; not those of forked children. id is
 * copied. 0, or LLMSPELL_ENOMEM (then
 * a stack overflow of the main thread is not reported) or LLMSPELL_EIO. [main, once, before
 * threads] */
int crash_install(int log_fd, const char *id);

/* False in the builds where crash_install does nothing. */
bool crash_is_supported(void);

/* This binary's, in hex; "unknown" before crash_install and where that does nothing. */
const char *crash_build_id(void);

/* Names the calling thread (15 bytes) and gives it an alternate stack, if crash_install was called;
 * without memory for one, the thread goes without. crash_thread_leave gives it back. */
void crash_thread_enter(const char *name);
void crash_thread_leave(void);

/* The log goes to another descriptor from now on; -1: to none. [any-thread] */
void crash_set_fd(int log_fd);

/* The end of a pipe that somebody of ours reads into the log: what is in it at the crash (the last
 * words of malloc or assert) is copied first. stderr gets no report if it is that pipe. -1: none.
 * [any-thread] */
void crash_set_drain(int fd);

#endif
