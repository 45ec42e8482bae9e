/* SPDX-License-Identifier: Apache-2.0
 * stdlib = safe: no io, no debug, of os only clock, date, difftime, time (and our exit, setlocale),
 * no dofile, loadfile, loadlib, searchpath; load takes text only; require finds Lua text files on
 * the path that was configured, whatever the script makes of package.path. */
#include <string.h>

#include "state.h"
#include "trace.h"

/* Upvalue 1: Lua's own load. */
static int load_text(lua_State *L)
{
    int count = lua_gettop(L);
    const char *mode = luaL_optstring(L, 3, "t");
    if (!strchr(mode, 't')) {
        luaL_pushfail(L);
        lua_pushliteral(L, "binary chunks are switched off (stdlib = safe)");
        return 2;
    }
    if (count < 3)
        lua_settop(L, 3);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* A searcher for require. Upvalue 1: package.searchpath; 2: the path. */
static int search(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_call(L, 2, 2);
    if (lua_isnil(L, -2))
        return 1; /* the message */
    lua_pop(L, 1);
    const char *file = lua_tostring(L, -1);
    if (luaL_loadfilex(L, file, "t") != LUA_OK)
        return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", lua_tostring(L, 1),
                          file, lua_tostring(L, -1));
    if (TRACE_IS_ON(runtime_of(L)))
        trace_loaded(L, -1, (struct code){NULL, 0});
    lua_insert(L, -2);
    return 2;
}

static void limit_package(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_getfield(L, -2, "searchpath");
    lua_getfield(L, -3, "path");
    lua_pushcclosure(L, search, 2);
    lua_rawseti(L, -2, 2); /* 1 looks in package.preload */
    for (lua_Integer i = 3; i <= 4; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
    static const char *const REMOVED[] = {"loadlib", "searchpath", "cpath"};
    for (size_t i = 0; i < sizeof REMOVED / sizeof *REMOVED; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, REMOVED[i]);
    }
    lua_pop(L, 1);
}

static void limit_os(lua_State *L)
{
    static const char *const KEPT[] = {"clock", "date", "difftime", "time"};
    lua_getglobal(L, "os");
    lua_createtable(L, 0, 6);
    for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++) {
        lua_getfield(L, -2, KEPT[i]);
        lua_setfield(L, -2, KEPT[i]);
    }
    lua_remove(L, -2);
    state_global(L, "os");
}

static void limit_base(lua_State *L)
{
    lua_getglobal(L, "load");
    lua_pushcclosure(L, load_text, 1);
    lua_setglobal(L, "load");
    lua_pushnil(L);
    lua_setglobal(L, "dofile");
    lua_pushnil(L);
    lua_setglobal(L, "loadfile");
}

void safe_limit(lua_State *L)
{
    limit_base(L);
    limit_os(L);
    limit_package(L);
}

void safe_openlibs(lua_State *L)
{
    static const luaL_Reg LIBRARIES[] = {
        {LUA_GNAME, luaopen_base},          {LUA_LOADLIBNAME, luaopen_package},
        {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
        {LUA_OSLIBNAME, luaopen_os},        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8}};
    for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES; i++) {
        luaL_requiref(L, LIBRARIES[i].name, LIBRARIES[i].func, 1);
        lua_pop(L, 1);
    }
}
