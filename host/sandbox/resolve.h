/* SPDX-License-Identifier: Apache-2.0
 * From the text of a path to where it really is: symbolic links and `..` followed as the kernel
 * does, judged against the granted roots on the way. Used by files.c alone. */
#ifndef HOST_RESOLVE_H
#define HOST_RESOLVE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct resolve_root {
    char *path; /* absolute, free of links, no slash at the end: "" is "/" */
    size_t length;
    int fd; /* O_PATH|O_DIRECTORY */
    bool write;
};

struct resolve_roots {
    char *workdir; /* as resolve_root.path */
    struct resolve_root *list;
    unsigned count;
};

struct resolved {
    char path[PATH_MAX]; /* as resolve_root.path; the part that does not exist is taken as text */
    bool broken;         /* the text goes on with `..` after something that does not exist */
    bool not_directory;  /* the text goes on after something that is not a directory */
};

/* path: not empty. follow: a link in the last place is followed as well. Returns 0 or an errno;
 * EXDEV stands for everything that would tell something of what lies outside the roots. Whether the
 * place itself lies inside is for resolve_find to say. [any-thread] */
int resolve_path(const struct resolve_roots *roots, const char *path, bool follow,
                 struct resolved *ret_resolved);

/* The deepest root that holds path (or is it) and grants the access; NULL if none. */
const struct resolve_root *resolve_find(const struct resolve_roots *roots, const char *path,
                                        bool write);

/* True if path is a root; true if a root lies below path. */
bool resolve_is_root(const struct resolve_roots *roots, const char *path);
bool resolve_holds_root(const struct resolve_roots *roots, const char *path);

#endif
