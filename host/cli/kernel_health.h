/* SPDX-License-Identifier: Apache-2.0
 * How a kernel is: what the lock of its PID file says, and what the kernel itself answers. `kernel
 * status` shows it. */
#ifndef HOST_KERNEL_HEALTH_H
#define HOST_KERNEL_HEALTH_H

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli/cli.h"

enum kernel_health_state {
    HEALTH_OK,
    HEALTH_STARTING,       /* the process lives, its connection file is not there */
    HEALTH_STOPPING,       /* it answers that it is shutting down */
    HEALTH_NOT_RESPONDING, /* the process lives, and does not answer */
    HEALTH_DEAD,           /* no process, but its files */
    HEALTH_ENDED,          /* nothing; only where it was seen before */
};

/* Start with {0}; kernel_health_clear frees it. May be checked again and again. */
struct kernel_health {
    enum kernel_health_state state;
    char id[72]; /* "" if a connection file from elsewhere does not say it */
    pid_t pid;
    json_t *reply;    /* HEALTH_OK: the status_reply */
    char detail[640]; /* what stands in parentheses */
    bool ours;        /* one of $LLMSPELL_HOME; else a connection file from elsewhere */
    pid_t connected;  /* whom cli->channel leads to */
};

/* name, flags: as of kernels_select. 0, or: no such kernel, nothing to connect with, an error
 * reply. */
int kernel_health_check(struct cli *cli, const char *name, int flags, int timeout_ms,
                        struct kernel_health *health, struct error *ret_error);

/* "HEALTHY (uptime: 2h 15m, memory: 42MB)" without a line end; coloured if cli wants it. */
void kernel_health_print(const struct cli *cli, const struct kernel_health *health);

/* A new object. */
json_t *kernel_health_json(const struct kernel_health *health);

/* The exit status that it means. */
int kernel_health_status(const struct kernel_health *health);

void kernel_health_clear(struct kernel_health *health);

#endif
