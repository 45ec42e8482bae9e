/* SPDX-License-Identifier: Apache-2.0
 * The global Widget. Its functions are written in Lua (widget*.lua, texts in this plugin), which is
 * loaded when the first of them is called or a front end looks for widgets: who uses none pays
 * nothing. Here: the loading, and what Lua cannot do by itself. */
#include <stddef.h>
#include <string.h>

#include "comm.h"

/* In the registry. */
#define WIDGET "llmspell.Widget"               /* the global table */
#define WIDGET_LOADED "llmspell.Widget.loaded" /* true: its functions are the true ones */
#define WIDGET_GLOBALS "llmspell.Widget.globals"

extern const char widget_text_models[], widget_text_core[], widget_text_controls[],
    widget_text_interact[];

/* ---- what the Lua part is given ---- */

/* emit(msg_type, content) */
static int native_emit(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    struct convert_error error;
    const char *msg_type = luaL_checkstring(L, 1);
    json_t **box = convert_box(L);
    if (convert_pull(L, 2, box, &error) < 0)
        return luaL_error(L, "%s", error.message);
    if (!rt->call)
        return luaL_error(L, "a widget is shown only while a request runs");
    json_t *content = *box;
    *box = NULL;
    output_emit(rt, msg_type, content);
    return 0;
}

/* msg_id() -> of the request that runs, "" without one */
static int native_msg_id(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    json_t **box = convert_box(L);
    if (rt->call && rt->executor->size > offsetof(struct llmspell_executor, header))
        *box = json_loads(rt->executor->header(rt->call), 0, NULL);
    const char *id = llmspell_string(*box, "msg_id");
    lua_pushstring(L, id ? id : "");
    return 1;
}

/* parameters(function) -> array of the names of its parameters; nil if they are not known */
static int native_parameters(lua_State *L)
{
    lua_Debug activation;
    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_getinfo(L, ">Su", &activation);
    if (*activation.what == 'C' || activation.isvararg)
        return 0;
    lua_newtable(L);
    for (int i = 1; i <= activation.nparams; i++) {
        lua_pushvalue(L, 1);
        const char *name = lua_getlocal(L, NULL, i);
        lua_pop(L, 1);
        lua_pushstring(L, name ? name : "?");
        lua_rawseti(L, 2, i);
    }
    return 1;
}

/* array(table) -> the table, marked as a JSON array */
static int native_array(lua_State *L)
{
    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    convert_mark(L, 1, 1);
    return 1;
}

/* attempt(function, …) -> true, results…; or false, and its error was shown */
static int native_attempt(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    lua_pushcfunction(L, report_handler);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
    interrupt_check(L); /* no attempt keeps a stop */
    if (status != LUA_OK) {
        json_t *content = report_error(L, status);
        json_object_del(content, "status");
        if (content && rt->call)
            output_emit(rt, "error", content);
        else
            json_decref(content);
        lua_settop(L, 1);
    }
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    return lua_gettop(L);
}

/* ---- loading ---- */

static void run_text(lua_State *L, const char *text, const char *name, int arguments)
{
    if (luaL_loadbufferx(L, text, strlen(text), name, "t") != LUA_OK)
        lua_error(L);
    lua_getfield(L, LUA_REGISTRYINDEX, WIDGET_GLOBALS);
    lua_setupvalue(L, -2, 1);
    lua_insert(L, -1 - arguments);
    lua_call(L, arguments, 1);
}

static void push_natives(lua_State *L)
{
    static const luaL_Reg natives[] = {
        {"emit", native_emit},       {"msg_id", native_msg_id}, {"parameters", native_parameters},
        {"attempt", native_attempt}, {"array", native_array},   {NULL, NULL}};
    luaL_newlib(L, natives);
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_LIBRARY);
    lua_setfield(L, -2, "Comm");
}

/* Pushes the table Widget, complete. Once: its functions take the place of the stubs. */
static void load(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, WIDGET);
    int Widget = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, WIDGET_LOADED);
    if (lua_toboolean(L, -1)) {
        lua_settop(L, Widget);
        return;
    }
    push_natives(L);
    int natives = lua_gettop(L);
    lua_pushvalue(L, natives);
    run_text(L, widget_text_models, "=[widget]", 1);
    lua_setfield(L, natives, "models");
    static const char *const texts[] = {widget_text_core, widget_text_controls,
                                        widget_text_interact};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lua_pushvalue(L, Widget);
        lua_pushvalue(L, natives);
        run_text(L, texts[i], "=[widget]", 2);
    }
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, WIDGET_LOADED);
    lua_settop(L, Widget);
}

void widget_load_for(lua_State *L, const char *target)
{
    if (strncmp(target, "jupyter.widget", strlen("jupyter.widget")) != 0)
        return;
    load(L);
    lua_pop(L, 1);
}

/* Upvalue 1: the name of the function. The first call loads the true one. */
static int stub(lua_State *L)
{
    load(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_gettable(L, -2);
    lua_remove(L, -2);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* The functions of Lua as they are now: a script may use their names for something else. */
static void keep_globals(lua_State *L)
{
    lua_newtable(L);
    lua_pushglobaltable(L);
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -5);
    }
    lua_pop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, WIDGET_GLOBALS);
}

void widget_open_library(lua_State *L)
{
    static const char *const NAMES[] = {
        "IntSlider", "FloatSlider", "IntText", "FloatText", "Checkbox",    "Text", "Textarea",
        "Dropdown",  "Button",      "HTML",    "Label",     "IntProgress", "HBox", "VBox",
        "Output",    "Layout",      "list",    "interact",  "interactive"};
    int count = (int)(sizeof NAMES / sizeof *NAMES);
    lua_createtable(L, 0, count);
    for (int i = 0; i < count; i++) {
        lua_pushstring(L, NAMES[i]);
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, stub, 1);
        lua_rawset(L, -3);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, WIDGET);
    state_global(L, "Widget");
    keep_globals(L);
}
