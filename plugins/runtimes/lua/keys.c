/* SPDX-License-Identifier: Apache-2.0
 * Sorted keys of a table (see keys.h). */
#include "keys.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static int rank(const struct key *key)
{
    switch (key->type) {
    case LUA_TNUMBER:
        return 0;
    case LUA_TSTRING:
        return 1;
    case LUA_TBOOLEAN:
        return 2;
    default:
        return 3 + key->type;
    }
}

static int compare_strings(const struct key *a, const struct key *b)
{
    size_t common = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->string, b->string, common);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (rank(a) != rank(b))
        return rank(a) - rank(b);
    if (a->type == LUA_TSTRING)
        return compare_strings(a, b);
    if (a->type == LUA_TNUMBER && a->is_integer && b->is_integer)
        return (a->integer > b->integer) - (a->integer < b->integer);
    if (a->type == LUA_TNUMBER && a->number != b->number)
        return (a->number > b->number) - (a->number < b->number);
    if (a->type == LUA_TBOOLEAN)
        return (a->integer > b->integer) - (a->integer < b->integer);
    return (a->anchor > b->anchor) - (a->anchor < b->anchor);
}

static void describe(lua_State *L, int index, struct key *key)
{
    key->type = lua_type(L, index);
    if (key->type == LUA_TNUMBER) {
        key->is_integer = lua_isinteger(L, index);
        key->integer = key->is_integer ? lua_tointeger(L, index) : 0;
        key->number = lua_tonumber(L, index);
    } else if (key->type == LUA_TSTRING) {
        key->string = lua_tolstring(L, index, &key->size);
    } else if (key->type == LUA_TBOOLEAN) {
        key->integer = lua_toboolean(L, index);
    }
}

static int is_skipped(lua_State *L, int index, lua_Integer skip)
{
    if (!lua_isinteger(L, index))
        return 0;
    lua_Integer value = lua_tointeger(L, index);
    return value >= 1 && value <= skip;
}

struct key *keys_sorted(lua_State *L, int table, lua_Integer skip, size_t max, size_t *ret_count,
                        size_t *ret_total)
{
    table = lua_absindex(L, table);
    luaL_checkstack(L, 6, "too many nested tables");
    lua_newtable(L);
    int anchor = lua_gettop(L);
    size_t count = 0, total = 0;
    for (lua_pushnil(L); lua_next(L, table);) {
        lua_pop(L, 1);
        if (is_skipped(L, -1, skip))
            continue;
        total++;
        if (count == max)
            continue;
        lua_pushvalue(L, -1);
        lua_rawseti(L, anchor, (lua_Integer)++count);
    }
    struct key *keys = lua_newuserdatauv(L, (count ? count : 1) * sizeof *keys, 0);
    memset(keys, 0, (count ? count : 1) * sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        keys[i].anchor = (lua_Integer)i + 1;
        lua_rawgeti(L, anchor, keys[i].anchor);
        describe(L, -1, &keys[i]);
        lua_pop(L, 1);
    }
    qsort(keys, count, sizeof *keys, compare);
    *ret_count = count;
    *ret_total = total;
    return keys;
}
