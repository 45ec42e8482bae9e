/* SPDX-License-Identifier: Apache-2.0
 * What a call must leave as it was: the state that belongs to the whole process. A runner compares
 * it around each call (runner.c). */
#ifndef HOST_SNAPSHOT_H
#define HOST_SNAPSHOT_H

#include <signal.h>
#include <sys/types.h>

#define SNAPSHOT_SIGNALS 32

struct snapshot {
    char cwd[4096];
    char locale[256];
    mode_t umask;
    sigset_t mask;
    void *handlers[SNAPSHOT_SIGNALS];
    unsigned long threads;
};

/* The folder of this process's threads, before a sandbox shuts /proc. Keep it open; -1: none. */
int snapshot_open(void);

void snapshot_take(struct snapshot *snapshot, int tasks);

/* What differs, as words for a message ("its working directory"), or NULL. */
const char *snapshot_compare(const struct snapshot *before, const struct snapshot *after);

#endif
