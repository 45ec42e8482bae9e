/* SPDX-License-Identifier: Apache-2.0
 * Walks a path component by component with lstat and readlink. The answer is only what the policy
 * is held against: files.c opens beneath the root's descriptor, so a tree that changes meanwhile
 * can make this answer stale but never lets an open leave the root. */
#include "sandbox/resolve.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel */

struct walk {
    const struct resolve_roots *roots;
    struct resolved *out;
    size_t length;       /* of out->path */
    char rest[PATH_MAX]; /* text yet to walk starts at next */
    char *next;
    unsigned links;
    size_t trusted; /* while at least so much is left, the text comes from a link outside */
    bool follow;
    bool gone; /* out->path does not exist: the rest is only text */
};

/* True if path is folder or lies below it. */
static bool holds(const char *folder, size_t length, const char *path)
{
    return strncmp(folder, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

const struct resolve_root *resolve_find(const struct resolve_roots *roots, const char *path,
                                        bool write)
{
    const struct resolve_root *best = NULL;
    for (unsigned i = 0; i < roots->count; i++) {
        const struct resolve_root *root = &roots->list[i];
        if ((root->write || !write) && holds(root->path, root->length, path) &&
            (!best || root->length > best->length))
            best = root;
    }
    return best;
}

bool resolve_is_root(const struct resolve_roots *roots, const char *path)
{
    for (unsigned i = 0; i < roots->count; i++)
        if (strcmp(roots->list[i].path, path) == 0)
            return true;
    return false;
}

bool resolve_holds_root(const struct resolve_roots *roots, const char *path)
{
    size_t length = strlen(path);
    for (unsigned i = 0; i < roots->count; i++)
        if (roots->list[i].length > length && holds(path, length, roots->list[i].path))
            return true;
    return false;
}

/* The errno to report at the current place: outside the roots it must tell nothing. */
static int guarded(const struct walk *walk, int error)
{
    return resolve_find(walk->roots, walk->out->path, false) ? error : EXDEV;
}

static void strip_last(struct walk *walk)
{
    char *slash = strrchr(walk->out->path, '/');
    walk->length = slash ? (size_t)(slash - walk->out->path) : 0;
    walk->out->path[walk->length] = '\0';
}

/* `..`: outside the roots only an ancestor of a root may be left upwards (that it exists is no
 * news); else "/x/../granted/file" would tell whether /x exists. */
static int go_up(struct walk *walk)
{
    bool trusted = strlen(walk->next) >= walk->trusted;
    if (!trusted && !resolve_find(walk->roots, walk->out->path, false) &&
        !resolve_holds_root(walk->roots, walk->out->path))
        return EXDEV;
    walk->out->broken |= walk->gone;
    strip_last(walk);
    return 0;
}

/* Links of procfs lead to what this process happens to have open, not to what their text says. */
static bool in_procfs(const char *path)
{
    char folder[PATH_MAX];
    struct statfs fs;
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    memcpy(folder, path, length);
    memcpy(folder + length, "/", 2);
    return statfs(folder, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Puts the text of the link out->path in front of the rest. */
static int expand_link(struct walk *walk)
{
    char target[PATH_MAX];
    bool outside = !resolve_find(walk->roots, walk->out->path, false);
    if (++walk->links > LINKS_MAX)
        return guarded(walk, ELOOP);
    if (outside && in_procfs(walk->out->path))
        return EXDEV;
    ssize_t got = readlink(walk->out->path, target, sizeof target);
    if (got < 0)
        return guarded(walk, errno);
    size_t length = (size_t)got, left = strlen(walk->next);
    if (length + left >= sizeof walk->rest)
        return guarded(walk, ENAMETOOLONG);
    if (outside && left < walk->trusted)
        walk->trusted = left;
    memmove(walk->rest + length, walk->next, left + 1);
    memcpy(walk->rest, target, length);
    walk->next = walk->rest;
    if (target[0] == '/') {
        walk->length = 0;
        walk->out->path[0] = '\0';
    } else {
        strip_last(walk);
    }
    return 0;
}

static int go_down(struct walk *walk, const char *name, size_t length)
{
    char *path = walk->out->path;
    if (walk->length + 1 + length >= sizeof walk->out->path)
        return guarded(walk, ENAMETOOLONG);
    path[walk->length] = '/';
    memcpy(path + walk->length + 1, name, length);
    walk->length += 1 + length;
    path[walk->length] = '\0';
    if (walk->gone)
        return 0;
    struct stat st;
    if (lstat(path, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return guarded(walk, errno);
        walk->gone = true;
        return 0;
    }
    if (S_ISLNK(st.st_mode) && (*walk->next || walk->follow))
        return expand_link(walk);
    if (!S_ISDIR(st.st_mode) && *walk->next)
        walk->gone = walk->out->not_directory = true;
    return 0;
}

static int step(struct walk *walk)
{
    const char *name = walk->next;
    size_t length = strcspn(name, "/");
    walk->next += length;
    if (walk->trusted != SIZE_MAX && strlen(walk->next) < walk->trusted)
        walk->trusted = SIZE_MAX;
    if (length == 1 && name[0] == '.')
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.')
        return go_up(walk);
    return go_down(walk, name, length);
}

int resolve_path(const struct resolve_roots *roots, const char *path, bool follow,
                 struct resolved *ret_resolved)
{
    struct walk walk = {.roots = roots, .out = ret_resolved, .trusted = SIZE_MAX, .follow = follow};
    size_t length = strlen(path);
    if (length >= sizeof walk.rest)
        return ENAMETOOLONG;
    memcpy(walk.rest, path, length + 1);
    walk.next = walk.rest;
    ret_resolved->path[0] = '\0';
    ret_resolved->broken = ret_resolved->not_directory = false;
    if (path[0] != '/') {
        walk.length = strlen(roots->workdir);
        memcpy(ret_resolved->path, roots->workdir, walk.length + 1);
    }
    for (;;) {
        walk.next += strspn(walk.next, "/");
        if (!*walk.next)
            return 0;
        int error = step(&walk);
        if (error)
            return error;
    }
}
