/* SPDX-License-Identifier: Apache-2.0
 * Where the calls of a tool run: in this process (inline) or in a runner (process), the same for
 * all or by operation. Decided once, when the tool is described. */
#ifndef HOST_ISOLATION_H
#define HOST_ISOLATION_H

#include <jansson.h>
#include <stdbool.h>

struct isolation {
    bool process;             /* of operations that are not named below */
    const json_t *operations; /* of the manifest, borrowed: operation → "inline" or "process" */
};

struct isolation_wish {
    const json_t *manifest;
    bool bundled;
    const char *forced;  /* "inline" or "process" for all tools; or NULL */
    const char *own;     /* [tool.NAME] isolation */
    const char *general; /* [tools] isolation */
};

struct isolation isolation_of(const struct isolation_wish *wish);

/* For one call; params are those that the schema has accepted. */
bool isolation_in_process(const struct isolation *isolation, const json_t *params);

/* Whether any call runs there. */
bool isolation_may_be(const struct isolation *isolation, bool process);

/* "inline", "process", or an object of them by operation with "default"; a new reference. */
json_t *isolation_json(const struct isolation *isolation);

#endif
