/* SPDX-License-Identifier: Apache-2.0
 * setVariable: the value of an expression for what is shown under a name: a local, a vararg, an
 * upvalue, a global, a field of a table, a metatable. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

struct setting {
    struct debug *debug;
    struct handle handle;
    struct frame_at at;
    const char *name;
    struct code code;
    json_t *body;
    char *message;
};

static int set_by_name(lua_State *L, struct setting *s)
{
    struct frame_at *at = &s->at;
    int n;
    switch (s->handle.kind) {
    case HANDLE_LOCALS:
        if ((n = names_find_local(at, s->name)))
            names_set_local(L, at, n);
        return n > 0;
    case HANDLE_UPVALUES:
        if ((n = names_find_upvalue(L, at, s->name)))
            names_set_upvalue(L, at, n);
        return n > 0;
    case HANDLE_VARARGS:
        n = *s->name == '[' ? (int)strtol(s->name + 1, NULL, 10) : 0;
        if (n <= 0 || !names_push_local(L, at, -n, NULL))
            return 0;
        lua_pop(L, 1);
        names_set_local(L, at, -n);
        return 1;
    default:
        return -1;
    }
}

static int has_name(lua_State *L, const char *wanted)
{
    char *expression;
    json_t *name = variable_name(L, NULL, &expression);
    int has = strcmp(json_string_value(name), wanted) == 0;
    json_decref(name);
    return has;
}

/* Sets the field of the table at the index that is shown under the name, to the value on top. */
static int set_field(lua_State *L, int table, const char *name)
{
    int value = lua_gettop(L);
    if (variable_is_name(name, strlen(name))) {
        lua_pushstring(L, name);
        lua_pushvalue(L, value);
        lua_rawset(L, table);
        return 1;
    }
    char *end = NULL;
    lua_Integer number = *name == '[' ? strtoll(name + 1, &end, 10) : 0;
    if (end && end > name + 1 && strcmp(end, "]") == 0) {
        lua_rawseti(L, table, number);
        return 1;
    }
    for (lua_pushnil(L); lua_next(L, table);) {
        lua_pop(L, 1);
        if (!has_name(L, name))
            continue;
        lua_pushvalue(L, value);
        lua_rawset(L, table);
        return 1;
    }
    return 0;
}

/* The value is on top. 0: there is no such variable. */
static int set_in_value(lua_State *L, struct setting *s)
{
    int value = lua_gettop(L);
    const char *upvalue;
    if (s->handle.kind == HANDLE_GLOBALS || s->handle.kind == HANDLE_LIBRARY)
        names_push_environment(L, s->handle.frame ? &s->at : NULL);
    else
        handle_push(L, &s->handle);
    int holder = lua_gettop(L);
    for (int n = 1; lua_isfunction(L, holder) && (upvalue = lua_getupvalue(L, holder, n)); n++) {
        lua_pop(L, 1);
        if (strcmp(upvalue, s->name) != 0)
            continue;
        lua_pushvalue(L, value);
        lua_setupvalue(L, holder, n);
        return 1;
    }
    lua_pushvalue(L, value);
    if (strcmp(s->name, "[[metatable]]") == 0 && (lua_istable(L, -1) || lua_isnil(L, -1)))
        return lua_setmetatable(L, holder);
    return lua_istable(L, holder) && set_field(L, holder, s->name);
}

static int set(lua_State *L)
{
    struct setting *s = lua_touserdata(L, 1);
    lua_settop(L, 0);
    luaL_checkstack(L, 100, NULL);
    lua_pushcfunction(L, report_handler);
    int count = expression_push(L, s->debug, s->code, s->handle.frame ? &s->at : NULL);
    if (count < 0 || execute_call(L, count) != LUA_OK) {
        report_message(L, -1);
        expression_strip(L, -1);
        s->message = strdup(lua_tostring(L, -1));
        return 0;
    }
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    int is_set = set_by_name(L, s);
    if (is_set < 0)
        is_set = set_in_value(L, s);
    if (!is_set && asprintf(&s->message, "there is no variable %s here", s->name) < 0)
        s->message = NULL;
    lua_settop(L, 2);
    value_describe(s->debug, L, 2, s->body, NULL);
    return 0;
}

int32_t variable_set(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct setting s = {
        .debug = debug,
        .name = llmspell_string(arguments, "name"),
        .code = {llmspell_string(arguments, "value"), llmspell_string_length(arguments, "value")}};
    if (!s.name || !s.code.text || !s.code.text[strspn(s.code.text, " \t\r\n")])
        return llmspell_fail_at(
            debug->rt->call, LLMSPELL_EINVAL, "/arguments/value",
            "setVariable needs name and value, a Lua expression: nil for no value");
    int32_t code = variable_handle(debug, arguments, &s.handle, &s.at);
    if (code < 0)
        return code;
    s.body = json_object();
    code = debug_protect(debug, set, &s);
    if (code == 0 && s.message)
        code = llmspell_fail(debug->rt->call, LLMSPELL_EFAILED, "%s", s.message);
    free(s.message);
    if (code < 0)
        json_decref(s.body);
    else
        *ret_body = s.body;
    return code;
}
