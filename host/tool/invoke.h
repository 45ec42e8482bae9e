/* SPDX-License-Identifier: Apache-2.0
 * One call of a tool: parameters → policy → plugin → result → reply. Used by the kernel. */
#ifndef HOST_INVOKE_H
#define HOST_INVOKE_H

#include <jansson.h>
#include <stdatomic.h>

#include "plugin/call.h"
#include "tool/registry.h"

struct files;
struct grants;
struct extensions;
struct callback_functions;

struct invoke_options {
    int64_t timeout_ms;    /* 0 = what manifest and [tools] timeout say; else the least counts */
    struct cancel *cancel; /* non-zero ends the call; or NULL */
    call_progress_fn progress;
    void *progress_data;
    unsigned depth; /* of tools that call tools; 0: called by a client or a script */
    const struct callback_functions *functions; /* of the script, which tools call back; or NULL */
    const struct grants *grants; /* for a process, instead of the tool's own (tool test); or NULL */
    const struct files *files;   /* instead of the tool's own roots (tool test); or NULL */
    bool check_result;           /* a result that breaks the manifest's schema is an error */
};

/* Calls a tool. params: borrowed, NULL = {}. *ret_reply: always set, a new reference to
 * {"status":"ok","tool","result","duration_ms"} or {"status":"error","tool","error":{…},
 * "duration_ms"} — NULL only without memory. Returns 0 or the code of the error. [any-thread] */
int tool_invoke(struct registry *registry, const char *name, const json_t *params,
                const struct invoke_options *options, json_t **ret_reply);

/* Runs the examples of a manifest, each in an empty folder of its own: *ret_tests is a new array of
 * {title, status, message?}, *ret_tool the tool's own name, borrowed from the registry. cancel ends
 * it, or NULL. Returns how many failed, or a negative code. [any-thread] */
int tool_test(struct registry *registry, const char *name, struct cancel *cancel,
              const char **ret_tool, json_t **ret_tests, struct error *ret_error);

/* Runs one case (tool/case.h) of a tool, each call at most timeout_ms (0: the tool's own limit);
 * its result is held against the schema, too. 0, or a negative code with what is wrong.
 * [any-thread] */
int tool_test_case(struct registry *registry, const char *name, const json_t *test,
                   int64_t timeout_ms, struct error *ret_error);

/* {"code", "message", "path"?} of an error. */
json_t *error_json(const struct error *error);

/* Calls the plugin itself: gives the extensions what they need, and nothing more. */
struct llmspell_tool;
int invoke_entry(const struct llmspell_tool *entry, void *self, struct call *call,
                 const struct files *files, struct extensions *extensions, const json_t *params,
                 json_t **ret_result);

/* The extensions of tools, by id: for struct llmspell_ctx. */
const void *invoke_extension(struct llmspell_ctx *ctx, const char *id);

#endif
