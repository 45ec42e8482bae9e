/* SPDX-License-Identifier: Apache-2.0
 * Stops at errors, where they are raised and before anything unwinds: in the message handlers of
 * cells, pcall and xpcall (coroutine.c); an error that ends a coroutine is looked at when it has
 * ended, its frames still being there. "raised": every error; "uncaught": those that nothing of the
 * script will catch. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

void exception_clear(struct exception *exception)
{
    free(exception->name);
    free(exception->message);
    free(exception->traceback);
    *exception = (struct exception){0, 0, NULL, NULL, NULL};
}

int trace_wants_errors(const struct runtime *rt)
{
    return rt->debug && rt->debug->exceptions.raised;
}

/* ---- setExceptionBreakpoints ---- */

static void add_filter(struct debug *debug, const char *id, const char *condition)
{
    char *copy = condition && *condition ? strdup(condition) : NULL;
    if (id && strcmp(id, "raised") == 0) {
        debug->exceptions.raised = 1;
        free(debug->exceptions.raised_condition);
        debug->exceptions.raised_condition = copy;
    } else if (id && strcmp(id, "uncaught") == 0) {
        debug->exceptions.uncaught = 1;
        free(debug->exceptions.uncaught_condition);
        debug->exceptions.uncaught_condition = copy;
    } else {
        free(copy);
    }
}

void exception_reset(struct debug *debug)
{
    free(debug->exceptions.raised_condition);
    free(debug->exceptions.uncaught_condition);
    memset(&debug->exceptions, 0, sizeof debug->exceptions);
}

int32_t exception_set(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    size_t i;
    const json_t *filter;
    exception_reset(debug);
    json_array_foreach(json_object_get(arguments, "filters"), i, filter)
        add_filter(debug, json_string_value(filter), NULL);
    json_array_foreach(json_object_get(arguments, "filterOptions"), i, filter) add_filter(
        debug, llmspell_string(filter, "filterId"), llmspell_string(filter, "condition"));
    *ret_body = json_object();
    return 0;
}

/* ---- the stop ---- */

