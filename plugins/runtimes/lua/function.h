/* SPDX-License-Identifier: Apache-2.0
 * What can be said about a function without calling it: its parameters, where it stands, the
 * comment above it. For complete.c and inspect*.c. */
#ifndef LUA_RUNTIME_FUNCTION_H
#define LUA_RUNTIME_FUNCTION_H

#include "state.h"
#include "text.h"

/* "(a, b, ...)" of a Lua function or a known C function; nothing of another one. */
void function_signature(lua_State *L, int index, struct text *out);
/* "In [3], lines 1 to 4", "util.lua, line 7", "C" */
void function_place(const lua_Debug *about, struct text *out);
/* The comment that stands directly above line number line of code, without its dashes. */
void function_comment(struct code code, int line, struct text *out);

#endif
