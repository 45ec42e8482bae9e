/* SPDX-License-Identifier: Apache-2.0
 * All tools of a process, by name and alias. Used by the kernel (tool_request) and its pool. */
#ifndef HOST_REGISTRY_H
#define HOST_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>

#include "config/config.h"
#include "plugin/catalog.h"
#include "util/error.h"

struct registry;
struct tool;
struct runners;

struct registry_options {
    const struct catalog *catalog; /* counted */
    const struct config *config;   /* counted */
    const char *workdir;           /* absolute; copied */
    const char *isolation;         /* "inline" or "process" for all tools (plugin test); or NULL */
    const char *program;           /* of runner processes; NULL: this binary */
    const struct registry *previous; /* a reload: tools that it does not concern stay; or NULL */
};

int registry_new(const struct registry_options *options, struct registry **ret_registry,
                 struct error *ret_error);

/* One more owner; the last registry_unref closes the tools that no other registry has. */
struct registry *registry_ref(struct registry *registry);
void registry_unref(struct registry *registry);

size_t registry_count(const struct registry *registry);
struct tool *registry_at(const struct registry *registry, size_t index);

/* The tool that a name means: `-` counts as `_`, case does not count, aliases do. EUNKNOWN names a
 * near miss; EREFUSED says why the plugin of this name cannot be used. [any-thread] */
int registry_find(struct registry *registry, const char *name, struct tool **ret_tool,
                  struct error *ret_error);

const char *tool_name(const struct tool *tool);
bool tool_is_open(const struct tool *tool); /* its plugin was loaded and opened */

/* ---- what listings show: new JSON values (docs/messages.md, tool_request) ---- */

/* [{name, title, description, category, version, level, aliases, keywords, file}], sorted by name;
 * category and words (a JSON array of strings, each must occur in name, title, description,
 * keywords or aliases, case-insensitively) may be NULL. [any-thread] */
int registry_list(const struct registry *registry, const char *category, const json_t *words,
                  json_t **ret_tools, struct error *ret_error);

/* The whole manifest with level, file and isolation in force. [any-thread] */
int registry_info(struct registry *registry, const char *name, json_t **ret_info,
                  struct error *ret_error);

const struct config *registry_config(const struct registry *registry);
const char *registry_isolation(const struct registry *registry); /* of the options, or NULL */
struct runners *registry_runners(const struct registry *registry);
const struct catalog *registry_catalog(const struct registry *registry);
const char *registry_workdir(const struct registry *registry);
const char *registry_tmpdir(const struct registry *registry);

#endif
