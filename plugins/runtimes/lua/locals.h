/* SPDX-License-Identifier: Apache-2.0
 * The names that the text before the cursor declares: locals that are in scope there, and globals
 * that it assigns but that may not exist yet. For scope.c, complete.c and inspect.c. */
#ifndef LUA_RUNTIME_LOCALS_H
#define LUA_RUNTIME_LOCALS_H

#include "lexer.h"

enum local_kind { LOCAL_VARIABLE, LOCAL_FUNCTION, LOCAL_PARAMETER, LOCAL_LOOP };

struct local {
    const char *name; /* in the text, or a literal */
    size_t size;
    size_t at; /* number of its token, of "function" for "self" */
    enum local_kind kind;
    int depth;          /* of blocks */
    size_t first, last; /* tokens of its value, if that is a chain of names and calls; else 1, 0 */
};

struct local_list {
    struct local *items;
    size_t count, room;
};

struct locals {
    struct local_list scoped, globals;
    int failed; /* memory ran out: incomplete */
};

/* Reads tokens number 0 to count - 1 of text. */
void locals_read(struct locals *locals, const char *text, const struct token *tokens, size_t count);
void locals_clear(struct locals *locals);
/* The last one of that name whose token has a number below before. */
const struct local *locals_find(const struct local_list *list, const char *name, size_t size,
                                size_t before);

#endif
