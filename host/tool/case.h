/* SPDX-License-Identifier: Apache-2.0
 * One test of a tool as manifests (examples) and cases.json write it (docs/testing.md): its files,
 * its steps, what must come of them. Used by `tool test` and `plugin test`. */
#ifndef HOST_CASE_H
#define HOST_CASE_H

#include <jansson.h>

#include "util/error.h"

/* Makes one call in folder; *ret_reply: as of tool_invoke. Negative: it could not be made. */
typedef int (*case_invoke_fn)(void *data, const json_t *params, const char *folder,
                              json_t **ret_reply, struct error *ret_error);

struct case_runner {
    const char *tmpdir; /* where the folder of a case is made */
    case_invoke_fn invoke;
    void *data;
};

/* Runs one case in an empty folder of its own, which is gone afterwards. 0, or a negative code with
 * what was expected and what came. */
int case_run(const struct case_runner *runner, const json_t *test, struct error *ret_error);

#endif
