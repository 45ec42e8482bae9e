/* SPDX-License-Identifier: Apache-2.0
 * The globals display, update_display and clear_output, and the handle that display returns. The
 * events belong to the request that runs, from whichever coroutine they come. */
#include <string.h>
#include <sys/random.h>

#include "display.h"

#define HANDLE_TYPE "llmspell.display.handle"

struct options {
    int id;       /* stack index of the display_id, a string */
    int metadata; /* stack index of a box with metadata, or of one with NULL */
    int update;
};

/* An id that no other state has, not even the one that this notebook had before a restart. */
static void push_new_id(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    char id[64];
    if (rt->display_seed == 0 &&
        getrandom(&rt->display_seed, sizeof rt->display_seed, 0) != sizeof rt->display_seed)
        luaL_error(L, "display: no random bytes for a display_id");
    snprintf(id, sizeof id, "%016llx-%llu", (unsigned long long)rt->display_seed,
             (unsigned long long)++rt->display_count);
    lua_pushstring(L, id);
}

/* ---- options ---- */

/* Pushes the display_id of the options at index; a new one if there is none. */
static void push_id(lua_State *L, int index, const char *function)
{
    int type = lua_istable(L, index) ? lua_getfield(L, index, "display_id") : LUA_TNIL;
    if (type == LUA_TSTRING && lua_rawlen(L, -1) > 0)
        return;
    if (type != LUA_TNIL && !(type == LUA_TBOOLEAN && lua_toboolean(L, -1)))
        luaL_error(L, "%s: display_id has to be a string that is not empty, or true", function);
    push_new_id(L);
}

static void read_metadata(lua_State *L, int index, json_t **box, const char *function)
{
    struct convert_error error;
    if (!lua_istable(L, index) || lua_getfield(L, index, "metadata") == LUA_TNIL)
        return;
    if (convert_pull_within(L, -1, box, DISPLAY_JSON, &error) < 0)
        luaL_error(L, "%s: metadata: %s", function, error.message);
    if (!json_is_object(*box))
        luaL_error(L, "%s: metadata has to be a table with names, not a %s", function,
                   luaL_typename(L, -1));
}

/* Pushes what the options at index hold. */
static struct options read_options(lua_State *L, int index, const char *function)
{
    struct options options = {0};
    if (!lua_isnoneornil(L, index))
        luaL_checktype(L, index, LUA_TTABLE);
    push_id(L, index, function);
    options.id = lua_gettop(L);
    json_t **box = convert_box(L);
    options.metadata = lua_gettop(L);
    read_metadata(L, index, box, function);
    if (lua_istable(L, index)) {
        lua_getfield(L, index, "update");
        options.update = lua_toboolean(L, -1);
    }
    return options;
}

/* ---- events ---- */

/* In a silent cell nothing is shown; a finalizer between requests has nobody to show it to. */
static int is_hidden(const struct runtime *rt)
{
    return !rt->call || (rt->shown && rt->shown->silent);
}

static void publish(lua_State *L, int value, const struct options *options)
{
    struct runtime *rt = runtime_of(L);
    size_t size = 0;
    const char *id = lua_tolstring(L, options->id, &size);
    json_t **metadata = lua_touserdata(L, options->metadata);
    if (is_hidden(rt))
        return;
    json_t *content = bundle_is(L, value) ? bundle_raw(L, value) : bundle_values(L, value, 1);
    json_t *transient = json_pack("{s:o}", "display_id", text_json(id, size));
    json_object_update(json_object_get(content, "metadata"), *metadata);
    json_decref(*metadata);
    *metadata = NULL;
    json_object_set_new(content, "transient", transient);
    output_emit(rt, options->update ? "update_display_data" : "display_data", content);
}

/* ---- the handle ---- */

static void push_handle(lua_State *L, int id)
{
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, id);
    lua_setfield(L, -2, "display_id");
    luaL_setmetatable(L, HANDLE_TYPE);
}

static int check_handle(lua_State *L)
{
    if (!display_is_handle(L, 1))
        luaL_error(L, "update: call it as handle:update(value) on what display(…) returned");
    lua_getfield(L, 1, "display_id");
    return lua_gettop(L);
}

/* handle:update(value [, {metadata = …}]) */
static int handle_update(lua_State *L)
{
    luaL_checkany(L, 2);
    lua_settop(L, 3);
    struct options options = read_options(L, 3, "update");
    options.id = check_handle(L);
    options.update = 1;
    publish(L, 2, &options);
    return 0;
}

static int handle_tostring(lua_State *L)
{
    check_handle(L);
    lua_pushfstring(L, "<display %s>", lua_tostring(L, -1));
    return 1;
}

int display_is_handle(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return 0;
    luaL_getmetatable(L, HANDLE_TYPE);
    int is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

/* ---- globals ---- */

/* display(value | {[mime] = data} [, {display_id = …, metadata = …, update = …}]) -> handle */
static int display(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    struct options options = read_options(L, 2, "display");
    publish(L, 1, &options);
    push_handle(L, options.id);
    return 1;
}

/* update_display(value, {display_id = …} | handle) */
static int update_display(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    if (!lua_istable(L, 2) || lua_getfield(L, 2, "display_id") != LUA_TSTRING)
        return luaL_error(L, "update_display needs the display_id of what it replaces: "
                             "update_display(value, {display_id = \"…\"})");
    struct options options = read_options(L, 2, "update_display");
    options.update = 1;
    publish(L, 1, &options);
    return 0;
}

/* clear_output([wait]): with wait, only when the next output comes */
static int clear_output(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int wait = lua_toboolean(L, 1);
    if (!is_hidden(rt))
        output_emit(rt, "clear_output", json_pack("{s:b}", "wait", wait));
    return 0;
}

void display_open(lua_State *L)
{
    lua_register(L, "display", display);
    lua_register(L, "update_display", update_display);
    lua_register(L, "clear_output", clear_output);
    luaL_newmetatable(L, HANDLE_TYPE);
    lua_pushliteral(L, "display handle");
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, handle_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, handle_update);
    lua_setfield(L, -2, "update");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