static char *type_of_error(lua_State *L, int index)
{
    static const char *const MEMBERS[] = {"name", "code"};
    const char *name = "error";
    char *copy = NULL;
    int top = lua_gettop(L);
    for (size_t i = 0; lua_istable(L, index) && i < 2 && !copy; i++) {
        lua_pushstring(L, MEMBERS[i]);
        if (lua_rawget(L, index) == LUA_TSTRING)
            copy = strdup(lua_tostring(L, -1));
    }
    if (!copy && luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
        name = lua_tostring(L, -1);
    copy = copy ? copy : strdup(name);
    lua_settop(L, top);
    return copy;
}

struct looking {
    struct debug *debug;
    lua_State *thread; /* that raised it */
};

/* Its text, its name, and where it comes from. The error is at 2. */
static int look(lua_State *L)
{
    struct looking *looking = lua_touserdata(L, 1);
    struct exception *exception = &looking->debug->stopped.exception;
    exception->name = type_of_error(L, 2);
    report_message(L, 2);
    exception->message = strdup(lua_tostring(L, -1));
    luaL_traceback(L, looking->thread, NULL, L == looking->thread ? 2 : 0);
    exception->traceback = strdup(lua_tostring(L, -1));
    return 0;
}

static int is_wanted(struct debug *debug, lua_State *thread, int is_uncaught)
{
    if (debug->exceptions.raised &&
        hit_condition_holds(debug, thread, debug->exceptions.raised_condition))
        return 1;
    return is_uncaught && debug->exceptions.uncaught &&
           hit_condition_holds(debug, thread, debug->exceptions.uncaught_condition);
}

static void show_and_stop(struct debug *debug, lua_State *L, lua_State *thread, int is_uncaught)
{
    struct looking looking = {debug, thread};
    struct stop_reason why = {.reason = "exception"};
    debug->quiet++;
    lua_pushcfunction(L, look);
    lua_pushlightuserdata(L, &looking);
    lua_pushvalue(L, -3);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
    debug->quiet--;
    struct exception *exception = &debug->stopped.exception;
    exception->is_there = 1;
    exception->is_uncaught = is_uncaught;
    LLMSPELL_CLEANUP_FREE char *text = exception->message ? strdup(exception->message) : NULL;
    why.description = is_uncaught ? "Paused on an uncaught error" : "Paused on an error";
    why.text = text;
    stop_here(debug, thread, &why);
    exception_clear(&debug->stopped.exception);
}

/* An error, on top of L, that a thread has raised. */
static void stop_at_error(struct debug *debug, lua_State *L, lua_State *thread, int is_uncaught)
{
    struct frame_at at;
    if (debug->quiet || !lua_checkstack(L, LUA_MINSTACK) || !frame_top(debug, thread, &at) ||
        interrupt_pending(debug->rt) != STOP_NONE)
        return;
    debug->error_L = L;
    debug->error_index = lua_gettop(L);
    if (is_wanted(debug, thread, is_uncaught))
        show_and_stop(debug, L, thread, is_uncaught);
    debug->error_L = NULL;
}

void trace_error(lua_State *L, int is_last)
{
    struct debug *debug = runtime_of(L)->debug;
    if (!debug)
        return;
    if (debug->seen_error) { /* it was shown in the coroutine that it ended */
        debug->seen_error = 0;
        return;
    }
    lua_pushvalue(L, 1);
    stop_at_error(debug, L, L, is_last);
    lua_pop(L, 1);
}

/* ---- coroutines ---- */

/* Is there a call in the thread that catches errors? */
static int has_catcher(lua_State *L)
{
    lua_Debug activation;
    for (int level = 0; lua_getstack(L, level, &activation); level++) {
        lua_getinfo(L, "f", &activation);
        int catches = coroutine_catches(L);
        lua_pop(L, 1);
        if (catches)
            return 1;
    }
    return 0;
}

/* From the thread that resumed it down to the cell. */
static int is_uncaught(const struct coroutine_link *link)
{
    for (; link; link = link->up)
        if (!lua_checkstack(link->from, 4) || has_catcher(link->from))
            return 0;
    return 1;
}

void exception_in_coroutine(struct debug *debug, const struct coroutine_link *link)
{
    lua_State *co = link->co;
    debug->seen_error = 0;
    if (debug->quiet || (!debug->exceptions.raised && !debug->exceptions.uncaught) ||
        !lua_checkstack(co, LUA_MINSTACK) || lua_gettop(co) < 1)
        return;
    unsigned before = debug->stop_count;
    lua_pushvalue(co, -1);
    lua_xmove(co, link->from, 1);
    stop_at_error(debug, link->from, co, is_uncaught(link));
    lua_pop(link->from, 1);
    debug->seen_error = debug->stop_count != before && coroutine_propagates(link->from);
}

/* ---- exceptionInfo ---- */

int32_t exception_info(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    const struct exception *exception = &debug->stopped.exception;
    (void)arguments;
    if (!debug->stopped.L || !exception->is_there)
        return llmspell_fail(debug->rt->call, LLMSPELL_ENOTFOUND,
                             "the code is not stopped at an error");
    const char *name = exception->name ? exception->name : "error";
    const char *message = exception->message ? exception->message : "";
    const char *traceback = exception->traceback ? exception->traceback : "";
    json_t *text = text_json(message, strlen(message)), *type = text_json(name, strlen(name));
    *ret_body = json_pack("{s:O, s:O, s:s, s:{s:O, s:O, s:o}}", "exceptionId", type, "description",
                          text, "breakMode", exception->is_uncaught ? "unhandled" : "always",
                          "details", "message", text, "typeName", type, "stackTrace",
                          text_json(traceback, strlen(traceback)));
    json_decref(text);
    json_decref(type);
    return 0;
}
