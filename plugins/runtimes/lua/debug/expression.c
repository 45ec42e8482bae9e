/* SPDX-License-Identifier: Apache-2.0
 * Expressions and statements that run inside a frame: their _ENV is a proxy that finds and sets the
 * frame's locals and upvalues by name, and behind them its own _ENV. What outlives the stop sees
 * that _ENV alone. "..." are the frame's varargs. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define WATCH_SECONDS 5
#define PREFIX DEBUG_NAME ":1: "

/* What a proxy knows of its frame; the frame is gone when another stop has begun. */
struct view {
    struct debug *debug;
    struct frame_at at;
    unsigned stop;
};

static struct frame_at *live_frame(struct view *view)
{
    const struct debug *debug = view->debug; /* it stays as long as the runtime */
    return debug->is_attached && view->stop == debug->stop_count ? &view->at : NULL;
}

/* `exception`, while the code is stopped at an error, or a condition looks whether it is to be. */
static int push_error(lua_State *L, const struct debug *debug, const char *name)
{
    if (!debug->error_L || debug->error_L == L || strcmp(name, "exception") != 0 ||
        !lua_checkstack(debug->error_L, 1))
        return 0;
    lua_pushvalue(debug->error_L, debug->error_index);
    lua_xmove(debug->error_L, L, 1);
    return 1;
}

/* ---- the proxy: upvalue 1 is the view, 2 the frame's _ENV ---- */

static int get_name(lua_State *L)
{
    struct view *view = lua_touserdata(L, lua_upvalueindex(1));
    struct frame_at *at = live_frame(view);
    if (at && lua_type(L, 2) == LUA_TSTRING) {
        const char *name = lua_tostring(L, 2);
        int n = names_find_local(at, name);
        if (n && names_push_local(L, at, n, NULL))
            return 1;
        n = names_find_upvalue(L, at, name);
        if (n && names_push_upvalue(L, at, n, NULL))
            return 1;
        if (push_error(L, view->debug, name))
            return 1;
    }
    lua_settop(L, 2);
    lua_gettable(L, lua_upvalueindex(2));
    return 1;
}

static int set_name(lua_State *L)
{
    struct view *view = lua_touserdata(L, lua_upvalueindex(1));
    struct frame_at *at = live_frame(view);
    lua_settop(L, 3);
    if (at && lua_type(L, 2) == LUA_TSTRING) {
        const char *name = lua_tostring(L, 2);
        int n = names_find_local(at, name);
        if (n) {
            names_set_local(L, at, n);
            return 0;
        }
        n = names_find_upvalue(L, at, name);
        if (n) {
            names_set_upvalue(L, at, n);
            return 0;
        }
    }
    lua_settable(L, lua_upvalueindex(2));
    return 0;
}

static void push_proxy(lua_State *L, struct debug *debug, struct frame_at *at)
{
    if (!at) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
        return;
    }
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_newtable(L);
    lua_createtable(L, 0, 2);
    struct view *view = lua_newuserdatauv(L, sizeof *view, 0);
    *view = (struct view){debug, *at, debug->stop_count};
    names_push_environment(L, at);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, get_name, 2);
    lua_setfield(L, -4, "__index");
    lua_pushcclosure(L, set_name, 2);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
}

/* ---- compiling ---- */

static void set_environment(lua_State *L, struct debug *debug, struct frame_at *at)
{
    push_proxy(L, debug, at);
    if (!lua_setupvalue(L, -2, 1))
        lua_pop(L, 1);
}

int expression_push(lua_State *L, struct debug *debug, struct code code, struct frame_at *at)
{
    if (chunk_load(L, code, "=" DEBUG_NAME) != LUA_OK)
        return -1;
    set_environment(L, debug, at);
    return at ? names_push_varargs(L, at) : 0;
}

int expression_push_assignment(lua_State *L, struct debug *debug, const char *target,
                               struct frame_at *at)
{
    lua_pushfstring(L, "%s = ...", target);
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    int status = luaL_loadbufferx(L, text, size, "=" DEBUG_NAME, "t");
    lua_remove(L, -2);
    if (status != LUA_OK)
        return -1;
    set_environment(L, debug, at);
    return 0;
}

void expression_strip(lua_State *L, int index)
{
    size_t size;
    index = lua_absindex(L, index);
    const char *message = lua_tolstring(L, index, &size);
    if (!message || strncmp(message, PREFIX, strlen(PREFIX)) != 0)
        return;
    lua_pushlstring(L, message + strlen(PREFIX), size - strlen(PREFIX));
    lua_replace(L, index);
}

/* ---- in the midst of a hook ---- */

struct hooked {
    struct debug *debug;
    struct frame_at at;
    const char *code;
};

static int run_hooked(lua_State *L)
{
    struct hooked *hooked = lua_touserdata(L, 1);
    struct code code = {hooked->code, strlen(hooked->code)};
    lua_settop(L, 0);
    int count = expression_push(L, hooked->debug, code, &hooked->at);
    if (count < 0)
        return lua_error(L);
    lua_call(L, count, 1);
    return 1;
}

static int make_scratch(lua_State *L)
{
    struct debug *debug = lua_touserdata(L, 1);
    debug->scratch = lua_newthread(L);
    lua_sethook(debug->scratch, NULL, 0, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &debug->scratch);
    return 0;
}

