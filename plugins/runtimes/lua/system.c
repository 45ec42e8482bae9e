/* SPDX-License-Identifier: Apache-2.0
 * The functions of os that must not act on the whole kernel: os.exit ends the cell, os.setlocale
 * changes nothing, os.getenv knows what a debugger's launch has set. What starts programs is in
 * process.c. */
#include <string.h>

#include "state.h"
#include "trace.h"

/* os.exit([code]): true is 0, false is 1. No pcall stops it: it ends the cell as an interrupt does.
 */
static int os_exit(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
    if (!rt->interrupt.running)
        return 0; /* a finalizer outside of any execution */
    rt->exit_code = code;
    interrupt_stop(rt, STOP_EXIT);
    return interrupt_raise(L);
}

/* The process's locale belongs to the host: only "C" can be honoured. */
static int os_setlocale(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    if (!name || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0 || *name == '\0')
        lua_pushliteral(L, "C");
    else
        luaL_pushfail(L);
    return 1;
}

static int os_getenv(lua_State *L)
{
    lua_pushstring(L, trace_getenv(runtime_of(L), luaL_checkstring(L, 1)));
    return 1;
}

void system_open(lua_State *L)
{
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
    lua_pushcfunction(L, os_setlocale);
    lua_setfield(L, -2, "setlocale");
    if (!runtime_of(L)->safe) {
        lua_pushcfunction(L, os_getenv);
        lua_setfield(L, -2, "getenv");
    }
    lua_pop(L, 1);
}
