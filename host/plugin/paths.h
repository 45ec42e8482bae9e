/* SPDX-License-Identifier: Apache-2.0
 * Where plugins are looked for (DESIGN 3.5), in order of precedence. */
#ifndef HOST_PATHS_H
#define HOST_PATHS_H

#include "config/config.h"

/* --plugin-dir arguments (NULL-terminated or NULL), [plugins] path, $LLMSPELL_PLUGIN_PATH,
 * $LLMSPELL_HOME/plugins, the installed folder beside program (an absolute path). Returns a
 * NULL-terminated list, each item and the list malloc'ed: plugin_paths_free. NULL: no memory. */
char **plugin_paths(const struct config *config, const char *const *arguments, const char *program);
/* The tail of such a list: the folders that come with the host. */
const char *const *plugin_paths_bundled(char *const *paths);
void plugin_paths_free(char **paths);

#endif
