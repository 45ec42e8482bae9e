/* SPDX-License-Identifier: Apache-2.0
 * The extensions http, state, secret and clock of one tool: what it is granted, and the tables that
 * it gets. Used by tool/tool.c, which makes one for each tool, and by tool/invoke.c. The same in a
 * runner process, which makes it from the grants that it is sent. */
#ifndef HOST_EXTENSIONS_H
#define HOST_EXTENSIONS_H

#include <jansson.h>

#include "http/policy.h"
#include "sandbox/files.h"
#include "tool/secrets.h"

struct extensions;

/* What the caller decides; copied. */
struct extension_grants {
    const char *tool;                /* its name */
    const json_t *capabilities;      /* of its manifest */
    bool net;                        /* it may use the network at all */
    const char *home;                /* $LLMSPELL_HOME; the store is state/tools/TOOL/state.db */
    const char *secrets;             /* secrets.h; NULL = none */
    const char *clock;               /* [tools] clock; NULL = the system's */
    struct http_policy_options http; /* its capabilities are taken from above */
};

/* What struct call.owner is while a tool runs. */
struct invocation {
    const struct files *files; /* NULL: no file capability */
    struct extensions *extensions;
};

/* Nothing is loaded or opened before its first use. EINVAL, EREFUSED: a list is not acceptable.
 * [any-thread] */
int extensions_new(const struct extension_grants *grants, struct extensions **ret_extensions,
                   struct error *ret_error);

/* The same from the object that extension_setup made: also in a runner process. */
int extensions_from_json(const json_t *setup, struct extensions **ret_extensions,
                         struct error *ret_error);

/* Those grants as a new object; *ret_setup is NULL without memory. */
json_t *extensions_json(const struct extension_grants *grants);

/* Where granted secrets lie: for the environment and the sandbox of a runner. */
void extensions_places(const struct extensions *extensions, secrets_place_fn each, void *data);

void extensions_free(struct extensions *extensions);

/* The table of an extension id, static, or NULL. [any-thread] */
const void *extensions_find(const char *id);

#endif
