/* SPDX-License-Identifier: Apache-2.0
 * One runner process seen from the kernel: spawned, spoken to, ended. Used by runners.c. */
#ifndef HOST_PROCESS_H
#define HOST_PROCESS_H

#include <sys/types.h>

#include "tool/frame.h"
#include "tool/runners.h"

struct process {
    struct process *next; /* in the list of warm ones */
    const void *key;
    const char *source;    /* of the plugin, for the log: "tool:NAME"; as long as the process */
    struct plugin *plugin; /* counted: keeps source */
    pid_t pid;
    int handle; /* pidfd */
    int channel;
    int printed; /* what it writes to stdout and stderr; without blocking */
    unsigned printed_lines;
    struct runner_flag *flag;
    struct frame_reader reader;
    int64_t memory_mb;
    unsigned long calls;
    int64_t used_ns; /* when it became idle */
    bool tired;      /* it ends after its answer */
    bool closing;    /* it was told to end by itself */
    bool may_spin;   /* there is a second processor */
    bool quick;      /* its last call was */
};

/* Spawns a runner for the call and waits until its tool is loaded. Errors: EIO, ENOMEM, ETIMEOUT,
 * ECANCELLED, and what loading said: EREFUSED, EINVAL …; *ret_gone, always set, tells that the
 * process ended meanwhile or was killed. */
int process_start(const char *program, const struct runner_call *call, struct process **ret_process,
                  bool *ret_gone, struct error *ret_error);

/* Hands params over and waits for the answer. 0; or the tool's own error, and *ret_gone tells that
 * the process is no more (crashed, killed, out of order) and must be ended; -EPIPE: it was gone
 * before it could take the call. */
int process_call(struct process *process, const struct runner_call *call, json_t **ret_result,
                 bool *ret_gone, struct error *ret_error);

/* Has it ended while it waited? */
bool process_is_dead(const struct process *process);

/* Lets it close its tool: it ends by itself soon. */
void process_hang_up(struct process *process);

/* Kills it and all that it has started, and frees everything; NULL is fine. wait_ms: how long it
 * may take to end by itself before. */
void process_end(struct process *process, int wait_ms);

#endif
