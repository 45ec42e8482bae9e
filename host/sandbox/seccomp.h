/* SPDX-License-Identifier: Apache-2.0
 * The filter over system calls; what it lets through stands in filter/make_filters.c. Used by
 * sandbox.c alone. */
#ifndef HOST_SECCOMP_H
#define HOST_SECCOMP_H

#include "sandbox/sandbox.h"

/* True if this process could install a filter; changes nothing. [any-thread] */
bool seccomp_available(void);

/* Installs the filter for rules, for good. confined: Landlock of that version is on, 0 none (what
 * it cannot refuse, the filter does). Returns 0 or -errno. */
int seccomp_enter(const struct sandbox_rules *rules, int confined);

#endif
