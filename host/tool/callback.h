/* SPDX-License-Identifier: Apache-2.0
 * What a native tool calls back while it runs: the tools and the functions that the parameters of
 * the call name, "tool:NAME" and "function:NAME". Called by invoke.c. */
#ifndef HOST_CALLBACK_H
#define HOST_CALLBACK_H

#include <jansson.h>
#include <stdint.h>

#include "util/error.h"

struct registry;
struct invoke_options;

/* Functions of the script that calls. Borrowed for the call of the tool. */
struct callback_functions {
    const json_t *names; /* array: the parameters that hold a function, as the script spells them */
    /* name: one of names; arguments: borrowed; *ret_result: a new reference. On the thread of the
     * call. */
    int (*call)(void *data, const char *name, const json_t *arguments, json_t **ret_result,
                struct error *ret_error);
    void *data;
};

/* One call of a tool. */
struct callback_scope {
    struct registry *registry;
    const json_t *params;
    const struct invoke_options *options;
};

/* A function stands only where the manifest has a callback, and comes only from a script. EINVAL
 * with the path. functions: or NULL. */
int callback_check(const json_t *manifest, const json_t *params,
                   const struct callback_functions *functions, struct error *ret_error);

/* For runner_call.nested; data: struct callback_scope. wall_ms: what a tool has; 0: no limit. */
int callback_answer(void *data, const char *name, const json_t *arguments, int64_t wall_ms,
                    json_t **ret_result, struct error *ret_error);

#endif
