/* SPDX-License-Identifier: Apache-2.0
 * The keys of a table in a fixed order: numbers by value, strings by bytes, false, true, others.
 * Used by show.c, convert.c and complete.c, so that nothing depends on hash order. */
#ifndef LUA_RUNTIME_KEYS_H
#define LUA_RUNTIME_KEYS_H

#include <lua.h>
#include <stddef.h>

struct key {
    int type;       /* LUA_TNUMBER, LUA_TSTRING, … */
    int is_integer; /* of a number */
    lua_Integer integer;
    lua_Number number;
    const char *string; /* lives as long as the pushed anchor */
    size_t size;
    lua_Integer anchor; /* its index in the anchor table */
};

/* Pushes two values: the anchor (an array of the keys) and the memory of the result. Integer keys
 * from 1 to skip are left out; at most max keys are collected, *ret_total counts all of them. */
struct key *keys_sorted(lua_State *L, int table, lua_Integer skip, size_t max, size_t *ret_count,
                        size_t *ret_total);

#endif
