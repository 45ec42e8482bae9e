/* SPDX-License-Identifier: Apache-2.0
 * One tool inside the host: its manifest compiled (schemas, parameter plan), its grants, its
 * opened plugin. Private to host/tool/; others use registry.h and invoke.h. */
#ifndef HOST_TOOL_H
#define HOST_TOOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <llmspell/tool.h>

#include "config/config.h"
#include "plugin/catalog.h"
#include "sandbox/files.h"
#include "schema/schema.h"
#include "tool/grants.h"
#include "tool/extensions.h"
#include "tool/isolation.h"
#include "tool/params.h"
#include "tool/runners.h"

struct registry;

/* Counted: owned by the registries that list it (a reload keeps what it does not concern). */
struct tool {
    atomic_uint refs;
    struct plugin *plugin;   /* counted */
    struct runners *runners; /* counted */
    struct crashes crashes;
    pthread_mutex_t lock; /* guards the steps to described and open */
    atomic_bool described, open;
    atomic_bool ran; /* a runner has been asked for */

    /* once described */
    const json_t *manifest; /* borrowed from plugin */
    struct schema *parameters, *result;
    struct params_plan *plan;
    struct grants *grants;
    struct files *files;           /* inline only; NULL: no file capability */
    json_t *config;                /* process only: the tool's section */
    struct isolation isolation;    /* which calls go to a runner */
    int64_t memory_mb;             /* of a runner */
    struct extensions *extensions; /* inline only: http, state, secret */
    json_t *setup;                 /* process only: the same for its runner */
    int64_t wall_ms, output_bytes; /* 0 = no limit */

    /* once open */
    const struct llmspell_tool *entry;
    void *self;
};

/* NULL: no memory. */
struct tool *tool_new(struct plugin *plugin, struct runners *runners);
struct tool *tool_ref(struct tool *tool);
void tool_unref(struct tool *tool); /* the last one closes it; NULL is fine */

/* Compiles what the manifest says; no plugin code runs. [any-thread] */
int tool_describe(struct tool *tool, const struct registry *registry, struct error *ret_error);

/* Loads the plugin and calls its open, once. [any-thread] */
int tool_open(struct tool *tool, const struct registry *registry, struct error *ret_error);

#endif
