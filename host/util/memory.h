/* SPDX-License-Identifier: Apache-2.0
 * How a process that lives long keeps its memory: at hand while it works, given back when it rests.
 * Used by daemon/server.c and kernel/queue.c. */
#ifndef HOST_MEMORY_H
#define HOST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* What there was when memory was last given back; zeros: never. */
struct memory_mark {
    long faults; /* of pages, since the process began */
    size_t free; /* bytes of the heap */
};

/* Free memory is shared by all threads and kept until memory_rest. Before there are threads. */
void memory_settle(void);

/* Gives free memory back to the system if about half a megabyte of it has come since mark, and sets
 * mark; true if it did. Costs some ten microseconds, more if much is free. [any-thread] */
bool memory_rest(struct memory_mark *mark);

#endif
