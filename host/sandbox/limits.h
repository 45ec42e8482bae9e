/* SPDX-License-Identifier: Apache-2.0
 * Resource limits of a sandboxed process. Used by sandbox.c alone. */
#ifndef HOST_LIMITS_H
#define HOST_LIMITS_H

#include "sandbox/sandbox.h"

/* Sets all that it can. Returns 0 or the -errno of the first that was refused. */
int limits_apply(const struct sandbox_rules *rules);

#endif
