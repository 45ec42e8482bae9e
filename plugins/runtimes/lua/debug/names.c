/* SPDX-License-Identifier: Apache-2.0
 * The names that a frame sees: its locals, varargs and upvalues, read and written in place. The
 * frame belongs to a thread that stands still; values go over its stack to the thread that works.
 */
#include <string.h>

#include "debug.h"

static int has_room(lua_State *L, const struct frame_at *at)
{
    return lua_checkstack(L, 4) && lua_checkstack(at->L, 4);
}

static void move(lua_State *from, lua_State *to)
{
    if (from != to)
        lua_xmove(from, to, 1);
}

int names_push_local(lua_State *L, struct frame_at *at, int n, const char **ret_name)
{
    const char *name = has_room(L, at) ? lua_getlocal(at->L, &at->activation, n) : NULL;
    if (!name)
        return 0;
    move(at->L, L);
    if (ret_name)
        *ret_name = name;
    return 1;
}

int names_push_upvalue(lua_State *L, struct frame_at *at, int n, const char **ret_name)
{
    if (!has_room(L, at))
        return 0;
    lua_getinfo(at->L, "f", &at->activation);
    move(at->L, L);
    const char *name = lua_getupvalue(L, -1, n);
    if (!name) {
        lua_pop(L, 1);
        return 0;
    }
    lua_remove(L, -2);
    if (ret_name)
        *ret_name = name;
    return 1;
}

/* The innermost one of a name is the last. */
int names_find_local(struct frame_at *at, const char *name)
{
    int found = 0;
    const char *local;
    if (!lua_checkstack(at->L, 4))
        return 0;
    for (int n = 1; (local = lua_getlocal(at->L, &at->activation, n)); n++) {
        lua_pop(at->L, 1);
        if (strcmp(local, name) == 0)
            found = n;
    }
    return found;
}

int names_find_upvalue(lua_State *L, struct frame_at *at, const char *name)
{
    const char *upvalue;
    for (int n = 1; names_push_upvalue(L, at, n, &upvalue); n++) {
        lua_pop(L, 1);
        if (strcmp(upvalue, name) == 0)
            return n;
    }
    return 0;
}

void names_set_local(lua_State *L, struct frame_at *at, int n)
{
    move(L, at->L);
    if (!lua_setlocal(at->L, &at->activation, n))
        lua_pop(at->L, 1);
}

void names_set_upvalue(lua_State *L, struct frame_at *at, int n)
{
    lua_getinfo(at->L, "f", &at->activation);
    move(at->L, L);
    lua_insert(L, -2);
    if (!lua_setupvalue(L, -2, n))
        lua_pop(L, 1);
    lua_pop(L, 1);
}

void names_push_environment(lua_State *L, struct frame_at *at)
{
    int n = at ? names_find_local(at, "_ENV") : 0;
    if (n && names_push_local(L, at, n, NULL))
        return;
    n = at ? names_find_upvalue(L, at, "_ENV") : 0;
    if (n && names_push_upvalue(L, at, n, NULL))
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

int names_push_varargs(lua_State *L, struct frame_at *at)
{
    int count = 0;
    while (names_push_local(L, at, -(count + 1), NULL))
        count++;
    return count;
}

void names_push_all(lua_State *L, struct frame_at *at)
{
    const char *name;
    lua_newtable(L);
    for (int n = 1; at && names_push_upvalue(L, at, n, &name); n++) {
        if (*name && strcmp(name, "_ENV") != 0)
            lua_setfield(L, -2, name);
        else
            lua_pop(L, 1);
    }
    for (int n = 1; at && names_push_local(L, at, n, &name); n++) {
        if (*name != '(' && strcmp(name, "_ENV") != 0)
            lua_setfield(L, -2, name);
        else
            lua_pop(L, 1);
    }
    lua_createtable(L, 0, 1);
    names_push_environment(L, at);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

/* ---- scopes ---- */

static json_t *scope(struct debug *debug, int frame, const char *name, const char *hint,
                     enum handle_kind kind, int count)
{
    int reference = handle_new(debug, (struct handle){.kind = kind, .frame = frame});
    json_t *scope = json_pack("{s:s, s:i, s:b}", "name", name, "variablesReference", reference,
                              "expensive", kind == HANDLE_GLOBALS);
    if (hint)
        json_object_set_new(scope, "presentationHint", json_string(hint));
    if (count >= 0)
        json_object_set_new(scope, "namedVariables", json_integer(count));
    return scope;
}

struct counting {
    struct frame_at at;
    int locals, varargs, upvalues;
};

static int count(lua_State *L)
{
    struct counting *counting = lua_touserdata(L, 1);
    struct frame_at *at = &counting->at;
    const char *name;
    for (int n = 1; names_push_local(L, at, n, &name); n++, lua_pop(L, 1))
        counting->locals += *name != '(';
    for (int n = 1; names_push_local(L, at, -n, NULL); n++, lua_pop(L, 1))
        counting->varargs++;
    for (int n = 1; names_push_upvalue(L, at, n, &name); n++, lua_pop(L, 1))
        counting->upvalues += *name && strcmp(name, "_ENV") != 0;
    return 0;
}

int32_t names_scopes(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct counting counting = {.locals = 0};
    int has_frame, frame = (int)llmspell_integer(arguments, "frameId", 0);
    int32_t code = frame_argument(debug, arguments, "frameId", &counting.at, &has_frame);
    if (code == 0 && !has_frame)
        code = llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/frameId",
                                "scopes needs a frameId of stackTrace");
    if (code == 0)
        code = debug_protect(debug, count, &counting);
    if (code < 0)
        return code;
    json_t *scopes = json_array();
    json_array_append_new(scopes,
                          scope(debug, frame, "Locals", "locals", HANDLE_LOCALS, counting.locals));
    if (counting.varargs)
        json_array_append_new(
            scopes, scope(debug, frame, "Varargs", "arguments", HANDLE_VARARGS, counting.varargs));
    if (counting.upvalues)
        json_array_append_new(
            scopes, scope(debug, frame, "Upvalues", NULL, HANDLE_UPVALUES, counting.upvalues));
    json_array_append_new(scopes, scope(debug, frame, "Globals", "globals", HANDLE_GLOBALS, -1));
    *ret_body = json_pack("{s:o}", "scopes", scopes);
    return 0;
}
