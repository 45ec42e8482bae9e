/* SPDX-License-Identifier: Apache-2.0 AND MIT
 * Lua's pattern matching, as in lstrlib.c of Lua 5.4, which gives way to an interrupt. strings.c
 * makes the functions of `string` of it. */
#ifndef LUA_RUNTIME_PATTERN_H
#define LUA_RUNTIME_PATTERN_H

#include <stddef.h>

#include "state.h"

#define PATTERN_CAPTURES 32 /* LUA_MAXCAPTURES */
#define PATTERN_ESCAPE '%'
#define PATTERN_POSITION (-2) /* the length of a capture that is a position */

struct pattern {
    const char *subject, *subject_end;
    const char *end; /* of the pattern */
    lua_State *L;
    const atomic_int *stop; /* != 0: the code has to end */
    int depth;              /* recursion that is left */
    int level;              /* captures, finished or not */
    struct {
        const char *start;
        ptrdiff_t size;
    } capture[PATTERN_CAPTURES];
};

struct span {
    const char *start, *end;
};

#define PATTERN_DEPTH 200 /* recursion: the C stack is finite */

/* Before the match at s: forgets the captures of the one before, and where an error left it. */
static inline void pattern_again(struct pattern *m, const char *s)
{
    if (((uintptr_t)s & 63) == 0) /* a subject may have many places where nothing matches */
        interrupt_look(m->L);
    m->level = 0;
    m->depth = PATTERN_DEPTH;
}

void pattern_init(struct pattern *m, lua_State *L, struct span subject, const char *end);
/* The end of the match of pattern at s, or NULL. Raises on a bad pattern and on an interrupt. */
const char *pattern_match(struct pattern *m, const char *s, const char *pattern);
/* The size and text of capture i (capture 0 of none: the match); a position is pushed instead. */
ptrdiff_t pattern_capture(struct pattern *m, int i, struct span match, const char **ret_text);
/* Pushes capture i, or all of them (without any, the match if it is given); their number. */
void pattern_push_capture(struct pattern *m, int i, struct span match);
int pattern_push_captures(struct pattern *m, struct span match);

#endif
