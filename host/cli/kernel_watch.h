/* SPDX-License-Identifier: Apache-2.0
 * `kernel status --watch`: the status again and again, over restarts and the end of the kernel. */
#ifndef HOST_KERNEL_WATCH_H
#define HOST_KERNEL_WATCH_H

#include "cli/cli.h"
#include "cli/kernel_health.h"

struct kernel_watch {
    const char *name;
    int timeout_ms, interval_s;
    void (*print)(const struct cli *cli, const struct kernel_health *health); /* a screen */
};

/* Until a signal ends the process (130 at Ctrl-C), or nobody reads stdout any more: returns
 * EXIT_FAILED; or there is no such kernel at the beginning: prints so, returns the exit status. */
int kernel_watch(struct cli *cli, const struct kernel_watch *watch);

#endif
