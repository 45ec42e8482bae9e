/* SPDX-License-Identifier: Apache-2.0
 * The name at the cursor ("a.b:c") and the value that it stands for, found without running any code
 * of the script. For complete.c and inspect.c. */
#ifndef LUA_RUNTIME_SCOPE_H
#define LUA_RUNTIME_SCOPE_H

#include "lexer.h"
#include "locals.h"
#include "state.h"

#define SCOPE_PARTS 32
#define SCOPE_INDEX_MAX 32 /* __index tables that are followed */

struct scope {
    const char *text;
    size_t cursor; /* in bytes */
    struct token *tokens;
    size_t count; /* without the end */
    int in_comment;
    struct locals locals;
    size_t visible; /* only locals whose token has a lower number */

    struct token parts[SCOPE_PARTS]; /* base first; names, or strings and numbers in brackets */
    size_t part_count;               /* without the last name */
    int is_string;                   /* the base is a string literal */
    int separator;                   /* before the last name: '.', ':' or 0 */
    struct token last;               /* the last name; empty if the cursor follows no name */
};

/* Reads the text up to the cursor. Negative: out of memory. */
int32_t scope_open(struct scope *scope, const char *text, size_t cursor);
void scope_close(struct scope *scope);
/* Finds the name that ends with token number last (at scope->count: an empty name at the cursor).
 * 0 if there is none. */
int scope_find(struct scope *scope, size_t last);
/* Pushes the value of the parts (nil if unknown): the globals if there are none. A local counts as
 * what it was set to, if that is a name or a string, else as unknown. */
void scope_push_base(lua_State *L, const struct scope *scope);
/* The local variable that the found name begins with (if it has parts), or is; else NULL. */
const struct local *scope_local(const struct scope *scope);
/* Pushes the value of the expression that ends with token number last; nil if it is unknown. */
void scope_push_value(lua_State *L, const struct scope *scope, size_t last);
/* Calls function(L) with data as light userdata, protected, so that nothing of the script runs: no
 * hook, and no finalizer. The Lua status; the stack is empty. */
int scope_call(struct runtime *rt, lua_CFunction function, void *data);
/* Replaces the value on top by its field, raw, following __index tables. */
void scope_field(lua_State *L, const char *name, size_t size);
/* Replaces the value on top by the table that holds its fields: itself (if first), else the __index
 * of its metatable. 0, and the value popped, if there is none. */
int scope_next(lua_State *L, int first);
/* Byte offset of a cursor in code points (negative: the end). */
size_t scope_offset(const char *text, size_t size, json_int_t code_points);
size_t scope_code_points(const char *text, size_t size);

#endif
