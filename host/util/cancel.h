/* SPDX-License-Identifier: Apache-2.0
 * A flag that ends work, and wakes whoever waits for something else meanwhile. Set by the kernel,
 * looked at by calls into plugins; the wait for a runner process sleeps on its descriptor. */
#ifndef HOST_CANCEL_H
#define HOST_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

struct cancel {
    atomic_int value;
    atomic_int fd; /* eventfd once somebody waits; -1 before */
};

void cancel_init(struct cancel *cancel);
void cancel_clear(struct cancel *cancel);

void cancel_set(struct cancel *cancel); /* [any-thread] */

static inline bool cancel_is_set(const struct cancel *cancel)
{
    return atomic_load_explicit(&cancel->value, memory_order_relaxed) != 0;
}

/* A descriptor that is readable once cancel is set; cancel's own; -1: none can be made. For one
 * thread at a time. */
int cancel_fd(struct cancel *cancel);

#endif
