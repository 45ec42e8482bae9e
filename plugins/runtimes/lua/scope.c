/* SPDX-License-Identifier: Apache-2.0
 * Names and their values without running code (see scope.h). */
#include "scope.h"

#include <string.h>

int32_t scope_open(struct scope *scope, const char *text, size_t cursor)
{
    memset(scope, 0, sizeof *scope);
    struct lexer lexer = {.text = text, .size = cursor};
    scope->text = text;
    scope->cursor = cursor;
    scope->tokens = lexer_all(&lexer, &scope->count);
    if (!scope->tokens)
        return LLMSPELL_ENOMEM;
    scope->count--;
    scope->in_comment = lexer.in_comment;
    return 0;
}

void scope_close(struct scope *scope)
{
    free(scope->tokens);
    scope->tokens = NULL;
}

static int kind_at(const struct scope *scope, size_t i)
{
    return i < scope->count ? scope->tokens[i].kind : TOKEN_END;
}

/* Puts a part in front. */
static int add_part(struct scope *scope, struct token part)
{
    if (scope->part_count == SCOPE_PARTS)
        return 0;
    memmove(scope->parts + 1, scope->parts, scope->part_count * sizeof *scope->parts);
    scope->parts[0] = part;
    scope->part_count++;
    return 1;
}

/* Collects the parts that end before token number i, right to left. 1 if they make a name. */
static int collect_parts(struct scope *scope, size_t i)
{
    for (;;) {
        int kind = kind_at(scope, i);
        if (kind == TOKEN_NAME) {
            if (!add_part(scope, scope->tokens[i]))
                return 0;
            if (i < 2 || kind_at(scope, i - 1) != '.')
                return i == 0 || kind_at(scope, i - 1) != ':';
            i -= 2;
        } else if (kind == ']' && i >= 3 && kind_at(scope, i - 2) == '[' &&
                   (kind_at(scope, i - 1) == TOKEN_STRING ||
                    kind_at(scope, i - 1) == TOKEN_NUMBER)) {
            if (!add_part(scope, scope->tokens[i - 1]))
                return 0;
            i -= 3;
        } else if (kind == ')' && i >= 2 && kind_at(scope, i - 1) == TOKEN_STRING &&
                   kind_at(scope, i - 2) == '(' &&
                   (i == 2 || kind_at(scope, i - 3) != TOKEN_NAME)) {
            scope->is_string = 1;
            return 1;
        } else {
            return 0;
        }
    }
}

int scope_find(struct scope *scope, size_t last)
{
    scope->part_count = 0;
    scope->is_string = 0;
    scope->separator = 0;
    scope->last = (struct token){TOKEN_NAME, scope->cursor, scope->cursor};
    if (last < scope->count)
        scope->last = scope->tokens[last];
    if (last == 0)
        return 1;
    int before = kind_at(scope, last - 1);
    if (before != '.' && before != ':')
        return 1;
    scope->separator = before;
    return last >= 2 && collect_parts(scope, last - 2);
}

int scope_next(lua_State *L, int first)
{
    if (first && lua_istable(L, -1))
        return 1;
    if (!lua_getmetatable(L, -1)) {
        lua_pop(L, 1);
        return 0;
    }
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    lua_replace(L, -3);
    lua_pop(L, 1);
    if (lua_istable(L, -1))
        return 1;
    lua_pop(L, 1);
    return 0;
}

/* Looks the key on top up in the value below it; replaces both by the field. */
static void raw_field(lua_State *L)
{
    int key = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_pushvalue(L, key - 1);
    for (int i = 0; i < SCOPE_INDEX_MAX && scope_next(L, i == 0); i++) {
        lua_pushvalue(L, key);
        if (lua_rawget(L, -2) != LUA_TNIL) {
            lua_replace(L, key - 1);
            lua_settop(L, key - 1);
            return;
        }
        lua_pop(L, 1);
    }
    lua_settop(L, key - 2);
    lua_pushnil(L);
}

void scope_field(lua_State *L, const char *name, size_t size)
{
    lua_pushlstring(L, name, size);
    raw_field(L);
}

/* Pushes the key that a part stands for: a name, "text" without escapes, or a number. */
static void push_key(lua_State *L, const struct scope *scope, struct token part)
{
    const char *text = scope->text + part.start;
    size_t size = part.end - part.start;
    if (part.kind == TOKEN_STRING && (*text == '"' || *text == '\'')) {
        lua_pushlstring(L, text + 1, size - 2);
    } else if (part.kind == TOKEN_NUMBER) {
        lua_pushlstring(L, text, size);
        if (lua_stringtonumber(L, lua_tostring(L, -1)) == 0)
            lua_pushnil(L);
        lua_remove(L, -2);
    } else {
        lua_pushlstring(L, text, size);
    }
}

void scope_push_base(lua_State *L, const struct scope *scope)
{
    if (scope->is_string)
        lua_pushliteral(L, "");
    else
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    for (size_t i = 0; i < scope->part_count; i++) {
        push_key(L, scope, scope->parts[i]);
        raw_field(L);
    }
}

size_t scope_offset(const char *text, size_t size, json_int_t code_points)
{
    size_t offset = 0;
    if (code_points < 0)
        return size;
    while (code_points > 0 && offset < size) {
        offset++;
        while (offset < size && ((unsigned char)text[offset] & 0xc0) == 0x80)
            offset++;
        code_points--;
    }
    return offset;
}

size_t scope_code_points(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}
