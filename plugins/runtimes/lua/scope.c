/* SPDX-License-Identifier: Apache-2.0
 * Names and their values without running code (see scope.h). */
#include "scope.h"
#include "trace.h"

#include <string.h>

#define SCOPE_GARBAGE_MAX 1048576 /* bytes */
#define SCOPE_LOCALS_MAX 8        /* locals that are set to locals */

int32_t scope_open(struct scope *scope, const char *text, size_t cursor)
{
    memset(scope, 0, sizeof *scope);
    struct lexer lexer = {.text = text, .size = cursor};
    scope->text = text;
    scope->cursor = cursor;
    scope->visible = SIZE_MAX;
    scope->tokens = lexer_all(&lexer, &scope->count);
    if (!scope->tokens)
        return LLMSPELL_ENOMEM;
    scope->count--;
    scope->in_comment = lexer.in_comment;
    size_t known = scope->count; /* a name that is being typed declares nothing */
    known -= known > 0 && scope->tokens[known - 1].kind == TOKEN_NAME &&
             scope->tokens[known - 1].end == cursor;
    locals_read(&scope->locals, text, scope->tokens, known);
    return 0;
}

void scope_close(struct scope *scope)
{
    free(scope->tokens);
    scope->tokens = NULL;
    locals_clear(&scope->locals);
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

const struct local *scope_local(const struct scope *scope)
{
    struct token name = scope->part_count ? scope->parts[0] : scope->last;
    if (scope->is_string || (scope->part_count == 0 && scope->separator) || name.kind != TOKEN_NAME)
        return NULL;
    return locals_find(&scope->locals.scoped, scope->text + name.start, name.end - name.start,
                       scope->visible);
}

static void push_chain(lua_State *L, const struct scope *scope, size_t last, int depth);

/* Pushes what a local was set to. */
static void push_local(lua_State *L, const struct scope *scope, const struct local *local,
                       int depth)
{
    struct scope earlier = *scope;
    earlier.visible = local->at; /* local x = x */
    if (local->first > local->last || depth == 0)
        lua_pushnil(L);
    else if (local->first == local->last && kind_at(scope, local->last) == TOKEN_STRING)
        lua_pushliteral(L, "");
    else
        push_chain(L, &earlier, local->last, depth - 1);
}

/* In the midst of debugging the names of a frame, with its globals behind them. */
static void push_globals(lua_State *L)
{
    if (TRACE_IS_ON(runtime_of(L))) {
        if (trace_push_names(L))
            return;
        lua_pop(L, 1);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static void push_base(lua_State *L, const struct scope *scope, int depth)
{
    const struct local *local = scope->part_count ? scope_local(scope) : NULL;
    size_t i = 0;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (scope->is_string) {
        lua_pushliteral(L, "");
    } else if (local) {
        push_local(L, scope, local, depth);
        i = 1;
    } else {
        push_globals(L);
    }
    for (; i < scope->part_count; i++) {
        push_key(L, scope, scope->parts[i]);
        raw_field(L);
    }
}

/* The same for another chain of the same text: the one that ends with token number last. */
static void push_chain(lua_State *L, const struct scope *scope, size_t last, int depth)
{
    struct scope other = *scope;
    other.part_count = 0;
    other.is_string = 0;
    if (collect_parts(&other, last))
        push_base(L, &other, depth);
    else
        lua_pushnil(L);
}

void scope_push_base(lua_State *L, const struct scope *scope)
{
    push_base(L, scope, SCOPE_LOCALS_MAX);
}

void scope_push_value(lua_State *L, const struct scope *scope, size_t last)
{
    push_chain(L, scope, last, SCOPE_LOCALS_MAX);
}

static int allocate_any(lua_State *L)
{
    lua_newuserdatauv(L, 1, 0);
    return 0;
}

/* Names that are not there become strings all the same, and as long as nothing but questions comes
 * nobody would collect them. A collection that a lack of memory forces runs no finalizers. */
static void drop_garbage(struct runtime *rt, size_t used_before)
{
    size_t used = atomic_load_explicit(&rt->memory_used, memory_order_relaxed);
    rt->garbage += used > used_before ? used - used_before : 0;
    if (rt->garbage < SCOPE_GARBAGE_MAX)
        return;
    rt->garbage = 0;
    rt->starved = 1;
    state_call(rt, allocate_any, NULL);
    rt->starved = 0;
    lua_settop(rt->L, 0);
}

int scope_call(struct runtime *rt, lua_CFunction function, void *data)
{
    lua_State *L = rt->L;
    lua_Hook hook = lua_gethook(L);
    int mask = lua_gethookmask(L), count = lua_gethookcount(L);
    int collects = lua_gc(L, LUA_GCISRUNNING);
    size_t used = atomic_load_explicit(&rt->memory_used, memory_order_relaxed);
    lua_sethook(L, NULL, 0, 0);
    lua_gc(L, LUA_GCSTOP);
    int status = state_call(rt, function, data);
    lua_settop(L, 0);
    if (collects) {
        drop_garbage(rt, used);
        lua_gc(L, LUA_GCRESTART);
    }
    if (hook)
        lua_sethook(L, hook, mask, count);
    return status;
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
