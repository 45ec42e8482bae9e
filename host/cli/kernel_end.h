/* SPDX-License-Identifier: Apache-2.0
 * Ending the process of a kernel, and noticing its end. `kernel stop`, `kernel restart` and `kernel
 * logs --follow` use it. */
#ifndef HOST_KERNEL_END_H
#define HOST_KERNEL_END_H

#include <stdbool.h>

#include "cli/kernels.h"
#include "util/error.h"

/* A descriptor of the process that holds the kernel's PID file: readable once it has ended. -1: no
 * process holds it any more. *ret_pid (may be NULL): whose it is. */
int kernel_end_fd(const struct kernel_entry *entry, pid_t *ret_pid);

/* SIGTERM, or SIGKILL with force, and the wait for the end. 0: it has ended. EPERM, ETIMEOUT. */
int kernel_end_stop(const struct kernel_entry *entry, bool force, int timeout_ms,
                    struct error *ret_error);

#endif
