/* SPDX-License-Identifier: Apache-2.0
 * What a variablesReference stands for. References hold until the code goes on, and are not used
 * again; values of theirs are kept in a table of the registry. Those of printed values live on: the
 * last ones. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define KEPT_FIRST 1073741824 /* references of values that were printed start here */
#define HANDLES_MAX 1000000

static const char VALUES = 0, KEPT = 0; /* their addresses are keys of the registry */

void handle_clear(struct debug *debug)
{
    for (size_t i = 0; i < debug->handle_count; i++)
        free(debug->handles[i].expression);
    debug->handle_base += (int)debug->handle_count;
    debug->handle_count = 0;
    if (debug->handle_base < 1 || debug->handle_base > KEPT_FIRST - HANDLES_MAX - 1)
        debug->handle_base = 1;
    debug->next_value = 0;
    lua_State *L = debug->rt->L;
    if (!L || !lua_checkstack(L, 1))
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &VALUES);
}

int handle_new(struct debug *debug, struct handle handle)
{
    if (debug->handle_count == debug->handle_room) {
        size_t room = debug->handle_room ? 2 * debug->handle_room : 64;
        struct handle *grown = debug->handle_count < HANDLES_MAX
                                   ? realloc(debug->handles, room * sizeof *grown)
                                   : NULL;
        if (!grown) {
            free(handle.expression);
            return 0;
        }
        debug->handles = grown;
        debug->handle_room = room;
    }
    debug->handles[debug->handle_count] = handle;
    return debug->handle_base + (int)debug->handle_count++;
}

int handle_of_value(struct debug *debug, lua_State *L, int index, char *expression)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &VALUES) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &VALUES);
    }
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, ++debug->next_value);
    lua_pop(L, 1);
    return handle_new(debug, (struct handle){.kind = HANDLE_VALUE,
                                             .value = debug->next_value,
                                             .expression = expression});
}

struct handle *handle_find(struct debug *debug, json_int_t reference)
{
    if (reference >= KEPT_FIRST && reference < KEPT_FIRST + debug->kept_count &&
        reference >= KEPT_FIRST + debug->kept_count - DEBUG_KEPT) {
        debug->kept = (struct handle){.kind = HANDLE_KEPT,
                                      .value = (lua_Integer)(reference % DEBUG_KEPT) + 1};
        return &debug->kept;
    }
    json_int_t i = reference - debug->handle_base;
    return i >= 0 && (size_t)i < debug->handle_count ? &debug->handles[i] : NULL;
}

void handle_push(lua_State *L, const struct handle *handle)
{
    luaL_checkstack(L, 4, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, handle->kind == HANDLE_KEPT ? &KEPT : &VALUES) ==
        LUA_TTABLE)
        lua_rawgeti(L, -1, handle->value);
    else
        lua_pushnil(L);
    lua_remove(L, -2);
}

int handle_keep(struct debug *debug, lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, NULL);
    if (debug->kept_count > INT_MAX - KEPT_FIRST - 1)
        return 0;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &KEPT) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &KEPT);
    }
    int reference = KEPT_FIRST + debug->kept_count++;
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, (lua_Integer)(reference % DEBUG_KEPT) + 1);
    lua_pop(L, 1);
    return reference;
}

void handle_forget_kept(struct debug *debug)
{
    lua_State *L = debug->rt->L;
    debug->kept_count = 0;
    if (!L || !lua_checkstack(L, 1))
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &KEPT);
}
