/* SPDX-License-Identifier: Apache-2.0
 * What a kernel wrote about its own start: state/ID/kernel_state.json. `kernel logs`, `kernel
 * status` and `kernel restart` read it. */
#ifndef HOST_KERNEL_STATE_H
#define HOST_KERNEL_STATE_H

#include <jansson.h>

#include "cli/kernels.h"
#include "util/error.h"

/* A new reference to the object in the file. ENOTFOUND: there is no file. EIO, EPARSE. */
int kernel_state_load(const struct kernel_files *files, json_t **ret_state,
                      struct error *ret_error);

/* The log file: as the state says, else logs/ID.log; the caller frees it. NULL: the state says that
 * there is none (*ret_known is true), or no memory. */
char *kernel_state_log(const struct kernel_files *files, bool *ret_known);

#endif
