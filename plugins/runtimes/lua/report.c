/* SPDX-License-Identifier: Apache-2.0
 * Error replies: {"status":"error","ename","evalue","traceback"} from Lua error objects of any
 * type. Called by execute.c with a failed call's error object on top of the stack. */
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "text.h"
#include "trace.h"

/* Runs where the error happened, before the stack unwinds; with hooks off if an interrupt raised
 * it, so it must run no code of the script. */
int report_handler(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    if (TRACE_IS_ON(rt))
        trace_error(L, 1);
    free(rt->traceback);
    rt->traceback = NULL;
    luaL_traceback(L, L, NULL, 1);
    rt->traceback = strdup(lua_tostring(L, -1));
    lua_settop(L, 1);
    return 1;
}

static int call_tostring(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Pushes the text that __tostring makes of the value, or says why it could not. */
static void push_tostring(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_pushcfunction(L, call_tostring);
    lua_pushvalue(L, index);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return;
    const char *reason = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no message";
    lua_pushfstring(L, "(error object is a %s value, and its __tostring failed: %s)",
                    luaL_typename(L, index), reason);
    lua_remove(L, -2);
}

/* Pushes the string member of a table, raw; 0 and nothing pushed if there is none. */
static int push_member(lua_State *L, int index, const char *name)
{
    index = lua_absindex(L, index);
    if (!lua_istable(L, index))
        return 0;
    lua_pushstring(L, name);
    if (lua_rawget(L, index) == LUA_TSTRING)
        return 1;
    lua_pop(L, 1);
    return 0;
}

void report_message(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    int type = lua_type(L, index);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        luaL_tolstring(L, index, NULL);
    } else if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
        lua_pop(L, 1);
        push_tostring(L, index);
    } else if (!push_member(L, index, "message")) {
        struct text *text = text_new(L);
        text_format(text, "(error object is a %s value", lua_typename(L, type));
        if (type == LUA_TTABLE || type == LUA_TBOOLEAN) {
            text_puts(text, ": ");
            show_plain(L, index, text);
        }
        text_puts(text, ")");
        text_check(L, text);
        lua_pushlstring(L, text->data, text->size);
        lua_remove(L, -2);
    }
}

/* Pushes the error's name: of a table its name or code, else by the kind of failure. */
static void push_name(lua_State *L, int index, int status)
{
    if (status == LUA_ERRMEM)
        lua_pushliteral(L, "MemoryError");
    else if (status == LUA_ERRSYNTAX)
        lua_pushliteral(L, "SyntaxError");
    else if (!push_member(L, index, "name") && !push_member(L, index, "code"))
        lua_pushliteral(L, "RuntimeError");
}

static void append(json_t *list, const char *text, size_t size)
{
    json_array_append_new(list, text_json(text, size));
}

size_t report_length(const char *traceback)
{
    static const char KERNEL[] = "\n\t[C]: in ?"; /* the call of the cell */
    size_t size = strlen(traceback), length = strlen(KERNEL);
    return size > length && strcmp(traceback + size - length, KERNEL) == 0 ? size - length : size;
}

static void append_lines(json_t *list, const char *traceback)
{
    const char *end = traceback + report_length(traceback);
    while (traceback < end) {
        const char *newline = memchr(traceback, '\n', (size_t)(end - traceback));
        const char *line_end = newline ? newline : end;
        append(list, traceback, (size_t)(line_end - traceback));
        traceback = line_end + 1;
    }
}

static json_t *make_reply(struct runtime *rt, json_t *ename, json_t *evalue)
{
    json_t *lines = json_array();
    json_array_append(lines, evalue);
    if (rt->traceback)
        append_lines(lines, rt->traceback);
    return json_pack("{s:s, s:o, s:o, s:o}", "status", "error", "ename", ename, "evalue", evalue,
                     "traceback", lines);
}

json_t *report_stop(struct runtime *rt)
{
    if (atomic_load(&rt->interrupt.stop) == STOP_TIMEOUT)
        return make_reply(rt, json_string("TimeoutError"),
                          json_sprintf("the code ran longer than timeout_s = %g allows "
                                       "([runtime.lua] in the configuration)",
                                       rt->timeout_s));
    return make_reply(rt, json_string("KeyboardInterrupt"), json_string("interrupted"));
}

static json_t *report_memory(struct runtime *rt)
{
    json_t *evalue = rt->memory_limit
                         ? json_sprintf("not enough memory (memory_mb = %d in [runtime.lua])",
                                        (int)(rt->memory_limit >> 20))
                         : json_string("not enough memory");
    return make_reply(rt, json_string("MemoryError"), evalue);
}

json_t *report_error(lua_State *L, int status)
{
    struct runtime *rt = runtime_of(L);
    enum stop stop = interrupt_pending(rt);
    if (stop != STOP_NONE)
        return report_stop(rt);
    if (status == LUA_ERRMEM)
        return report_memory(rt);
    int index = lua_gettop(L);
    report_message(L, index);
    if (interrupt_pending(rt) != STOP_NONE)
        return report_stop(rt); /* __tostring was interrupted */
    push_name(L, index, status);
    size_t message_size = 0, name_size = 0;
    const char *message = lua_tolstring(L, -2, &message_size);
    const char *name = lua_tolstring(L, -1, &name_size);
    json_t *reply = make_reply(rt, text_json(name, name_size), text_json(message, message_size));
    lua_pop(L, 2);
    free(rt->traceback);
    rt->traceback = NULL;
    return reply;
}

static int protected_report(lua_State *L)
{
    json_t **reply = lua_touserdata(L, 1);
    int status = (int)lua_tointeger(L, 2);
    lua_remove(L, 1);
    lua_remove(L, 1);
    *reply = report_error(L, status);
    return 0;
}

json_t *report_outer(struct runtime *rt, int status)
{
    lua_State *L = rt->L;
    json_t *reply = NULL;
    if (interrupt_pending(rt) != STOP_NONE)
        return report_stop(rt);
    if (lua_checkstack(L, LUA_MINSTACK)) {
        lua_pushcfunction(L, protected_report);
        lua_pushlightuserdata(L, &reply);
        lua_pushinteger(L, status);
        lua_pushvalue(L, -4);
        lua_pcall(L, 3, 0, 0);
    }
    return reply ? reply
                 : json_pack("{s:s, s:s, s:s, s:[s]}", "status", "error", "ename", "MemoryError",
                             "evalue", "not enough memory", "traceback", "not enough memory");
}
