/* SPDX-License-Identifier: Apache-2.0
 * What belongs to the whole process and a tool must leave as it was. Used by `plugin test`. */
#ifndef HOST_PROCESS_STATE_H
#define HOST_PROCESS_STATE_H

#include <jansson.h>

#include "util/error.h"

/* What a comparison may leave out: what a tool may hold from its open to its close. */
#define PROCESS_STATE_HELD 1u /* open descriptors and threads */

/* Working directory, umask, locale, rounding, signal handlers and mask, environment, timers,
 * children, descriptors, threads, as a new JSON object: only for process_state_compare. NULL: no
 * memory. [the thread that calls the tool] */
json_t *process_state_read(void);

/* 0, or EFAILED with everything that differs and the cures. */
int process_state_compare(const json_t *before, const json_t *after, unsigned leave_out,
                          struct error *ret_error);

#endif
