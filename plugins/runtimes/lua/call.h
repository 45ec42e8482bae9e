/* SPDX-License-Identifier: Apache-2.0
 * The call in whose arguments the cursor stands, and the way through the table constructors of that
 * argument. For complete.c (parameters of tools) and inspect.c (Shift-Tab inside of a call). */
#ifndef LUA_RUNTIME_CALL_H
#define LUA_RUNTIME_CALL_H

#include "scope.h"

#define CALL_PATH 8
#define CALL_NONE SIZE_MAX

struct call {
    size_t open;     /* token: ( or {, or the string of f"…" */
    size_t callee;   /* the last token of what is called */
    size_t argument; /* number of the argument, from 0 */
    size_t table;    /* token: the { that is that argument; or CALL_NONE */
    size_t inner;    /* token: the innermost open bracket before the cursor; or CALL_NONE */
    struct token path[CALL_PATH]; /* innermost first: the field of each table, or '{' of a list */
    int depth;
};

/* Looks at the tokens before number end. 0 if they open no call. */
int call_find(const struct scope *scope, size_t end, struct call *ret_call);
/* The first token of the argument of a call that begins with "(", or CALL_NONE. */
size_t call_argument(const struct scope *scope, const struct call *call, size_t argument,
                     size_t end);

#endif
