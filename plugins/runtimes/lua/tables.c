/* SPDX-License-Identifier: Apache-2.0 AND MIT
 * table.insert, remove, move, concat and sort: what Lua's own do (ltablib.c, whose licence stands
 * in pattern.c), with a look at the interrupt in each loop. pack and unpack stay Lua's own, since
 * the stack bounds them. Called by state.c. */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "state.h"

#define MAY_READ 1
#define MAY_WRITE 2
#define HAS_LENGTH 4
#define RANDOM_FROM 100u /* elements, from which on a pivot may be random */
#define LOOK_EVERY 256   /* elements that are moved between two looks; a power of 2 */

/* ---- arguments ---- */

static int has_field(lua_State *L, const char *key, int depth)
{
    lua_pushstring(L, key);
    return lua_rawget(L, -depth) != LUA_TNIL;
}

/* A table, or a value whose metatable makes it like one. */
static void check_table(lua_State *L, int index, int what)
{
    int pushed = 1;
    if (lua_type(L, index) == LUA_TTABLE)
        return;
    if (lua_getmetatable(L, index) && (!(what & MAY_READ) || has_field(L, "__index", ++pushed)) &&
        (!(what & MAY_WRITE) || has_field(L, "__newindex", ++pushed)) &&
        (!(what & HAS_LENGTH) || has_field(L, "__len", ++pushed)))
        lua_pop(L, pushed);
    else
        luaL_checktype(L, index, LUA_TTABLE);
}

static lua_Integer check_length(lua_State *L, int what)
{
    check_table(L, 1, what | HAS_LENGTH);
    return luaL_len(L, 1);
}

/* to[there] = table at 1 [here] */
static inline void move_one(lua_State *L, lua_Integer here, int to, lua_Integer there)
{
    if ((here & (LOOK_EVERY - 1)) == 0)
        interrupt_look(L);
    lua_geti(L, 1, here);
    lua_seti(L, to, there);
}

/* ---- insert, remove, move, concat ---- */

static int table_insert(lua_State *L)
{
    lua_Integer end = (lua_Integer)((lua_Unsigned)check_length(L, MAY_READ | MAY_WRITE) + 1u),
                position = end;
    int count = lua_gettop(L);
    if (count != 2 && count != 3)
        return luaL_error(L, "wrong number of arguments to 'insert'");
    if (count == 3) {
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1u < (lua_Unsigned)end, 2,
                      "position out of bounds");
        for (lua_Integer i = end; i > position; i--)
            move_one(L, i - 1, 1, i);
    }
    lua_seti(L, 1, position);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer size = check_length(L, MAY_READ | MAY_WRITE);
    lua_Integer position = luaL_optinteger(L, 2, size);
    if (position != size)
        luaL_argcheck(L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2,
                      "position out of bounds");
    lua_geti(L, 1, position);
    for (; position < size; position++)
        move_one(L, position + 1, 1, position);
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

/* Upwards where that overwrites nothing that is still needed. */
static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3);
    lua_Integer there = luaL_checkinteger(L, 4);
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1, MAY_READ);
    check_table(L, to, MAY_WRITE);
    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = end - from + 1;
        luaL_argcheck(L, there <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        if (there > end || there <= from || (to != 1 && !lua_compare(L, 1, to, LUA_OPEQ)))
            for (lua_Integer i = 0; i < count; i++)
                move_one(L, from + i, to, there + i);
        else
            for (lua_Integer i = count - 1; i >= 0; i--)
                move_one(L, from + i, to, there + i);
    }
    lua_pushvalue(L, to);
    return 1;
}

static void add_element(lua_State *L, luaL_Buffer *buffer, lua_Integer i)
{
    if ((i & (LOOK_EVERY - 1)) == 0)
        interrupt_look(L);
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1),
                   (LUAI_UACINT)i);
    luaL_addvalue(buffer);
}

static int table_concat(lua_State *L)
{
    luaL_Buffer buffer;
    lua_Integer last = check_length(L, MAY_READ);
    size_t size;
    const char *separator = luaL_optlstring(L, 2, "", &size);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_buffinit(L, &buffer);
    for (; i < last; i++) {
        add_element(L, &buffer, i);
        luaL_addlstring(&buffer, separator, size);
    }
    if (i == last)
        add_element(L, &buffer, i);
    luaL_pushresult(&buffer);
    return 1;
}

