/* SPDX-License-Identifier: Apache-2.0
 * The text that a function was compiled from: of a cell as it was run, of a file as it is now. What
 * is kept of cells is bounded; a cell without functions is not kept. For execute.c and function.c.
 */
#ifndef LUA_RUNTIME_SOURCE_H
#define LUA_RUNTIME_SOURCE_H

#include "state.h"

#define SOURCE_CELLS 256
#define SOURCE_BYTES 1048576 /* of all cells together, and of a file that is read */

struct source_cell {
    char *name; /* chunk name; NULL: free */
    char *text; /* behind the name, in the same block */
    size_t size;
};

struct sources {
    struct source_cell cells[SOURCE_CELLS]; /* a ring */
    size_t next, bytes;
};

void source_keep(struct runtime *rt, const char *name, struct code code);
void source_close(struct runtime *rt);
/* The text of the cell that was kept last under a chunk name; text NULL: none. */
struct code source_cell(const struct runtime *rt, const char *name);
/* A regular file; malloc'ed. NULL: there is none, or it is too large. */
char *source_read(const char *path, size_t *ret_size);
/* The text that holds a function (what lua_getinfo says with "S"). *ret_own: to be freed. 0 if
 * there is none that fits. */
int source_find(struct runtime *rt, const lua_Debug *about, struct code *ret_code, char **ret_own);
/* Line number n (from 1) without its newline; text NULL if there is none. */
struct code source_line(struct code code, int n);
/* Lines first to last. */
struct code source_lines(struct code code, int first, int last);

#endif
