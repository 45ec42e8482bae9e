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
    int turn; /* which of the other signals snapshot_check looks at next */
};

/* The folder of this process's threads, before a sandbox shuts /proc. Keep it open; -1: none. */
int snapshot_open(void);

void snapshot_take(struct snapshot *snapshot, int tasks);

/* Has this process children, running or not yet reaped? */
int snapshot_has_children(void);

/* What is not as known says, as words for a message ("changed its working directory"), or NULL. Of
 * the signals that tools hardly ever touch it looks at a few in turn: a change is seen within
 * SNAPSHOT_TURNS calls. Threads that have ended are noted in known. */
#define SNAPSHOT_TURNS 6
const char *snapshot_check(struct snapshot *known, int tasks);

#endif
