/* SPDX-License-Identifier: Apache-2.0
 * coroutine.create, resume, wrap and close that note which coroutine runs, so that an interrupt and
 * the debugger reach it (hooks are per coroutine); an xpcall whose handler gives way to interrupts;
 * a pcall that shows errors to a debugger. Otherwise they do what Lua's own do. */
#include "state.h"
#include "trace.h"

static int resume(lua_State *L, lua_State *co, int arguments)
{
    struct runtime *rt = runtime_of(L);
    int results = 0;
    if (!lua_checkstack(co, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, arguments);
    struct coroutine_link link = {.up = rt->link, .from = L, .co = co};
    rt->link = &link;
    if (TRACE_IS_ON(rt))
        trace_resume(rt, &link);
    interrupt_switch(rt, co);
    int status = lua_resume(co, L, arguments, &results);
    interrupt_switch(rt, L);
    if (TRACE_IS_ON(rt))
        trace_resumed(rt, &link, status);
    rt->link = link.up;
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, results);
    return results;
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    int results = resume(L, co, lua_gettop(L) - 1);
    if (results < 0) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushboolean(L, 1);
    lua_insert(L, -(results + 1));
    return results + 1;
}

/* Closes co's to-be-closed variables, which may run code in it. */
static int reset(lua_State *L, lua_State *co)
{
    struct runtime *rt = runtime_of(L);
    interrupt_switch(rt, co);
    int status = lua_resetthread(co);
    interrupt_switch(rt, L);
    return status;
}

static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int results = resume(L, co, lua_gettop(L));
    if (results >= 0)
        return results;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) {
        status = reset(L, co);
        lua_xmove(co, L, 1); /* the error object, perhaps another one by now */
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* A new thread takes over the hook of the one that makes it: that of the debugger is for those that
 * run. */
static int coroutine_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    if (TRACE_IS_ON(runtime_of(L)))
        trace_created(co);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int coroutine_wrap(lua_State *L)
{
    coroutine_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

/* "suspended", "dead", "running" or "normal", as coroutine.status says. */
static int is_closable(lua_State *L, lua_State *co)
{
    lua_Debug activation;
    if (L == co)
        return 0;
    return lua_status(co) != LUA_OK || lua_getstack(co, 0, &activation) == 0;
}

static int coroutine_close(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    if (!is_closable(L, co))
        return luaL_error(L, "cannot close a %s coroutine", L == co ? "running" : "normal");
    if (reset(L, co) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

static int finish_xpcall(lua_State *L, int status, lua_KContext extra)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)extra;
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

static int is_stopped(lua_State *L)
{
    if (interrupt_pending(runtime_of(L)) == STOP_NONE && trace_wants_errors(runtime_of(L)))
        trace_error(L, 0);
    lua_pushboolean(L, interrupt_pending(runtime_of(L)) != STOP_NONE);
    return 1;
}

/* A function in C without upvalues. */
static int is_bare(lua_State *L, int index)
{
    int has_upvalues = lua_getupvalue(L, index, 1) != NULL;
    if (has_upvalues)
        lua_pop(L, 1);
    return lua_iscfunction(L, index) && !has_upvalues;
}

/* Upvalue 1: a handler in C, such as debug.traceback, which finds its own frame where it expects
 * it.
 */
static int show_and_handle(lua_State *L)
{
    trace_error(L, 0);
    return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Lua runs the message handler of an error from a hook with hooks off: a handler in Lua must not
 * start at all then. Upvalue 1 makes the guarded handler. */
static int protected_call(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    int count = lua_gettop(L);
    if (is_bare(L, 2) && trace_wants_errors(runtime_of(L))) {
        lua_pushvalue(L, 2);
        lua_pushcclosure(L, show_and_handle, 1);
        lua_replace(L, 2);
    } else if (!lua_iscfunction(L, 2)) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 2);
        lua_call(L, 1, 1);
        lua_replace(L, 2);
    }
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish_xpcall);
    return finish_xpcall(L, status, 2);
}

/* The message handler of a pcall while somebody wants to see errors that are caught. */
static int show_error(lua_State *L)
{
    trace_error(L, 0);
    lua_settop(L, 1);
    return 1;
}

static int plain_call(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    if (!trace_wants_errors(runtime_of(L))) {
        int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_xpcall);
        return finish_xpcall(L, status, 0);
    }
    lua_pushcfunction(L, show_error);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 1, 1, finish_xpcall);
    return finish_xpcall(L, status, 1);
}

int coroutine_catches(lua_State *L)
{
    lua_CFunction function = lua_tocfunction(L, -1);
    return function == plain_call || function == protected_call || function == coroutine_resume;
}

int coroutine_propagates(lua_State *L)
{
    lua_Debug activation;
    if (!lua_getstack(L, 0, &activation))
        return 0;
    lua_getinfo(L, "f", &activation);
    int propagates = lua_tocfunction(L, -1) == wrapped;
    lua_pop(L, 1);
    return propagates;
}

/* The tail call leaves no frame of its own in the tracebacks that handlers take. */
static const char GUARD[] = "local is_stopped = ...\n"
                            "return function(handler)\n"
                            "  return function(message)\n"
                            "    if is_stopped(message) then return message end\n"
                            "    return handler(message)\n"
                            "  end\n"
                            "end\n";

void coroutine_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"create", coroutine_create},
                                         {"resume", coroutine_resume},
                                         {"wrap", coroutine_wrap},
                                         {"close", coroutine_close},
                                         {NULL, NULL}};
    lua_getglobal(L, "coroutine");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
    if (luaL_loadbufferx(L, GUARD, sizeof GUARD - 1, "=[C]", "t") != LUA_OK)
        lua_error(L);
    lua_pushcfunction(L, is_stopped);
    lua_call(L, 1, 1);
    lua_pushcclosure(L, protected_call, 1);
    lua_setglobal(L, "xpcall");
    lua_pushcfunction(L, plain_call);
    lua_setglobal(L, "pcall");
}
