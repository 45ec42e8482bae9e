/* SPDX-License-Identifier: Apache-2.0
 * Runner processes as the kernel sees them: spawned when needed, kept warm between calls, killed on
 * time-out and cancellation, buried when they crash. One set for all tools of a kernel. Used by
 * invoke.c. */
#ifndef HOST_RUNNERS_H
#define HOST_RUNNERS_H

#include <jansson.h>
#include <pthread.h>

#include "plugin/call.h"
#include "plugin/catalog.h"
#include "tool/grants.h"

struct runners; /* counted */

struct runners_options {
    const char *program;  /* the binary to spawn; NULL: this one */
    unsigned idle_max;    /* warm ones that wait for a call, over all tools */
    unsigned crash_limit; /* crashes a minute before a tool is set aside for one; 0: never */
};

int runners_new(const struct runners_options *options, struct runners **ret_runners,
                struct error *ret_error);
struct runners *runners_ref(struct runners *runners);
void runners_unref(struct runners *runners);

/* Ends the warm ones: each gets a moment to close its tool. */
void runners_stop(struct runners *runners);

/* Ends the warm ones of a key that is not used any more. [any-thread] */
void runners_forget(struct runners *runners, const void *key);

#define CRASHES_KEPT 16

/* The crashes of one tool. */
struct crashes {
    pthread_mutex_t lock;
    int64_t at_ns[CRASHES_KEPT]; /* the last ones, a ring */
    unsigned count;              /* of all */
    int64_t until_ns;            /* set aside until then; 0: not */
};

struct runner_call {
    const void *key; /* of warm processes that may serve it; NULL: a process of its own */
    struct plugin *plugin;
    const struct grants *grants;
    const json_t *config; /* the tool's section */
    const json_t *setup;  /* of extensions (extensions_json) */
    struct crashes *crashes;
    int64_t memory_mb, output_bytes; /* 0: the defaults */
    const json_t *params;
    int64_t wall_ms;       /* 0: no limit */
    struct cancel *cancel; /* or NULL */
    call_progress_fn progress;
    void *progress_data;

    /* Calls another tool for this one, which has wall_ms for it (0: no limit); or NULL. */
    int (*nested)(void *data, const char *name, const json_t *params, int64_t wall_ms,
                  json_t **ret_result, struct error *ret_error);
    void *nested_data;
};

/* Calls the tool in a runner. *ret_result: a new reference. The errors are the tool's own, and
 * ECRASHED … with what happened; nothing that a tool does reaches further. [any-thread] */
int runners_call(struct runners *runners, const struct runner_call *call, json_t **ret_result,
                 struct error *ret_error);

/* [{"tool", "pid", "calls", "idle_s"}] of the warm ones: a new reference. [any-thread] */
json_t *runners_json(struct runners *runners);

#endif
