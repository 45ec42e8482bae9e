/* SPDX-License-Identifier: Apache-2.0
 * What a log grows by, over rotation, truncation and re-creation; for `kernel logs --follow`. */
#ifndef HOST_LOG_FOLLOW_H
#define HOST_LOG_FOLLOW_H

#include "cli/kernels.h"
#include "cli/log_tail.h"

/* Hands on what comes behind *position until the kernel of entry has ended and all is printed: 0. A
 * new kernel that took its place by then is followed, too. Sleeps until something happens
 * (inotify). *position moves; the caller closes its source. EIO: no inotify, or nobody reads what
 * is handed on.
 */
int log_follow(const char *path, const struct kernel_entry *entry, struct log_position *position,
               log_sink sink, void *data, struct error *ret_error);

#endif
