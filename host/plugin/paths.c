/* SPDX-License-Identifier: Apache-2.0
 * The plugin path. */
#include "plugin/paths.h"

#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#ifndef LLMSPELL_LIBDIR
#define LLMSPELL_LIBDIR "lib" /* CMAKE_INSTALL_LIBDIR of the build */
#endif

#define BUNDLED 2 /* folders at the end of the list */

struct list {
    const char *cwd; /* where relative paths start: a daemon's own folder is / */
    char **items;
    size_t count;
    bool failed;
};

/* path from the root on and, if it is there, without dots and links. Takes over path. */
static char *absolute(const char *cwd, char *path)
{
    char *full = NULL;
    if (path && *path != '/' && cwd) {
        if (asprintf(&full, "%s/%s", cwd, path) < 0)
            full = NULL;
        free(path);
        path = full;
    }
    full = path ? realpath(path, NULL) : NULL;
    if (!full)
        return path;
    free(path);
    return full;
}

/* Takes over path. */
static void add(struct list *list, char *path)
{
    path = absolute(list->cwd, path);
    char **grown = path ? reallocarray(list->items, list->count + 2, sizeof *grown) : NULL;
    if (!grown) {
        list->failed = true;
        free(path);
        return;
    }
    list->items = grown;
    grown[list->count++] = path;
    grown[list->count] = NULL;
}

static void add_separated(struct list *list, const char *text)
{
    while (text && *text) {
        size_t n = strcspn(text, ":");
        if (n > 0)
            add(list, strndup(text, n));
        text += n + (text[n] == ':');
    }
}

static void add_format(struct list *list, const char *folder, size_t length, const char *rest)
{
    char *path;
    add(list, asprintf(&path, "%.*s%s", (int)length, folder, rest) < 0 ? NULL : path);
}

char **plugin_paths(const struct config *config, const char *const *arguments, const char *program)
{
    struct list list = {.cwd = config_cwd(config)};
    for (; arguments && *arguments; arguments++)
        add(&list, strdup(*arguments));
    add_separated(&list, config_string(config, "plugins", "path"));
    add_separated(&list, getenv("LLMSPELL_PLUGIN_PATH"));
    add_format(&list, config_home(config), strlen(config_home(config)), "/plugins");
    const char *slash = strrchr(program, '/');
    size_t length = slash ? (size_t)(slash - program) : 0;
    add_format(&list, program, length, "/../lib/llmspell");
    add_format(&list, program, length, "/../" LLMSPELL_LIBDIR "/llmspell");
    if (!list.failed)
        return list.items;
    plugin_paths_free(list.items);
    return NULL;
}

const char *const *plugin_paths_bundled(char *const *paths)
{
    size_t count = 0;
    while (paths[count])
        count++;
    return (const char *const *)paths + count - BUNDLED;
}

void plugin_paths_free(char **paths)
{
    for (size_t i = 0; paths && paths[i]; i++)
        free(paths[i]);
    free(paths);
}
