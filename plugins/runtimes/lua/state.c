/* SPDX-License-Identifier: Apache-2.0
 * Makes the Lua state: an allocator that counts (memory_mb), the libraries, our globals. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "library.h"
#include "source.h"
#include "state.h"
#include "text.h"
#include "trace.h"

#define CLOSE_SECONDS 2    /* for all finalizers of a state that is closed */
#define BIG_BLOCK 16777216 /* bytes */
#define LUA_PROTO 10       /* what Lua calls a new prototype: LUA_TPROTO of its lobject.h */

/* Only this thread writes; others read it for a state dump. */
static void set_used(struct runtime *rt, size_t used)
{
    atomic_store_explicit(&rt->memory_used, used, memory_order_relaxed);
}

/* A string of a gigabyte is filled in one go that nothing can end: with fewer page faults that is
 * three times as fast, and so is giving it back. */
static void use_huge_pages(char *block, size_t size)
{
    size_t skip = -(uintptr_t)block & 4095;
    madvise(block + skip, (size - skip) & ~(size_t)4095, MADV_HUGEPAGE);
}

/* Lua tells the old size exactly; for a new block it holds a type instead. */
static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    struct runtime *rt = data;
    size_t before = block ? old_size : 0;
    size_t used = atomic_load_explicit(&rt->memory_used, memory_order_relaxed);
    if (new_size == 0) {
        free(block);
        set_used(rt, used - before);
        return NULL;
    }
    size_t limit = rt->memory_limit + rt->memory_reserve;
    if (rt->starved && new_size > before) {
        rt->starved = 0;
        return NULL;
    }
    if (rt->memory_limit && new_size > before && (used > limit || new_size - before > limit - used))
        return NULL;
    void *grown = realloc(block, new_size);
    if (!grown)
        return new_size <= before ? block : NULL; /* Lua counts on shrinking to work */
    rt->protos += !block && old_size == LUA_PROTO;
    if (new_size >= BIG_BLOCK)
        use_huge_pages(grown, new_size);
    set_used(rt, used + new_size - before);
    return grown;
}

void state_global(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
    lua_setglobal(L, name);
}

/* Puts path before package.path; an entry without ? is a folder. */
static void prepend_path(lua_State *L, const char *path)
{
    lua_getglobal(L, "package");
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    while (*path) {
        size_t length = strcspn(path, ";");
        if (length > 0) {
            luaL_addlstring(&buffer, path, length);
            if (!memchr(path, '?', length)) {
                luaL_addstring(&buffer, "/?.lua;");
                luaL_addlstring(&buffer, path, length);
                luaL_addstring(&buffer, "/?/init.lua");
            }
            luaL_addchar(&buffer, ';');
        }
        path += length;
        path += *path == ';';
    }
    luaL_pushresult(&buffer);
    lua_getfield(L, -2, "path");
    lua_concat(L, 2);
    lua_setfield(L, -2, "path");
    lua_pop(L, 1);
}

/* What `luarocks install --local` installs is found without any LUA_PATH; last, so that a shell's
 * LUA_PATH and Lua's own folders go before. */
static void append_rocks(lua_State *L)
{
    static const struct {
        const char *field, *templates;
    } TREES[] = {
        {"path", "%s;%s/.luarocks/share/lua/5.4/?.lua;%s/.luarocks/share/lua/5.4/?/init.lua"},
        {"cpath", "%s;%s/.luarocks/lib/lua/5.4/?.so"}};
    const char *home = getenv("HOME");
    if (!home || *home != '/')
        return;
    lua_getglobal(L, "package");
    for (size_t i = 0; i < sizeof TREES / sizeof *TREES; i++) {
        lua_getfield(L, -1, TREES[i].field);
        const char *path = lua_tostring(L, -1);
        if (!strstr(path, "/.luarocks/")) {
            lua_pushfstring(L, TREES[i].templates, path, home, home);
            lua_setfield(L, -3, TREES[i].field);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static const char BASELINE = 0; /* its address is the key */

void state_push_baseline(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &BASELINE) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
}

static void keep_baseline(lua_State *L)
{
    lua_pushglobaltable(L);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, -3);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &BASELINE);
    lua_pop(L, 1);
}

static int open_libraries(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    const char *path = lua_touserdata(L, 1);
    if (rt->safe)
        safe_openlibs(L);
    else
        luaL_openlibs(L);
    if (!rt->safe)
        append_rocks(L);
    if (path && *path)
        prepend_path(L, path);
    strings_open(L);
    tables_open(L);
    heavy_open(L); /* before its load is limited */
    if (rt->safe)
        safe_limit(L);
    text_open(L);
    convert_open(L);
    coroutine_open(L);
    trace_open(L);
    system_open(L);
    process_open(L);
    output_open(L);
    input_open(L);
    jsonlib_open(L);
    toolcall_open(L);
    tools_open(L);
    services_open(L);
    display_open(L);
    displaylib_open(L);
    payload_open(L);
    comm_open_library(L);
    widget_open_library(L);
    lua_newtable(L);
    lua_setglobal(L, "ARGS");
    lua_newtable(L);
    lua_setglobal(L, "arg");
    library_open(L); /* behind all that opens something */
    keep_baseline(L);
    return 0;
}

/* C modules of Lua look for the API among the global symbols; we were loaded with RTLD_LOCAL, and
 * our liblua with us. */
static void share_symbols(void)
{
    Dl_info info;
    lua_State *(*symbol)(lua_Alloc, void *) = lua_newstate;
    void *address = NULL;
    memcpy(&address, &symbol, sizeof address);
    if (!dladdr(address, &info) || !info.dli_fname)
        return;
    void *library = dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
    if (library)
        dlclose(library); /* only the reference; the symbols stay global */
}

int state_call(struct runtime *rt, lua_CFunction function, void *data)
{
    if (!lua_checkstack(rt->L, LUA_MINSTACK))
        return LUA_ERRMEM;
    lua_pushcfunction(rt->L, function);
    lua_pushlightuserdata(rt->L, data);
    return lua_pcall(rt->L, 1, 0, 0);
}

int32_t state_open(struct runtime *rt, struct llmspell_call *call, const char *path)
{
    size_t limit = rt->memory_limit;
    rt->memory_limit = 0; /* the libraries always fit */
    rt->L = lua_newstate(allocate, rt);
    if (!rt->L)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    *(struct runtime **)lua_getextraspace(rt->L) = rt;
    share_symbols();
    if (state_call(rt, open_libraries, (void *)(uintptr_t)path) != LUA_OK)
        return llmspell_fail(call, LLMSPELL_EFAILED, "cannot open the Lua libraries: %s",
                             lua_isstring(rt->L, -1) ? lua_tostring(rt->L, -1) : "no message");
    rt->memory_limit = limit;
    return 0;
}

/* Finalizers run now: for how long, the kernel's end must not depend on them. */
void state_close(struct runtime *rt)
{
    double timeout = rt->timeout_s;
    if (rt->L) {
        rt->timeout_s = CLOSE_SECONDS;
        rt->closing = 1;
        interrupt_begin(rt);
        interrupt_switch(rt, NULL); /* only inside finalizers is there what a signal may touch */
        lua_close(rt->L);
        rt->L = NULL;
        interrupt_end(rt);
    }
    process_close(rt);
    output_close(rt);
    free(rt->traceback);
    rt->traceback = NULL;
    source_close(rt);
    memset(rt->nested, 0, sizeof rt->nested);
    memset(rt->streams, 0, sizeof rt->streams);
    rt->closing = 0;
    rt->timeout_s = timeout;
}
