/* SPDX-License-Identifier: Apache-2.0
 * Jansson values to Lua values, and the boxes that own a json_t. Tables that come from JSON have a
 * metatable with __jsontype "array" or "object", so that empty ones stay what they are. The other
 * way: convert_pull.c. */
#include "state.h"

#define BOX_TYPE "llmspell.json"
#define ARRAY_TYPE "llmspell.json.array"
#define OBJECT_TYPE "llmspell.json.object"

/* ---- boxes ---- */

static int box_collect(lua_State *L)
{
    json_t **box = lua_touserdata(L, 1);
    json_decref(*box);
    *box = NULL;
    return 0;
}

json_t **convert_box(lua_State *L)
{
    json_t **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, BOX_TYPE);
    return box;
}

/* ---- Jansson to Lua ---- */

void convert_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

void convert_mark(lua_State *L, int index, int array)
{
    index = lua_absindex(L, index);
    luaL_getmetatable(L, array ? ARRAY_TYPE : OBJECT_TYPE);
    lua_setmetatable(L, index);
}

static void push_object(lua_State *L, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t length;
    lua_createtable(L, 0, (int)json_object_size(value));
    json_object_keylen_foreach((json_t *)(uintptr_t)value, key, length, member)
    {
        lua_pushlstring(L, key, length);
        convert_push(L, member);
        lua_rawset(L, -3);
    }
    convert_mark(L, -1, 0);
}

static void push_array(lua_State *L, const json_t *value)
{
    size_t count = json_array_size(value);
    lua_createtable(L, count < INT32_MAX ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        convert_push(L, json_array_get(value, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    convert_mark(L, -1, 1);
}

void convert_push(lua_State *L, const json_t *value)
{
    luaL_checkstack(L, 6, "the JSON value is nested too deeply");
    interrupt_look(L);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        push_object(L, value);
        break;
    case JSON_ARRAY:
        push_array(L, value);
        break;
    case JSON_STRING:
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(L, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        lua_pushboolean(L, json_is_true(value));
        break;
    default:
        convert_push_null(L);
    }
}

static int null_tostring(lua_State *L)
{
    if (lua_touserdata(L, 1))
        lua_pushfstring(L, "userdata: %p", lua_touserdata(L, 1));
    else
        lua_pushliteral(L, "null");
    return 1;
}

static void make_mark(lua_State *L, const char *type, const char *mark)
{
    luaL_newmetatable(L, type);
    lua_pushnil(L);
    lua_setfield(L, -2, "__name"); /* not shown with the table */
    lua_pushstring(L, mark);
    lua_setfield(L, -2, "__jsontype");
    lua_pop(L, 1);
}

void convert_open(lua_State *L)
{
    luaL_newmetatable(L, BOX_TYPE);
    lua_pushcfunction(L, box_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    make_mark(L, ARRAY_TYPE, "array");
    make_mark(L, OBJECT_TYPE, "object");
    convert_push_null(L); /* all light userdata share one metatable */
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, null_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
