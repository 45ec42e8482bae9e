/* SPDX-License-Identifier: Apache-2.0
 * A plugin that is named by its file, wherever it lies. Used by the `plugin` commands. */
#ifndef HOST_PLUGIN_FILE_H
#define HOST_PLUGIN_FILE_H

#include "config/config.h"
#include "plugin/catalog.h"

/* A catalog of the folder of path, and the plugin in it that path is. ENOTFOUND, EINVAL (no .so);
 * *ret_catalog is to be freed in every case. */
int plugin_file_open(const struct config *config, const char *path, struct catalog **ret_catalog,
                     struct plugin **ret_plugin, struct error *ret_error);

/* True if a word on the command line means a file, not a plugin's name. */
bool plugin_file_is(const char *word);

/* The path of NAME (such as cases.json) in the folder of the plugin's sources: that of the file or
 * the one above, whichever holds its manifest NAME.json. The caller frees it; NULL: not there. */
char *plugin_file_beside(const struct plugin *plugin, const char *name);

#endif
