/* SPDX-License-Identifier: Apache-2.0
 * dlopen of the host's own modules. Never unloaded; dlopen itself counts and locks. */
#include "plugin/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/version.h>

#ifndef LLMSPELL_LIBDIR
#define LLMSPELL_LIBDIR "lib" /* CMAKE_INSTALL_LIBDIR of the build */
#endif

/* The folder of the program, without a slash at its end. */
static int program_folder(char folder[PATH_MAX], struct error *ret_error)
{
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (n <= 0)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "cannot tell where this program lies: /proc/self/exe: %s (is /proc "
                         "mounted?)",
                         strerror(errno));
    folder[n] = '\0';
    *strrchr(folder, '/') = '\0';
    return 0;
}

/* False if there is no such file. */
static bool find(const char *folder, const char *name, char path[PATH_MAX])
{
    static const char *const places[] = {"lib", LLMSPELL_LIBDIR};
    for (size_t i = 0; i < 2; i++) {
        int n =
            snprintf(path, PATH_MAX, "%s/../%s/llmspell/extensions/%s.so", folder, places[i], name);
        if (n < PATH_MAX && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static int check_mode(const char *path, mode_t kind, struct error *ret_error)
{
    struct stat facts;
    if (stat(path, &facts) == 0 && (facts.st_mode & S_IFMT) == kind && !(facts.st_mode & 022))
        return 0;
    return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                     "%s may be written by group or others: run `chmod go-w` on it", path);
}

/* The file, and the folder in which it could be replaced. */
static int check_modes(const char *path, struct error *ret_error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    int rc = check_mode(folder, S_IFDIR, ret_error);
    return rc < 0 ? rc : check_mode(path, S_IFREG, ret_error);
}

static int open_module(const char *path, const char *symbol, const void **ret_table,
                       struct error *ret_error)
{
    const char *version = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE, "cannot load %s: %s", path, dlerror());
    const void *table = dlsym(handle, symbol);
    if (table)
        memcpy(&version, table, sizeof version);
    if (!version || strcmp(version, LLMSPELL_VERSION) != 0)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "%s belongs to llmspell %s, this is %s: install both anew", path,
                         version ? version : "?", LLMSPELL_VERSION);
    *ret_table = table;
    return 0;
}

int module_folder(char folder[PATH_MAX], struct error *ret_error)
{
    char program[PATH_MAX], path[PATH_MAX];
    int rc = program_folder(program, ret_error);
    if (rc < 0)
        return rc;
    if (!find(program, "llmspell-state", path) && !find(program, "llmspell-http", path))
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE, "no module is installed");
    *strrchr(path, '/') = '\0';
    memcpy(folder, path, strlen(path) + 1);
    return 0;
}

int module_load(const char *name, const char *symbol, const void **ret_table,
                struct error *ret_error)
{
    char folder[PATH_MAX], path[PATH_MAX];
    int rc = program_folder(folder, ret_error);
    if (rc < 0)
        return rc;
    if (!find(folder, name, path))
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "this installation lacks %s.so, which belongs into %s/../lib/llmspell/"
                         "extensions: install llmspell completely",
                         name, folder);
    rc = check_modes(path, ret_error);
    return rc < 0 ? rc : open_module(path, symbol, ret_table, ret_error);
}
