/* SPDX-License-Identifier: Apache-2.0
 * The host's side of a call into a plugin: what lies behind struct llmspell_ctx, struct
 * llmspell_call and the table struct llmspell_host. Used by whoever calls a plugin. */
#ifndef HOST_CALL_H
#define HOST_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <llmspell/host.h>

#include "util/cancel.h"
#include "util/error.h"

/* One loaded plugin as it sees the host. Embedded in its owner; lives as long as the process. */
struct llmspell_ctx {
    const char *source; /* for the log: "tool:calculator"; borrowed from the plugin */
    const void *(*extension)(struct llmspell_ctx *ctx, const char *id); /* or NULL: none */
    void *owner; /* of whoever set extension */
    bool closed; /* of a protocol: it may not submit any more; guarded by the kernel's lock */
};

typedef void (*call_progress_fn)(void *data, double done, double total, const char *message);

/* One call. Lives on the stack of the caller; `base` is what the plugin gets. */
struct call {
    struct llmspell_call base; /* first: the two pointers are converted into each other */
    struct error error;
    struct cancel *cancel; /* non-zero: cancelled; or NULL */
    int64_t deadline_ns;   /* CLOCK_MONOTONIC; 0 = none */
    call_progress_fn progress;
    void *progress_data;
    int64_t progress_ns; /* when the last report was let through */
    void *owner;         /* of whoever makes the call: the extensions look here */
};

extern const struct llmspell_host host_api;

void call_init(struct call *call, struct llmspell_ctx *ctx);

/* The host's struct behind a plugin's pointer. */
static inline struct call *call_of(struct llmspell_call *base)
{
    return (struct call *)base;
}

/* Hands out the error of a call that returned code < 0: what the plugin said with fail, or the
 * plain text of the code. Returns code. */
int call_error(const struct call *call, int code, struct error *ret_error);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_monotonic_ns(void);

#endif
