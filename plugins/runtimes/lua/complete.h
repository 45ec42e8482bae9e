/* SPDX-License-Identifier: Apache-2.0
 * What the files of complete_request share. No code of the script runs: tables are read raw, of
 * metatables only __index tables are followed. */
#ifndef LUA_RUNTIME_COMPLETE_H
#define LUA_RUNTIME_COMPLETE_H

#include "call.h"
#include "match.h"
#include "scope.h"

struct completion {
    struct runtime *rt;
    struct scope scope;
    struct code rest; /* behind the cursor */
    struct matches matches;
    json_t *tools, *manifest; /* what matches borrow names from */
};

/* ---- complete_tool.c ---- */
/* The manifest of the tool whose parameters the table of a call holds, or NULL. */
json_t *complete_manifest(lua_State *L, struct runtime *rt, const struct scope *scope,
                          const struct call *call);
/* The schema of the table in which the cursor stands: follows the call's path. */
const json_t *complete_schema(const json_t *manifest, const struct scope *scope,
                              const struct call *call);
/* Names or values of a parameter in front of token number last. 1: nothing else fits there. */
int complete_parameters(lua_State *L, struct completion *c, size_t last);
/* In the string that is token number last: a parameter's values, a tool's or a module's name. */
void complete_argument(lua_State *L, struct completion *c, size_t last);
void complete_tools(struct completion *c); /* the names of all tools */

/* ---- complete_module.c ---- */
void complete_modules(lua_State *L, struct completion *c); /* what require finds */

#endif
