/* SPDX-License-Identifier: Apache-2.0
 * What JupyterLab adds to DAP and the program has to answer: inspectVariables, which comes for each
 * message of a running cell, richInspectVariables, copyToGlobals; and modules. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define HANDLES_MAX 10000 /* references that may gather while nothing stops */

int32_t jupyter_inspect(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    (void)arguments;
    if (!debug->stopped.L && debug->handle_count > HANDLES_MAX)
        handle_clear(debug);
    int reference = handle_new(debug, (struct handle){.kind = HANDLE_GLOBALS});
    LLMSPELL_CLEANUP_JSON json_t *wanted = json_pack("{s:i}", "variablesReference", reference);
    return variable_list(debug, wanted, ret_body);
}

/* ---- richInspectVariables, copyToGlobals ---- */

struct asking {
    struct debug *debug;
    struct frame_at at;
    int has_frame;
    const char *name, *destination;
    json_t *bundle;
    char *message;
};

/* Pushes the value of the name at index 2; 0: it has none. */
static int push_named(lua_State *L, struct asking *asking)
{
    struct code code = {asking->name, strlen(asking->name)};
    lua_settop(L, 0);
    lua_pushcfunction(L, report_handler);
    int count = expression_push(L, asking->debug, code, asking->has_frame ? &asking->at : NULL);
    if (count >= 0 && execute_call(L, count) == LUA_OK) {
        lua_settop(L, 2);
        return 1;
    }
    report_message(L, -1);
    expression_strip(L, -1);
    asking->message = strdup(lua_tostring(L, -1));
    return 0;
}

static int show(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    if (push_named(L, asking))
        asking->bundle = bundle_values(L, 2, 1);
    return 0;
}

static int copy(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    if (!push_named(L, asking))
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, asking->destination);
    return 0;
}

static int32_t ask(struct asking *asking, lua_CFunction function)
{
    struct runtime *rt = asking->debug->rt;
    int32_t code = debug_protect(asking->debug, function, asking);
    if (code == 0 && asking->message)
        code = llmspell_fail(rt->call, LLMSPELL_EFAILED, "%s", asking->message);
    free(asking->message);
    free(rt->traceback);
    rt->traceback = NULL;
    if (code < 0)
        json_decref(asking->bundle);
    return code;
}

/* JupyterLab keeps a view open while the program goes on, and asks again with the frame it had. */
int32_t jupyter_rich(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct asking asking = {.debug = debug, .name = llmspell_string(arguments, "variableName")};
    if (!asking.name)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/variableName",
                                "richInspectVariables needs variableName, a string");
    json_int_t id = llmspell_integer(arguments, "frameId", 0);
    asking.has_frame = id > 0 && id <= INT_MAX && frame_find(debug, (int)id, &asking.at);
    if (id > 0 && !asking.has_frame && debug->stopped.L)
        asking.has_frame = frame_top(debug, debug->stopped.L, &asking.at);
    int32_t code = ask(&asking, show);
    if (code == 0)
        *ret_body = asking.bundle;
    return code;
}

int32_t jupyter_copy(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct asking asking = {.debug = debug,
                            .name = llmspell_string(arguments, "srcVariableName"),
                            .destination = llmspell_string(arguments, "dstVariableName")};
    if (!asking.name || !asking.destination)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/srcVariableName",
                                "copyToGlobals needs srcVariableName and dstVariableName");
    int32_t code = frame_argument(debug, arguments, "srcFrameId", &asking.at, &asking.has_frame);
    if (code == 0)
        code = ask(&asking, copy);
    if (code == 0)
        *ret_body = json_object();
    return code;
}

/* ---- modules ---- */

/* Pushes the file that a module of that name is found in, or nil. */
static void push_file(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_remove(L, -2);
    if (!lua_istable(L, -1) || lua_getfield(L, -1, "searchpath") != LUA_TFUNCTION) {
        lua_settop(L, 4);
        lua_pushnil(L);
        return;
    }
    lua_pushstring(L, name);
    lua_getfield(L, -3, "path");
    if (lua_pcall(L, 2, 1, 0) != LUA_OK || !lua_isstring(L, -1)) {
        lua_settop(L, 4);
        lua_pushnil(L);
    }
}

/* All that is loaded and was not there from the start. */
static int list_modules(lua_State *L)
{
    json_t *modules = lua_touserdata(L, 1);
    lua_settop(L, 0);
    state_push_baseline(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, 3)) {
        if (lua_type(L, 3) != LUA_TSTRING)
            continue;
        const char *name = lua_tostring(L, 3);
        lua_pushvalue(L, 3);
        int is_library = lua_rawget(L, 1) != LUA_TNIL && lua_rawequal(L, -1, 4);
        lua_settop(L, 4);
        if (is_library || strcmp(name, LUA_GNAME) == 0)
            continue;
        push_file(L, name);
        json_t *module = json_pack("{s:s, s:s}", "id", name, "name", name);
        char *path = lua_isstring(L, -1) ? script_normalize(lua_tostring(L, -1)) : NULL;
        if (module && path)
            json_object_set_new(module, "path", text_json(path, strlen(path)));
        free(path);
        json_array_append_new(modules, module);
    }
    return 0;
}

int32_t script_modules(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    json_t *modules = json_array();
    (void)arguments;
    int32_t code = debug_protect(debug, list_modules, modules);
    if (code < 0) {
        json_decref(modules);
        return code;
    }
    *ret_body = json_pack("{s:o, s:I}", "modules", modules, "totalModules",
                          (json_int_t)json_array_size(modules));
    return 0;
}

void script_known_files(struct debug *debug)
{
    LLMSPELL_CLEANUP_JSON json_t *body = NULL, *none = json_object();
    size_t i;
    const json_t *module;
    if (script_modules(debug, none, &body) < 0)
        return;
    json_array_foreach(json_object_get(body, "modules"), i, module)
    {
        const char *path = llmspell_string(module, "path");
        struct script *script = path ? script_at(debug, path) : NULL;
        if (script)
            script->is_loaded = 1;
    }
}
