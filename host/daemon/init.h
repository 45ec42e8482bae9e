/* SPDX-License-Identifier: Apache-2.0
 * The duties of process 1 in a container: hand signals on, reap orphans, end with the kernel's
 * status. Used by `kernel start` in the foreground. */
#ifndef HOST_INIT_H
#define HOST_INIT_H

#include <stdbool.h>

#include "util/error.h"

/* True for process 1: who gets no default actions of signals, and all orphans. */
bool init_is_needed(void);

/* Forks. The child returns 0 and goes on as the kernel, in a process group of its own that has the
 * terminal, if there is one: Ctrl-C reaches it once, and us not at all. The parent does not return:
 * it hands each signal on, reaps, and exits as the child ends (128 + n for signal n). The parent
 * need not be process 1: orphans of the child come to it all the same. Negative: no fork.
 * [main, before threads, once signals are reset] */
int init_run(struct error *ret_error);

#endif
