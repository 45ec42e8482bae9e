/* SPDX-License-Identifier: Apache-2.0
 * Which files a sandboxed process reaches (Landlock, by raw system calls: the C library has none).
 * Used by sandbox.c alone. */
#ifndef HOST_LANDLOCK_H
#define HOST_LANDLOCK_H

#include "sandbox/sandbox.h"

#define LANDLOCK_ABI_REFER 2    /* renames between folders can be allowed */
#define LANDLOCK_ABI_TRUNCATE 3 /* truncate(2) is confined */
#define LANDLOCK_ABI_NET 4      /* bind and connect of TCP */
#define LANDLOCK_ABI_IOCTL 5    /* ioctl of devices */
#define LANDLOCK_ABI_SCOPE 6    /* signals and abstract UNIX sockets stay inside */

/* The version that the running kernel offers; 0: none, errno says why. [any-thread] */
int landlock_abi(void);

/* Opens the ruleset for rules; the caller closes it. Errors: EINVAL, EIO, ENOMEM. */
int landlock_open(const struct sandbox_rules *rules, int abi, int *ret_ruleset,
                  struct error *ret_error);

/* Confines this thread and all that it will start. Returns 0 or -errno. */
int landlock_enter(int ruleset);

#endif
