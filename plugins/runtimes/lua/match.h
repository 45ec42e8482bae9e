/* SPDX-License-Identifier: Apache-2.0
 * What a completion offers: names that begin with what was typed, in order. Nothing of it lives in
 * the Lua state, so that completing makes no garbage there. Used by complete*.c. */
#ifndef LUA_RUNTIME_MATCH_H
#define LUA_RUNTIME_MATCH_H

#include <jansson.h>
#include <stddef.h>

#define MATCH_MAX 2000      /* that are sent */
#define MATCH_SEEN 20000    /* that are sorted */
#define MATCH_SIZE 200      /* bytes of the longest name */
#define MATCH_VISITS 100000 /* entries of tables that are looked at */

struct match {
    const char *text; /* borrowed, or own */
    size_t size;
    const char *type; /* a literal */
    char *own;        /* malloc'ed or NULL */
    char *signature;  /* malloc'ed or NULL */
    int folded;       /* fits only if case does not count */
    int is_tool;      /* text is the name of a tool */
    size_t order;
};

struct matches {
    const char *prefix;
    size_t prefix_size;
    struct match *items;
    size_t count, room;
    size_t visits; /* entries of tables so far */
};

/* Adds a name if it fits and there is room; else NULL. text has to live as long as the matches. */
struct match *match_add(struct matches *matches, const char *text, size_t size, const char *type);
/* The same with a copy of the text. */
struct match *match_copy(struct matches *matches, const char *text, size_t size, const char *type);
int match_fits(const struct matches *matches, const char *text, size_t size);
/* Sorts, drops what comes twice (the first one stays) and what is beyond MATCH_MAX. */
void match_sort(struct matches *matches);
void match_clear(struct matches *matches);

#endif
