/* SPDX-License-Identifier: Apache-2.0
 * Plugin files by path: the same discovery as for the plugin path, over one folder. */
#include "cli/plugin_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

int plugin_file_open(const struct config *config, const char *path, struct catalog **ret_catalog,
                     struct plugin **ret_plugin, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *full = realpath(path, NULL);
    if (!full)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "cannot open %s: %s", path,
                         strerror(errno));
    LLMSPELL_CLEANUP_FREE char *folder = strdup(full);
    if (!folder)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *strrchr(folder, '/') = '\0';
    const char *folders[] = {*folder ? folder : "/", NULL};
    struct catalog_options options = {
        .folders = folders, .allow_writable = config_bool(config, "plugins", "allow_writable")};
    int rc = catalog_open(&options, ret_catalog, ret_error);
    if (rc < 0)
        return rc;
    for (size_t i = 0; (*ret_plugin = catalog_at(*ret_catalog, i)); i++)
        if (strcmp((*ret_plugin)->path, full) == 0)
            return 0;
    return error_set(ret_error, LLMSPELL_EINVAL, "%s is no plugin file: its name must end in .so",
                     path);
}

bool plugin_file_is(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 3 && strcmp(name + n - 3, ".so") == 0);
}

char *plugin_file_beside(const struct plugin *plugin, const char *name)
{
    static const char *const folders[] = {"", "../"};
    int n = (int)(strrchr(plugin->path, '/') - plugin->path) + 1;
    for (size_t i = 0; i < 2; i++) {
        LLMSPELL_CLEANUP_FREE char *manifest = NULL;
        char *path;
        if (asprintf(&manifest, "%.*s%s%s.json", n, plugin->path, folders[i], plugin->head.name) <
            0) {
            manifest = NULL;
            return NULL;
        }
        if (access(manifest, R_OK) != 0 ||
            asprintf(&path, "%.*s%s%s", n, plugin->path, folders[i], name) < 0)
            continue;
        if (access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}
