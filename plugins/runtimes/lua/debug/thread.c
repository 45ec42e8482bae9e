/* SPDX-License-Identifier: Apache-2.0
 * Coroutines as threads. A weak table in the registry holds those that have run while a debugger
 * was attached, each with its number; a number is given when a client first hears of the thread,
 * and is never used again. The main thread is 1. */
#include "debug.h"

#define MAIN 1

static const char THREADS = 0; /* its address is the key */

void thread_open(struct debug *debug, lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &THREADS);
    debug->next_thread = MAIN + 1;
}

/* Pushes a thread, which has to be alive. */
static void push_thread(lua_State *L, lua_State *thread)
{
    lua_pushthread(thread);
    if (L != thread)
        lua_xmove(thread, L, 1);
}

static lua_State *main_thread(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *thread = lua_tothread(L, -1);
    lua_pop(L, 1);
    return thread;
}

/* Its number, 0 if it has none yet, -1 if it is not known at all. */
static lua_Integer number_of(lua_State *L, lua_State *thread)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &THREADS);
    push_thread(L, thread);
    lua_Integer number = lua_rawget(L, -2) == LUA_TNUMBER ? lua_tointeger(L, -1) : -1;
    lua_pop(L, 2);
    return number;
}

static void set_number(lua_State *L, lua_State *thread, lua_Integer number)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &THREADS);
    push_thread(L, thread);
    lua_pushinteger(L, number);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

void thread_known(lua_State *L, lua_State *thread)
{
    if (lua_checkstack(L, 4) && lua_checkstack(thread, 1) && number_of(L, thread) < 0)
        set_number(L, thread, 0);
}

static void tell(struct debug *debug, const char *reason, lua_Integer number)
{
    if (debug->rt->call)
        debug_emit(debug, "thread",
                   json_pack("{s:s, s:I}", "reason", reason, "threadId", (json_int_t)number));
}

lua_Integer thread_id(struct debug *debug, lua_State *L, lua_State *thread)
{
    if (thread == main_thread(L))
        return MAIN;
    if (!lua_checkstack(thread, 1))
        return 0;
    lua_Integer number = number_of(L, thread);
    if (number > 0)
        return number;
    set_number(L, thread, debug->next_thread);
    tell(debug, "started", debug->next_thread);
    return debug->next_thread++;
}

void thread_ended(struct debug *debug, lua_State *L, lua_State *thread)
{
    if (!lua_checkstack(L, 4) || !lua_checkstack(thread, 1))
        return;
    lua_Integer number = number_of(L, thread);
    if (number > MAIN)
        tell(debug, "exited", number);
}

/* It has frames, and is not dead of an error. */
static int is_alive(lua_State *thread)
{
    lua_Debug activation;
    int status = lua_status(thread);
    return (status == LUA_OK || status == LUA_YIELD) && lua_getstack(thread, 0, &activation);
}

lua_State *thread_find(struct debug *debug, lua_State *L, lua_Integer id)
{
    lua_State *found = id == MAIN ? main_thread(L) : NULL;
    int top = lua_gettop(L);
    if (debug->stopped.L && found && debug->stopped.bottom != found && !is_alive(found))
        found = debug->stopped.bottom;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &THREADS);
    for (lua_pushnil(L); !found && lua_next(L, top + 1); lua_pop(L, 1))
        if (lua_tointeger(L, -1) == id && id > 0)
            found = lua_tothread(L, -2);
    lua_settop(L, top);
    return found;
}

void thread_each(struct debug *debug, lua_State *L, void (*visit)(lua_State *thread))
{
    int top = lua_gettop(L);
    (void)debug;
    if (!lua_checkstack(L, 4))
        return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &THREADS);
    for (lua_pushnil(L); lua_istable(L, top + 1) && lua_next(L, top + 1); lua_pop(L, 1))
        visit(lua_tothread(L, -2));
    lua_settop(L, top);
}

/* ---- threads ---- */

struct listing {
    struct debug *debug;
    json_t *threads;
};

/* "coroutine: work a.lua:7", by the function that it runs. */
static void name_thread(struct debug *debug, lua_State *L, lua_State *thread, struct text *out)
{
    lua_Debug activation, lowest = {.i_ci = NULL};
    for (int level = 0; lua_getstack(thread, level, &activation); level++)
        lowest = activation;
    text_puts(out, "coroutine: ");
    if (!lowest.i_ci)
        return;
    lua_getinfo(thread, "S", &lowest);
    struct script *script = script_of_chunk(debug, lowest.source);
    const char *name = script ? script_function(script, lowest.linedefined) : NULL;
    text_puts(out, name ? name : "function");
    text_format(out, " %s:%d", script ? script->name : lowest.short_src, lowest.linedefined);
    (void)L;
}

static void add(struct listing *listing, lua_State *L, lua_State *thread)
{
    struct debug *debug = listing->debug;
    struct text name = {NULL, 0, 0, 0};
    name_thread(debug, L, thread, &name);
    json_array_append_new(listing->threads,
                          json_pack("{s:I, s:o}", "id", (json_int_t)thread_id(debug, L, thread),
                                    "name", text_json(name.data, name.size)));
    text_free(&name);
}

/* Numbers are set in a second go: a table must not grow while it is walked through. */
static int list(lua_State *L)
{
    struct listing *listing = lua_touserdata(L, 1);
    lua_Integer count = 0;
    lua_settop(L, 0);
    lua_newtable(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &THREADS);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        lua_State *thread = lua_tothread(L, -2);
        if (thread == main_thread(L) || thread == listing->debug->rt->L || !is_alive(thread))
            continue;
        lua_pushvalue(L, -2);
        lua_rawseti(L, 1, ++count);
    }
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, i);
        add(listing, L, lua_tothread(L, -1));
        lua_pop(L, 1);
    }
    return 0;
}

/* The coroutines that run now were perhaps resumed before the debugger came. */
static int note_running(lua_State *L)
{
    const struct coroutine_link *link = lua_touserdata(L, 1);
    for (; link; link = link->up)
        thread_known(L, link->co);
    return 0;
}

static int by_id(const void *left, const void *right)
{
    json_int_t a = llmspell_integer(*(json_t *const *)left, "id", 0);
    json_int_t b = llmspell_integer(*(json_t *const *)right, "id", 0);
    return (a > b) - (a < b);
}

static json_t *sorted(json_t *list)
{
    size_t count = json_array_size(list);
    json_t **items = calloc(count + 1, sizeof *items), *result = json_array();
    for (size_t i = 0; items && i < count; i++)
        items[i] = json_array_get(list, i);
    if (items)
        qsort(items, count, sizeof *items, by_id);
    for (size_t i = 0; items && i < count; i++)
        json_array_append(result, items[i]);
    free(items);
    json_decref(list);
    return result;
}

int32_t thread_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct listing listing = {debug, json_array()};
    (void)arguments;
    json_array_append_new(listing.threads, json_pack("{s:i, s:s}", "id", MAIN, "name", "main"));
    int32_t code = debug_protect(debug, note_running, debug->rt->link);
    if (code == 0)
        code = debug_protect(debug, list, &listing);
    if (code < 0) {
        json_decref(listing.threads);
        return code;
    }
    *ret_body = json_pack("{s:o}", "threads", sorted(listing.threads));
    return 0;
}
