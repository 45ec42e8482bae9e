/* SPDX-License-Identifier: Apache-2.0
 * Cases of a tool in a child process of their own, so that a crash or an endless loop is one failed
 * case, and what a case changes in the process is seen. Used by `plugin test`. */
#ifndef HOST_TRIAL_H
#define HOST_TRIAL_H

#include "config/config.h"
#include "plugin/catalog.h"

struct trial {
    const struct catalog *catalog; /* holds plugin */
    const struct plugin *plugin;   /* a tool */
    const struct config *config;
    const json_t *tests; /* an array of cases (tool/case.h) */
    int timeout_ms;      /* of one case; then its process is killed */
};

/* Calls the tool inline, in the address space of a host. *ret_rows: a new array of {title, status,
 * message?, duration_ms}, a row for each case and one for each failure beside them. Returns how
 * many failed, or a negative code. The caller has one thread and nothing unwritten. [main] */
int trial_run_inline(const struct trial *trial, json_t **ret_rows, struct error *ret_error);

/* The same in a runner process, as a kernel calls the tools of others. */
int trial_run_process(const struct trial *trial, json_t **ret_rows, struct error *ret_error);

#endif
