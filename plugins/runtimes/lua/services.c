/* SPDX-License-Identifier: Apache-2.0
 * The globals Kernel (id, status, input) and Log (error, warn, info, debug, trace). */
#include <string.h>

#include "state.h"

/* Kernel.status() -> the kernel's answer to status_request */
static int kernel_status(lua_State *L)
{
    json_t **reply = toolcall_request(L, "status_request", json_object());
    convert_push(L, *reply);
    return 1;
}

/* Kernel.id: asked for once */
static int kernel_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || strcmp(lua_tostring(L, 2), "id") != 0)
        return 0;
    json_t **reply = toolcall_request(L, "status_request", json_object());
    lua_pushstring(L, llmspell_string(*reply, "kernel_id"));
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

/* Log.LEVEL(values…): as print would write them, in one record. Upvalue 1: the level. */
static int log_values(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&buffer, ' ');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    rt->host->log(rt->ctx, (int32_t)lua_tointeger(L, lua_upvalueindex(1)), lua_tostring(L, -1));
    return 0;
}

static void open_log(lua_State *L)
{
    static const struct {
        const char *name;
        int32_t level;
    } LEVELS[] = {{"error", LLMSPELL_LOG_ERROR},
                  {"warn", LLMSPELL_LOG_WARN},
                  {"info", LLMSPELL_LOG_INFO},
                  {"debug", LLMSPELL_LOG_DEBUG},
                  {"trace", LLMSPELL_LOG_TRACE}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
        lua_pushinteger(L, LEVELS[i].level);
        lua_pushcclosure(L, log_values, 1);
        lua_setfield(L, -2, LEVELS[i].name);
    }
    state_global(L, "Log");
}

void services_open(lua_State *L)
{
    open_log(L);
    lua_newtable(L);
    lua_pushcfunction(L, kernel_status);
    lua_setfield(L, -2, "status");
    lua_pushcfunction(L, input_line);
    lua_setfield(L, -2, "input");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, kernel_index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    state_global(L, "Kernel");
}
