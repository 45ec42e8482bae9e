/* SPDX-License-Identifier: Apache-2.0
 * Requests of a script to the kernel, and the error objects that they raise: tables with code,
 * message, path, tool and traceback, whose text is "calculator: parse_error: … (at /input)". */
#include <string.h>

#include "state.h"

#define ERROR_TYPE "llmspell.error"

/* Pushes the field of the error object at 1, or "" . */
static const char *field(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    return lua_rawget(L, 1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
}

static int error_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    const char *tool = field(L, "tool"), *code = field(L, "code");
    const char *message = field(L, "message"), *path = field(L, "path");
    lua_pushfstring(L, "%s%s%s: %s%s%s%s", tool, *tool ? ": " : "", code, message,
                    *path ? " (at " : "", path, *path ? ")" : "");
    return 1;
}

/* "failed: " .. e, as with an error that is a string */
static int error_concat(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text)
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

int toolcall_error(lua_State *L, const char *code, const char *message, const char *path,
                   const char *tool)
{
    lua_createtable(L, 0, 5);
    set_text(L, "code", code);
    set_text(L, "message", message);
    set_text(L, "path", path);
    set_text(L, "tool", tool);
    luaL_traceback(L, L, NULL, 1);
    lua_pushlstring(L, lua_tostring(L, -1), report_length(lua_tostring(L, -1)));
    lua_setfield(L, -3, "traceback");
    lua_pop(L, 1);
    luaL_setmetatable(L, ERROR_TYPE);
    return lua_error(L);
}

/* ---- functions that a tool calls back ---- */

struct calling {
    lua_State *L;
    int params; /* stack index of the table that holds the functions */
};

/* function, arguments → result in a box. Protected. */
static int call_function(lua_State *L)
{
    struct convert_error error;
    json_t **ret_result = lua_touserdata(L, 1);
    convert_push(L, lua_touserdata(L, 3));
    lua_replace(L, 3);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_call(L, 1, 1);
    json_t **box = convert_box(L);
    if (convert_pull(L, -2, box, &error) < 0)
        return luaL_error(L, "what it returned: %s", error.message);
    *ret_result = *box;
    *box = NULL;
    return 0;
}

static int32_t failed(lua_State *L, char *ret_message, uint64_t size)
{
    if (interrupt_pending(runtime_of(L)) != STOP_NONE)
        return LLMSPELL_ECANCELLED;
    report_message(L, -1);
    snprintf(ret_message, size, "%s", lua_tostring(L, -1) ? lua_tostring(L, -1) : "");
    return LLMSPELL_EFAILED;
}

static int32_t on_function(void *data, const char *name, const json_t *arguments,
                           json_t **ret_result, char *ret_message, uint64_t message_size)
{
    const struct calling *calling = data;
    lua_State *L = calling->L;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, LUA_MINSTACK))
        return LLMSPELL_ENOMEM;
    lua_pushcfunction(L, call_function);
    lua_pushlightuserdata(L, ret_result);
    lua_pushstring(L, name);
    lua_rawget(L, calling->params);
    lua_pushlightuserdata(L, (void *)(uintptr_t)arguments);
    int status = lua_pcall(L, 3, 0, 0);
    output_flush(runtime_of(L));
    int32_t code = status == LUA_OK ? 0 : failed(L, ret_message, message_size);
    lua_settop(L, top);
    return code;
}

/* ---- requests ---- */

static int32_t send(struct runtime *rt, const char *msg_type, json_t *content,
                    struct calling *calling, json_t **ret_reply)
{
    if (!calling)
        return rt->executor->request(rt->call, msg_type, content, ret_reply);
    return rt->executor->request_calling(rt->call, msg_type, content, on_function, calling,
                                         ret_reply);
}

