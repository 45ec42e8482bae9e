/* SPDX-License-Identifier: Apache-2.0
 * Where plugins are looked for (DESIGN 3.5), in order of precedence. */
#ifndef HOST_PATHS_H
#define HOST_PATHS_H

#include "config/config.h"

/* --plugin-dir arguments (NULL-terminated or NULL), [plugins] path, $LLMSPELL_PLUGIN_PATH,
 * $LLMSPELL_HOME/plugins, the installed folder beside program (an absolute path). Returns a
 * NULL-terminated list, each item and the list malloc'ed: plugin_paths_free. NULL: no memory. */
char **plugin_paths(const struct config *config, const char *const *arguments, const char *program);
void plugin_paths_free(char **paths);

#endif
