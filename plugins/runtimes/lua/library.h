/* SPDX-License-Identifier: Apache-2.0
 * One line on each function of the standard library and of ours, found by the function itself, so
 * that another name for it (local fmt = string.format) is known, too. For complete.c, inspect.c. */
#ifndef LUA_RUNTIME_LIBRARY_H
#define LUA_RUNTIME_LIBRARY_H

#include <lua.h>
#include <stddef.h>

struct library_entry {
    const char *path;      /* "string.format", "file:read" */
    const char *signature; /* "(format, ...)"; "" if it is no function */
    const char *about;
};

void library_open(lua_State *L); /* after all that it knows is there */
/* Of a C function or a table of a library; else NULL. */
const struct library_entry *library_of(lua_State *L, int index);
/* By name, for what is no function: math.pi */
const struct library_entry *library_named(const char *path, size_t size);

#endif
