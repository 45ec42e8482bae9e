/* SPDX-License-Identifier: Apache-2.0
 * A growing byte buffer that Lua collects (an error may leave the C code that fills it at any
 * point), and UTF-8. Used by show.c, json.c, inspect.c, report.c. */
#ifndef LUA_RUNTIME_TEXT_H
#define LUA_RUNTIME_TEXT_H

#include <jansson.h>
#include <lua.h>
#include <stddef.h>

struct text {
    char *data;
    size_t size, room;
    int failed; /* memory ran out: data is incomplete */
};

struct text *text_new(lua_State *L); /* pushes a userdata that owns it */
void text_free(struct text *text);   /* now: the collector does not know how large it is */
void text_open(lua_State *L);
void text_add(struct text *text, const char *data, size_t size);
void text_puts(struct text *text, const char *string);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);
void text_check(lua_State *L, const struct text *text); /* raises if it failed */

/* Bytes of the UTF-8 character at data, or 0 if there is no valid one. */
size_t text_character(const char *data, size_t size);
/* Bytes that a character with this first byte has: 1 to 4 (1 for a byte that starts none). */
size_t text_expected(unsigned char first);
int text_is_utf8(const char *data, size_t size);
/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL: out of memory. */
json_t *text_json(const char *data, size_t size);

#endif