lua_State *expression_in_hook(struct debug *debug, lua_State *L, const char *code,
                              char **ret_message)
{
    struct runtime *rt = debug->rt;
    struct hooked hooked = {.debug = debug, .code = code};
    if ((!debug->scratch && debug_protect(debug, make_scratch, debug) < 0) ||
        !frame_top(debug, L, &hooked.at))
        return NULL;
    lua_State *scratch = debug->scratch, *current = rt->interrupt.current;
    lua_settop(scratch, 0);
    lua_pushcfunction(scratch, run_hooked);
    lua_pushlightuserdata(scratch, &hooked);
    debug->quiet++;
    debug->in_hook++;
    interrupt_switch(rt, scratch);
    int status = lua_pcall(scratch, 1, 1, 0);
    interrupt_switch(rt, current);
    debug->stop_count++; /* what the expression has made sees no frame any more */
    debug->in_hook--;
    debug->quiet--;
    if (status == LUA_OK)
        return scratch;
    expression_strip(scratch, -1);
    const char *message = lua_tostring(scratch, -1);
    *ret_message = strdup(message ? message : "an error that is no text");
    lua_settop(scratch, 0);
    return NULL;
}

/* ---- evaluate ---- */

struct evaluation {
    struct debug *debug;
    struct code code;
    const char *target, *context;
    struct frame_at at;
    int has_frame;
    json_t *body;
    char *message; /* of an error */
};

static void keep_message(lua_State *L, struct evaluation *e)
{
    report_message(L, -1);
    expression_strip(L, -1);
    e->message = strdup(lua_tostring(L, -1));
}

static int is_context(const struct evaluation *e, const char *context)
{
    return e->context && strcmp(e->context, context) == 0;
}

/* The values at `first` and above. One is a variable; several are a text. */
static void describe_values(lua_State *L, struct evaluation *e, int first)
{
    int count = lua_gettop(L) - first + 1;
    if (count == 0 || is_context(e, "clipboard") || count > 1) {
        struct text *text = text_new(L);
        show_values(L, first, count, text);
        json_object_set_new(e->body, "result", text_json(text->data ? text->data : "", text->size));
        json_object_set_new(e->body, "variablesReference", json_integer(0));
        return;
    }
    char *expression = e->code.text ? strndup(e->code.text, e->code.size) : NULL;
    value_describe(e->debug, L, first, e->body, expression);
    json_object_set(e->body, "result", json_object_get(e->body, "value"));
    json_object_del(e->body, "value");
}

static int evaluate(lua_State *L)
{
    struct evaluation *e = lua_touserdata(L, 1);
    struct frame_at *at = e->has_frame ? &e->at : NULL;
    lua_settop(L, 0);
    lua_pushcfunction(L, report_handler);
    int count = expression_push(L, e->debug, e->code, at);
    if (count < 0 || execute_call(L, count) != LUA_OK)
        keep_message(L, e);
    else
        describe_values(L, e, 2);
    return 0;
}

static int32_t finish(struct evaluation *e, int32_t code, json_t **ret_body)
{
    struct runtime *rt = e->debug->rt;
    if (code == 0 && e->message)
        code = llmspell_fail(rt->call, LLMSPELL_EFAILED, "%s", e->message);
    free(e->message);
    free(rt->traceback);
    rt->traceback = NULL;
    if (code < 0)
        json_decref(e->body);
    else
        *ret_body = e->body;
    return code;
}

int32_t expression_evaluate(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct evaluation e = {.debug = debug,
                           .code = {llmspell_string(arguments, "expression"),
                                    llmspell_string_length(arguments, "expression")},
                           .context = llmspell_string(arguments, "context")};
    if (!e.code.text)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/expression",
                                "evaluate needs expression, a string");
    int32_t code = frame_argument(debug, arguments, "frameId", &e.at, &e.has_frame);
    if (code < 0)
        return code;
    e.body = json_object();
    debug->mute = is_context(&e, "hover") || is_context(&e, "watch") || is_context(&e, "variables");
    if (debug->mute) /* nobody has asked for it in so many words */
        debug_deadline(debug, WATCH_SECONDS);
    code = debug_protect(debug, evaluate, &e);
    debug->mute = 0;
    if (e.has_frame && is_context(&e, "repl"))
        frame_rename(debug, &e.at);
    return finish(&e, code, ret_body);
}

/* ---- setExpression ---- */

static int assign(lua_State *L)
{
    struct evaluation *e = lua_touserdata(L, 1);
    struct frame_at *at = e->has_frame ? &e->at : NULL;
    lua_settop(L, 0);
    lua_pushcfunction(L, report_handler);
    int count = expression_push(L, e->debug, e->code, at);
    if (count < 0 || execute_call(L, count) != LUA_OK) {
        keep_message(L, e);
        return 0;
    }
    lua_settop(L, 2);
    if (expression_push_assignment(L, e->debug, e->target, at) < 0) {
        keep_message(L, e);
        return 0;
    }
    lua_pushvalue(L, 2);
    if (execute_call(L, 1) != LUA_OK)
        keep_message(L, e);
    else
        value_describe(e->debug, L, 2, e->body, strdup(e->target));
    return 0;
}

int32_t expression_set(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct evaluation e = {
        .debug = debug,
        .code = {llmspell_string(arguments, "value"), llmspell_string_length(arguments, "value")},
        .target = llmspell_string(arguments, "expression")};
    if (!e.code.text || !e.target)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/expression",
                                "setExpression needs expression and value, two strings");
    int32_t code = frame_argument(debug, arguments, "frameId", &e.at, &e.has_frame);
    if (code < 0)
        return code;
    e.body = json_object();
    return finish(&e, debug_protect(debug, assign, &e), ret_body);
}
