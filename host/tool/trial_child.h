/* SPDX-License-Identifier: Apache-2.0
 * The child's side of a trial. Used by tool/trial.c alone. */
#ifndef HOST_TRIAL_CHILD_H
#define HOST_TRIAL_CHILD_H

#include "tool/trial.h"

/* The last line that a child writes. */
#define TRIAL_END "{\"end\": true}\n"

/* Runs the cases from number first on, and writes lines of JSON to fd: {"start": title} before
 * each, {"row": …} after it. Returns the exit status of the process. [main, in the child] */
int trial_child_run(const struct trial *trial, size_t first, int fd);

#endif