/* calling: NULL if content holds no functions. */
static json_t **request(lua_State *L, const char *msg_type, json_t *content,
                        struct calling *calling)
{
    struct runtime *rt = runtime_of(L);
    json_t **box = convert_box(L);
    if (!rt->call || !content) {
        json_decref(content);
        toolcall_error(L, "unavailable", rt->call ? "out of memory" : "no request is running", NULL,
                       NULL);
    }
    output_flush(rt);
    int32_t code = send(rt, msg_type, content, calling, box);
    if (code == LLMSPELL_ECANCELLED)
        interrupt_stop(rt, STOP_INTERRUPT);
    interrupt_check(L);
    if (code < 0 || !*box)
        toolcall_error(L, llmspell_error_name(code), llmspell_error_text(code), NULL, NULL);
    return box;
}

json_t **toolcall_request(lua_State *L, const char *msg_type, json_t *content)
{
    return request(L, msg_type, content, NULL);
}

static json_t **demand(lua_State *L, const char *tool, json_t *content, struct calling *calling)
{
    json_t **box = request(L, "tool_request", content, calling);
    if (llmspell_is(*box, "status", "ok"))
        return box;
    const json_t *error = json_object_get(*box, "error");
    const char *code = llmspell_string(error, "code"), *message = llmspell_string(error, "message");
    const char *name = llmspell_string(*box, "tool");
    if (tool && code && strcmp(code, "unknown_tool") == 0)
        tools_raise_unknown(L, tool);
    toolcall_error(L, code ? code : "failed", message ? message : "the request failed",
                   llmspell_string(error, "path"), name ? name : tool);
    return NULL;
}

json_t **toolcall_demand(lua_State *L, const char *tool, json_t *content)
{
    return demand(L, tool, content, NULL);
}

/* The milliseconds that a call may take: its own limit, or what is left of the cell's. 0: none. */
static json_int_t time_left(lua_State *L, int options)
{
    struct interrupt *interrupt = &runtime_of(L)->interrupt;
    json_int_t limit = 0;
    if (lua_istable(L, options)) {
        lua_getfield(L, options, "timeout_ms");
        limit = (json_int_t)luaL_optinteger(L, -1, 0);
        lua_pop(L, 1);
    }
    if (interrupt->deadline.tv_sec != 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        json_int_t left = (json_int_t)(interrupt->deadline.tv_sec - now.tv_sec) * 1000 +
                          (interrupt->deadline.tv_nsec - now.tv_nsec) / 1000000 + 1;
        if (left > 0 && (limit == 0 || left < limit))
            limit = left;
    }
    return limit;
}

/* Pushes the result of a call; params and options are stack indexes (none or nil is fine). */
int toolcall_invoke(lua_State *L, const char *name, int params, int options)
{
    struct convert_error error;
    json_int_t limit = time_left(L, options);
    json_t **box = convert_box(L), **functions = convert_box(L);
    struct calling calling = {L, params};
    if (lua_isnoneornil(L, params)) {
        *box = json_object();
    } else if (!lua_istable(L, params)) {
        snprintf(error.message, sizeof error.message, "the parameters have to be a table, not a %s",
                 luaL_typename(L, params));
        toolcall_error(L, "invalid_params", error.message, "", name);
    } else if (convert_pull_params(L, params, box, functions, &error) < 0) {
        toolcall_error(L, "invalid_params", error.message, error.pointer, name);
    }
    if (json_is_array(*box))
        toolcall_error(L, "invalid_params", "the parameters have to be named: {input = …}", "",
                       name);
    json_t *content =
        json_pack("{s:s, s:s, s:O}", "command", "invoke", "name", name, "params", *box);
    if (content && limit > 0)
        json_object_set_new(content, "timeout_ms", json_integer(limit));
    if (content && *functions)
        json_object_set(content, "functions", *functions);
    json_t **reply = demand(L, name, content, *functions ? &calling : NULL);
    const json_t *result = json_object_get(*reply, "result");
    if (result)
        convert_push(L, result);
    else
        lua_pushnil(L);
    json_decref(*reply); /* not only when the collector comes by */
    *reply = NULL;
    return 1;
}

void toolcall_open(lua_State *L)
{
    luaL_newmetatable(L, ERROR_TYPE);
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, error_concat);
    lua_setfield(L, -2, "__concat");
    lua_pushliteral(L, "ToolError");
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
}
