/* SPDX-License-Identifier: Apache-2.0
 * debug.sethook and gethook beside the debugger: a thread has one hook, so that of the script is
 * kept here while ours is in its place, and is called from it. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

struct chain *chain_of(const struct debug *debug, const lua_State *L)
{
    for (size_t i = 0; i < debug->chain_count; i++)
        if (debug->chains[i].L == L)
            return &debug->chains[i];
    return NULL;
}

/* The thread stays alive as long as its hook is kept. */
static void anchor(lua_State *L, struct debug *debug, int on)
{
    if (!lua_checkstack(L, 2))
        return;
    lua_pushlightuserdata(L, L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &debug->chains);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &debug->chains);
    }
    lua_insert(L, -2);
    if (on)
        lua_pushthread(L);
    else
        lua_pushnil(L);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Keeps the hook that the thread has, which is not ours. -1: it cannot be kept. */
int chain_keep(struct debug *debug, lua_State *L)
{
    struct chain *chain = chain_of(debug, L);
    if (!chain) {
        chain = realloc(debug->chains, (debug->chain_count + 1) * sizeof *chain);
        if (!chain)
            return -1;
        debug->chains = chain;
        chain += debug->chain_count++;
        anchor(L, debug, 1);
    }
    *chain = (struct chain){L, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L)};
    return 0;
}

void chain_drop(struct debug *debug, lua_State *L)
{
    struct chain *chain = chain_of(debug, L);
    if (!chain)
        return;
    *chain = debug->chains[--debug->chain_count];
    anchor(L, debug, 0);
}

/* Gives the thread back what the script had set. */
void chain_restore(struct debug *debug, lua_State *L)
{
    const struct chain *chain = chain_of(debug, L);
    if (!chain) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    lua_sethook(L, chain->function, chain->mask, chain->count);
    chain_drop(debug, L);
}

/* Calls the script's hook if it is for the event. 0: the thread has another hook now. */
int chain_call(struct debug *debug, lua_State *L, lua_Debug *activation)
{
    const struct chain *chain = chain_of(debug, L);
    int event = activation->event == LUA_HOOKTAILCALL ? LUA_HOOKCALL : activation->event;
    if (chain && (chain->mask & 1 << event))
        chain->function(L, activation);
    return hook_is_own(L) && runtime_of(L)->debug == debug;
}

/* ---- the two functions; upvalue 1: Lua's own ---- */

static lua_State *thread_argument(lua_State *L)
{
    return lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
}

static int call_own(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int set_hook(lua_State *L)
{
    lua_State *thread = thread_argument(L);
    int count = call_own(L);
    struct debug *debug = runtime_of(L)->debug;
    if (debug) {
        chain_drop(debug, thread);
        if (thread == runtime_of(L)->interrupt.current)
            trace_switch(runtime_of(L), thread);
    }
    return count;
}

static int get_hook(lua_State *L)
{
    lua_State *thread = thread_argument(L);
    struct debug *debug = runtime_of(L)->debug;
    if (!debug || !hook_is_own(thread))
        return call_own(L);
    int mask = lua_gethookmask(thread), has_chain = chain_of(debug, thread) != NULL;
    chain_restore(debug, thread);
    int count = call_own(L);
    if (has_chain)
        chain_keep(debug, thread);
    hook_put_back(debug, thread, mask);
    return count;
}

void trace_open(lua_State *L)
{
    lua_getglobal(L, "debug");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "sethook");
        lua_pushcclosure(L, set_hook, 1);
        lua_setfield(L, -2, "sethook");
        lua_getfield(L, -1, "gethook");
        lua_pushcclosure(L, get_hook, 1);
        lua_setfield(L, -2, "gethook");
    }
    lua_pop(L, 1);
}
