/* SPDX-License-Identifier: Apache-2.0
 * load, collectgarbage and setmetatable in forms that an interrupt ends: a text is compiled slice
 * by slice, a full collection is made of steps, a finalizer runs in a coroutine of its own, since
 * Lua switches hooks off in the one that it interrupts. Called by state.c. */
#include <string.h>

#include "state.h"
#include "trace.h"

/* ---- load ---- */

struct reading {
    const char *text;
    size_t left;
};

static const char *read_slice(lua_State *L, void *data, size_t *ret_size)
{
    struct reading *reading = data;
    const char *slice = reading->text;
    interrupt_look(L);
    *ret_size = reading->left < RUNTIME_SLICE ? reading->left : RUNTIME_SLICE;
    reading->text += *ret_size;
    reading->left -= *ret_size;
    return *ret_size ? slice : NULL;
}

/* luaL_loadbufferx that an interrupt ends (with an error as its result). */
static int compile(lua_State *L, const char *text, size_t size, const char *name, const char *mode)
{
    struct reading reading = {text, size};
    return lua_load(L, read_slice, &reading, name, mode);
}

/* Upvalue 1: Lua's own load, for the chunks that a function gives. */
static int load_text(lua_State *L)
{
    size_t size;
    if (lua_type(L, 1) != LUA_TSTRING) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    const char *text = lua_tolstring(L, 1, &size);
    const char *mode = luaL_optstring(L, 3, "bt"), *name = luaL_optstring(L, 2, text);
    int has_environment = !lua_isnone(L, 4);
    if (compile(L, text, size, name, mode) != LUA_OK) {
        interrupt_look(L);
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (TRACE_IS_ON(runtime_of(L)))
        trace_loaded(L, -1, (struct code){text, size});
    if (has_environment) {
        lua_pushvalue(L, 4);
        if (!lua_setupvalue(L, -2, 1))
            lua_pop(L, 1);
    }
    return 1;
}

/* Upvalue 1: Lua's own loadfile, or its searcher for Lua files. */
static int load_file(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    if (TRACE_IS_ON(runtime_of(L)) && lua_isfunction(L, 1))
        trace_loaded(L, 1, (struct code){NULL, 0});
    return lua_gettop(L);
}

static int finish_file(lua_State *L, int status, lua_KContext extra)
{
    (void)status;
    (void)extra;
    return lua_gettop(L) - 1;
}

static int do_file(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    lua_settop(L, 1);
    if (luaL_loadfile(L, name) != LUA_OK)
        return lua_error(L);
    if (TRACE_IS_ON(runtime_of(L)))
        trace_loaded(L, -1, (struct code){NULL, 0});
    lua_callk(L, 0, LUA_MULTRET, 0, finish_file);
    return finish_file(L, 0, 0);
}

static void wrap_searcher(lua_State *L)
{
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    lua_rawgeti(L, -1, 2);
    lua_pushcclosure(L, load_file, 1);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}

/* ---- collectgarbage ---- */

/* True if another step has to follow. Inside a finalizer a step does nothing and says so: -1. */
static int step(lua_State *L)
{
    interrupt_look(L);
    return lua_gc(L, LUA_GCSTEP, 0) == 0;
}

/* Ends the cycle that has begun, and makes a whole one. */
static void collect_in_steps(lua_State *L)
{
    for (int cycle = 0; cycle < 2; cycle++)
        while (step(L))
            continue;
}

#define SMALL_HEAP 1048576 /* bytes, which are collected at once */

/* Upvalue 1: Lua's own. The generational mode has no small steps: it stays with Lua. */
static int collect(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "collect");
    if (strcmp(what, "collect") == 0 &&
        atomic_load_explicit(&runtime_of(L)->memory_used, memory_order_relaxed) > SMALL_HEAP) {
        int mode = lua_gc(L, LUA_GCINC, 0, 0, 0);
        if (mode == LUA_GCINC) {
            collect_in_steps(L);
            lua_pushinteger(L, 0);
            return 1;
        }
        if (mode == LUA_GCGEN)
            lua_gc(L, LUA_GCGEN, 0, 0);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* ---- finalizers ---- */

/* Upvalue 1: the script's __gc. */
static int finalize(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int count = lua_gettop(L), results = 0;
    lua_State *co = lua_newthread(L);
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 2);
    lua_xmove(L, co, count + 1);
    interrupt_switch(rt, co);
    int status = lua_resume(co, L, count, &results);
    if (status != LUA_OK)
        lua_resetthread(co); /* closes its to-be-closed variables */
    interrupt_switch(rt, rt->closing ? NULL : L);
    if (status == LUA_OK)
        return 0;
    if (status == LUA_YIELD)
        return luaL_error(L, "attempt to yield from a finalizer");
    lua_xmove(co, L, 1);
    return lua_error(L);
}

/* Puts finalize around the __gc of the metatable at 2, once. */
static void guard_finalizer(lua_State *L)
{
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 2) == LUA_TFUNCTION && !lua_iscfunction(L, -1)) {
        lua_pushcclosure(L, finalize, 1);
        lua_pushliteral(L, "__gc");
        lua_insert(L, -2);
        lua_rawset(L, 2);
    } else {
        lua_pop(L, 1);
    }
}

static int set_metatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    if (type == LUA_TTABLE)
        guard_finalizer(L);
    lua_setmetatable(L, 1);
    return 1;
}

/* Upvalue 1: Lua's own debug.setmetatable. */
static int debug_set_metatable(lua_State *L)
{
    if (lua_type(L, 2) == LUA_TTABLE)
        guard_finalizer(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void heavy_open(lua_State *L)
{
    lua_pushglobaltable(L);
    wrap(L, "load", load_text);
    wrap(L, "loadfile", load_file);
    lua_pushcfunction(L, do_file);
    lua_setfield(L, -2, "dofile");
    wrap_searcher(L);
    wrap(L, "collectgarbage", collect);
    lua_pushcfunction(L, set_metatable);
    lua_setfield(L, -2, "setmetatable");
    lua_getfield(L, -1, "debug");
    if (lua_istable(L, -1))
        wrap(L, "setmetatable", debug_set_metatable);
    lua_pop(L, 2);
}
