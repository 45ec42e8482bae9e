/* SPDX-License-Identifier: Apache-2.0
 * Growing buffers owned by the Lua collector, and UTF-8 checks (see text.h). */
#include "text.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "llmspell.text"

void text_free(struct text *text)
{
    free(text->data);
    memset(text, 0, sizeof *text);
}

static int collect(lua_State *L)
{
    text_free(lua_touserdata(L, 1));
    return 0;
}

void text_open(lua_State *L)
{
    luaL_newmetatable(L, TEXT_TYPE);
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

struct text *text_new(lua_State *L)
{
    struct text *text = lua_newuserdatauv(L, sizeof *text, 0);
    memset(text, 0, sizeof *text);
    luaL_setmetatable(L, TEXT_TYPE);
    return text;
}

static int reserve(struct text *text, size_t more)
{
    if (text->failed)
        return -1;
    if (text->room - text->size > more)
        return 0;
    size_t room = text->room ? text->room : 256;
    while (room - text->size <= more) {
        if (room > SIZE_MAX / 2) {
            text->failed = 1;
            return -1;
        }
        room *= 2;
    }
    char *data = realloc(text->data, room);
    if (!data) {
        text->failed = 1;
        return -1;
    }
    text->data = data;
    text->room = room;
    return 0;
}

void text_add(struct text *text, const char *data, size_t size)
{
    if (reserve(text, size) < 0)
        return;
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length > 0)
        text_add(text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

void text_check(lua_State *L, const struct text *text)
{
    if (text->failed)
        luaL_error(L, "not enough memory");
}

size_t text_expected(unsigned char first)
{
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 1;
}

size_t text_character(const char *data, size_t size)
{
    const unsigned char *s = (const unsigned char *)data;
    if (size == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t expected = text_expected(s[0]);
    if (expected == 1 || size < expected)
        return 0;
    for (size_t i = 1; i < expected; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* overlong, a surrogate, or beyond U+10FFFF */
    return expected;
}

/* ASCII goes by eight bytes at a time: results may have megabytes. */
int text_is_utf8(const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint64_t word = 0;
        if (size - at >= sizeof word)
            memcpy(&word, data + at, sizeof word);
        else
            word = UINT64_MAX;
        size_t length = word & UINT64_C(0x8080808080808080) ? text_character(data + at, size - at)
                                                            : sizeof word;
        if (length == 0)
            return 0;
        at += length;
    }
    return 1;
}

json_t *text_json(const char *data, size_t size)
{
    if (text_is_utf8(data, size))
        return json_stringn_nocheck(data, size);
    if (size > SIZE_MAX / 3 - 1)
        return NULL;
    char *clean = malloc(size * 3 + 1);
    if (!clean)
        return NULL;
    size_t used = 0;
    for (size_t i = 0; i < size;) {
        size_t length = text_character(data + i, size - i);
        memcpy(clean + used, length ? data + i : "\xef\xbf\xbd", length ? length : 3);
        used += length ? length : 3;
        i += length ? length : 1;
    }
    json_t *string = json_stringn(clean, used);
    free(clean);
    return string;
}
