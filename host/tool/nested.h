/* SPDX-License-Identifier: Apache-2.0
 * A tool that calls another tool, or a function of the script that calls it: for callbacks of
 * native tools (native_tool.c). An extension of the host's own, not yet one for plugin authors. */
#ifndef HOST_NESTED_H
#define HOST_NESTED_H

#include <llmspell/host.h>

#include "util/error.h"

#define NESTED_TOOLS "llmspell/draft/tools/1"
#define NESTED_DEPTH_MAX 8 /* tools that call tools */
#define NESTED_TOOL "tool:"
#define NESTED_FUNCTION "function:"

struct nested_tools {
    /* Calls "tool:NAME", with the rights that it has itself, or "function:NAME". *ret_result: a new
     * reference. [the thread of the call] */
    int (*invoke)(struct llmspell_call *call, const char *name, const json_t *params,
                  json_t **ret_result, struct error *ret_error);
};

#endif
