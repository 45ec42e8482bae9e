/* SPDX-License-Identifier: Apache-2.0
 * The conversation with a runner: send one frame, then take what comes until the answer is there,
 * the time is up, the call is cancelled, or the process dies. Used by process.c and runners.c. */
#ifndef HOST_TALK_H
#define HOST_TALK_H

#include "tool/process.h"

/* Sends the set-up and waits until the tool is loaded. *ret_gone, always set: the process has ended
 * or must be ended, as in process_call. */
int talk_set_up(struct process *process, const struct runner_call *call, const json_t *setup,
                bool *ret_gone, struct error *ret_error);

#endif
