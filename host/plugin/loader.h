/* SPDX-License-Identifier: Apache-2.0
 * dlopen with the checks that failures elsewhere taught (docs/plugins.md). Never dlcloses. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "plugin/catalog.h"

/* Loads a plugin once and hands out its entry struct (struct llmspell_tool, …_protocol,
 * …_runtime by its kind), which lives as long as the process. EREFUSED names the reason and the
 * cure, and the plugin stays listed with it. [any-thread] */
int plugin_load(struct plugin *plugin, const void **ret_entry, struct error *ret_error);

#endif
