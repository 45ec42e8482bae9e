/* SPDX-License-Identifier: Apache-2.0
 * dlopen with the checks that failures elsewhere taught (docs/plugins.md). Never dlcloses. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "config/config.h"
#include "plugin/catalog.h"

/* Loads a plugin once and hands out its entry struct (struct llmspell_tool, …_protocol,
 * …_runtime by its kind; of a tool with "native" the host's own), which lives as long as the
 * process. EREFUSED names the reason and the cure, and the plugin stays listed with it.
 * [any-thread] */
int plugin_load(struct plugin *plugin, const void **ret_entry, struct error *ret_error);

/* False if the file was overwritten in place since: then its code may be anything. A file that was
 * replaced or removed is intact where it is mapped. [any-thread] */
bool plugin_is_intact(const struct plugin *plugin);

/* Whether all that is loaded is intact: else a normal exit, which runs destructors, may crash.
 * [any-thread] */
bool loader_is_intact(void);

/* The same as plugin_load, with what the plugin's open gets: its section [KIND.NAME] of the
 * configuration, typed by the manifest; *ret_config is a new reference. EINVAL names file and line.
 * [any-thread] */
int plugin_load_configured(struct plugin *plugin, const struct config *config,
                           const void **ret_entry, json_t **ret_config, struct error *ret_error);

#endif
