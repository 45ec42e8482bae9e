/* SPDX-License-Identifier: Apache-2.0
 * Tools without C of their own: the manifest's "native" object describes a C function, which is
 * called through libffi (docs/native.md). Used by plugin/manifest.c and tool/native_tool.c. */
#ifndef HOST_NATIVE_H
#define HOST_NATIVE_H

#include <jansson.h>

#include <llmspell/host.h>

#include "util/error.h"

struct native; /* one bound function; immutable after native_open but for native_set_callback */

/* Calls what a callback parameter names ("tool:NAME"). arguments: an object, borrowed. *ret_result:
 * a new reference. Returns 0 or a negative code with *ret_error filled. [the thread of the call] */
typedef int (*native_callback_fn)(void *data, struct llmspell_call *call, const char *name,
                                  const json_t *arguments, json_t **ret_result,
                                  struct error *ret_error);

/* Checks everything that can be wrong in the description without loading anything, and that the
 * schema "parameters", if it is there, fits the arguments. EREFUSED: the message has path, the JSON
 * pointer, what is wrong and the cure. [any-thread] */
int native_check(const json_t *manifest, const char *path, struct error *ret_error);

/* Adds the schemas "parameters" and "result" that a checked manifest leaves out. [any-thread] */
int native_derive(json_t *manifest, struct error *ret_error);

/* Binds. spec: the "native" object of a checked manifest; a reference is kept. handle: of the
 * plugin's own shared object if spec.library is null, else NULL: then the library is loaded, for
 * good. EREFUSED: the description, library or symbol is wrong; the message names near ones.
 * EUNAVAILABLE: no libffi. [any-thread] */
int native_open(const json_t *spec, void *handle, struct native **ret_native,
                struct error *ret_error);

/* Who answers callbacks; without it a callback parameter is an EUNAVAILABLE error. Before the first
 * native_invoke only. */
void native_set_callback(struct native *native, native_callback_fn function, void *data);

/* One call. params: borrowed. *ret_result: a new object. Errors go to the call: EINVAL with the
 * pointer of the parameter, ELIMIT (more than max_bytes), EFAILED (the function said so, or what it
 * gave is not what the description says), ENOMEM, and what a callback failed with. Threads may call
 * at once if the function allows it. */
int native_invoke(struct native *native, struct llmspell_call *call, const json_t *params,
                  json_t **ret_result);

/* Frees it; the library stays loaded. NULL is fine. */
void native_close(struct native *native);

#endif