/* ---- sort: quicksort, as in Lua, so that equal elements end up in the same places ---- */

/* t[i], t[j] = the two values on top, which it pops: top first */
static void set_two(lua_State *L, unsigned i, unsigned j)
{
    lua_seti(L, 1, i);
    lua_seti(L, 1, j);
}

static int is_less(lua_State *L, int a, int b)
{
    if (lua_isnil(L, 2)) {
        interrupt_look(L);
        return lua_compare(L, a, b, LUA_OPLT);
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a - 1);
    lua_pushvalue(L, b - 2);
    lua_call(L, 2, 1);
    int is = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is;
}

/* The pivot is on top and at up - 1; t[low] <= pivot <= t[up]. Its place in the end. */
static unsigned divide(lua_State *L, unsigned low, unsigned up)
{
    unsigned i = low, j = up - 1;
    for (;;) {
        while ((void)lua_geti(L, 1, ++i), is_less(L, -1, -2)) {
            if (i == up - 1)
                luaL_error(L, "invalid order function for sorting");
            lua_pop(L, 1);
        }
        while ((void)lua_geti(L, 1, --j), is_less(L, -3, -1)) {
            if (j < i)
                luaL_error(L, "invalid order function for sorting");
            lua_pop(L, 1);
        }
        if (j < i) {
            lua_pop(L, 1);
            set_two(L, up - 1, i);
            return i;
        }
        set_two(L, i, j);
    }
}

static unsigned some_number(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_nsec ^ (unsigned)now.tv_sec;
}

/* In the middle half. */
static unsigned choose_pivot(unsigned low, unsigned up, unsigned random)
{
    if (up - low < RANDOM_FROM || random == 0)
        return (low + up) / 2;
    unsigned quarter = (up - low) / 4;
    return random % (quarter * 2) + (low + quarter);
}

/* Puts t[low], t[pivot], t[up] in order; pivot may be one of the others. */
static void order_ends(lua_State *L, unsigned low, unsigned up)
{
    lua_geti(L, 1, low);
    lua_geti(L, 1, up);
    if (is_less(L, -1, -2))
        set_two(L, low, up);
    else
        lua_pop(L, 2);
}

static void order_middle(lua_State *L, unsigned low, unsigned pivot, unsigned up)
{
    lua_geti(L, 1, pivot);
    lua_geti(L, 1, low);
    if (is_less(L, -2, -1)) {
        set_two(L, pivot, low);
        return;
    }
    lua_pop(L, 1);
    lua_geti(L, 1, up);
    if (is_less(L, -1, -2))
        set_two(L, pivot, up);
    else
        lua_pop(L, 2);
}

static void sort_range(lua_State *L, unsigned low, unsigned up, unsigned random)
{
    while (low < up) {
        unsigned smaller, pivot;
        order_ends(L, low, up);
        if (up - low == 1)
            return;
        pivot = choose_pivot(low, up, random);
        order_middle(L, low, pivot, up);
        if (up - low == 2)
            return;
        lua_geti(L, 1, pivot);
        lua_pushvalue(L, -1);
        lua_geti(L, 1, up - 1);
        set_two(L, pivot, up - 1);
        pivot = divide(L, low, up);
        if (pivot - low < up - pivot) {
            sort_range(L, low, pivot - 1, random);
            smaller = pivot - low;
            low = pivot + 1;
        } else {
            sort_range(L, pivot + 1, up, random);
            smaller = up - pivot;
            up = pivot - 1;
        }
        if ((up - low) / 128 > smaller)
            random = some_number();
    }
}

static int table_sort(lua_State *L)
{
    lua_Integer size = check_length(L, MAY_READ | MAY_WRITE);
    if (size > 1) {
        luaL_argcheck(L, size < INT_MAX, 1, "array too big");
        if (!lua_isnoneornil(L, 2))
            luaL_checktype(L, 2, LUA_TFUNCTION);
        lua_settop(L, 2);
        sort_range(L, 1, (unsigned)size, 0);
    }
    return 0;
}

void tables_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"insert", table_insert}, {"remove", table_remove},
                                         {"move", table_move},     {"concat", table_concat},
                                         {"sort", table_sort},     {NULL, NULL}};
    lua_getglobal(L, "table");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
