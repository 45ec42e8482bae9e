/* SPDX-License-Identifier: Apache-2.0
 * Globs on paths: star and question mark not over "/", "**" over folders, [a-z], {a,b}. Compiled
 * into each tool that uses it. */
#ifndef TOOLS_SHARED_GLOB_H
#define TOOLS_SHARED_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Matches the whole text; no braces. "**" counts where it is a whole component. \ escapes. */
bool glob_match(const char *glob, const char *text);

/* Globs without braces, of which one must match. Zeroed = none. */
struct globs {
    char **list;
    size_t count, room;
};

/* Adds what glob stands for without its braces. 0, E2BIG (over 1,000 globs) or ENOMEM. */
int globs_add(struct globs *globs, const char *glob);

/* path is relative. A glob without "/" matches the last name at any depth; one that ends in "/"
 * folders only; "/" or "./" in front is dropped. */
bool globs_match(const struct globs *globs, const char *path, bool folder);

void globs_clear(struct globs *globs);

#endif
