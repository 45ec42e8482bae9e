/* SPDX-License-Identifier: Apache-2.0
 * Capabilities of a manifest → the file roots that a tool gets. ${workdir} and ${tmpdir} stand for
 * [policy] fs_roots (by default these two folders); other folders are granted as they are named. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/tool.h"

#define ROOTS_MAX 32

struct roots {
    struct files_root items[ROOTS_MAX];
    unsigned count;
};

static void roots_clear(struct roots *roots)
{
    for (unsigned i = 0; i < roots->count; i++)
        free((char *)roots->items[i].path);
}

static int add_root(struct roots *roots, const char *path, bool write, struct error *ret_error)
{
    for (unsigned i = 0; i < roots->count; i++) {
        if (strcmp(roots->items[i].path, path) == 0) {
            roots->items[i].write |= write;
            return 0;
        }
    }
    char *copy = roots->count < ROOTS_MAX ? strdup(path) : NULL;
    if (!copy)
        return error_set(ret_error, LLMSPELL_ELIMIT, "more than %d file roots", ROOTS_MAX);
    roots->items[roots->count++] = (struct files_root){copy, write};
    return 0;
}

/* $LLMSPELL_HOME/state/tools/NAME, made on first use, mode 0700. */
static int add_statedir(struct roots *roots, const struct grant_folders *folders, bool write,
                        struct error *ret_error)
{
    static const char *const levels[] = {"", "/state", "/state/tools"};
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    for (size_t i = 0; i < 3; i++) {
        LLMSPELL_CLEANUP_FREE char *parent = NULL;
        if (asprintf(&parent, "%s%s", folders->home, levels[i]) >= 0)
            mkdir(parent, 0700);
    }
    if (asprintf(&path, "%s/state/tools/%s", folders->home, folders->tool_name) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make the state folder %s: %s", path,
                         strerror(errno));
    return add_root(roots, path, write, ret_error);
}

/* The folders of [policy] fs_roots, separated by ':'. */
static int add_policy_roots(struct roots *roots, const struct grant_folders *folders, bool write,
                            struct error *ret_error)
{
    const char *at = folders->fs_roots ? folders->fs_roots : "${workdir}:${tmpdir}";
    int rc = 0;
    while (rc == 0 && *at) {
        size_t n = strcspn(at, ":");
        LLMSPELL_CLEANUP_FREE char *item = strndup(at, n);
        if (!item)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        if (strcmp(item, "${workdir}") == 0)
            rc = add_root(roots, folders->workdir, write, ret_error);
        else if (strcmp(item, "${tmpdir}") == 0)
            rc = add_root(roots, folders->tmpdir, write, ret_error);
        else if (*item)
            rc = add_root(roots, item, write, ret_error);
        at += n + (at[n] == ':');
    }
    return rc;
}

static int add_capability(struct roots *roots, const char *capability,
                          const struct grant_folders *folders, struct error *ret_error)
{
    static const char read_prefix[] = "fs:read:", write_prefix[] = "fs:write:";
    bool write = strncmp(capability, write_prefix, strlen(write_prefix)) == 0;
    if (!write && strncmp(capability, read_prefix, strlen(read_prefix)) != 0)
        return 0;
    const char *folder = capability + (write ? strlen(write_prefix) : strlen(read_prefix));
    if (strcmp(folder, "${workdir}") == 0 || strcmp(folder, "${tmpdir}") == 0)
        return add_policy_roots(roots, folders, write, ret_error);
    if (strcmp(folder, "${statedir}") == 0)
        return add_statedir(roots, folders, write, ret_error);
    if (*folder != '/')
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "capability \"%s\" of %s names no absolute folder, ${workdir}, ${tmpdir} "
                         "or ${statedir}",
                         capability, folders->tool_name);
    return add_root(roots, folder, write, ret_error);
}

int grants_files(const json_t *capabilities, const struct grant_folders *folders,
                 struct files **ret_files, struct error *ret_error)
{
    struct roots roots = {.count = 0};
    size_t i;
    json_t *item;
    int rc = 0;
    json_array_foreach(capabilities, i, item)
    {
        if (rc == 0)
            rc = add_capability(&roots, json_string_value(item), folders, ret_error);
    }
    *ret_files = NULL;
    if (rc == 0 && roots.count > 0)
        rc = files_new(folders->workdir, roots.items, roots.count, ret_files, ret_error);
    roots_clear(&roots);
    return rc;
}
