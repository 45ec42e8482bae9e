/* SPDX-License-Identifier: Apache-2.0
 * A value as a variable shows it: one line of text, its type, and whether there is more inside. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define TEXT_MAX 1000    /* bytes of a string */
#define WIDTH_MAX 120    /* bytes of a table's line */
#define BRIEF_ENTRIES 40 /* a table of more is only counted */
#define PAGED 100        /* from so many elements on, clients are told to ask for pages */

const char *value_type(const struct debug *debug, lua_State *L, int index)
{
    int type = lua_type(L, index), has_cells = debug->options.has_cells;
    switch (type) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return has_cells ? "int" : "integer";
        return "float";
    case LUA_TBOOLEAN:
        return has_cells ? "bool" : "boolean";
    case LUA_TSTRING:
        return has_cells ? "str" : "string";
    case LUA_TLIGHTUSERDATA:
        type = LUA_TUSERDATA;
        break;
    default:
        break;
    }
    return has_cells ? "" : lua_typename(L, type);
}

/* Entries of a table beside its list. */
static size_t count_fields(lua_State *L, int index, size_t max)
{
    lua_Integer list = (lua_Integer)lua_rawlen(L, index);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index);) {
        lua_pop(L, 1);
        if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1 && lua_tointeger(L, -1) <= list)
            continue;
        if (++count == max) {
            lua_pop(L, 1);
            break;
        }
    }
    return count;
}

static int has_metafield(lua_State *L, int index, const char *name)
{
    int type = luaL_getmetafield(L, index, name);
    if (type != LUA_TNIL)
        lua_pop(L, 1);
    return type != LUA_TNIL;
}

static void write_value(struct debug *debug, lua_State *L, int index, struct text *out)
{
    int type = lua_type(L, index);
    if (type == LUA_TSTRING && lua_rawlen(L, index) <= TEXT_MAX) {
        show_plain(L, index, out);
    } else if (type == LUA_TSTRING) {
        show_line(L, index, TEXT_MAX, out);
    } else if (debug->plain && (type == LUA_TTABLE || type == LUA_TUSERDATA)) {
        text_format(out, "%s: %p", lua_typename(L, type), lua_topointer(L, index));
    } else if (type == LUA_TTABLE && !has_metafield(L, index, "__tostring")) {
        size_t list = (size_t)lua_rawlen(L, index);
        size_t fields = count_fields(L, index, 1000000);
        if (list + fields <= BRIEF_ENTRIES)
            show_line(L, index, WIDTH_MAX, out);
        else if (fields == 0)
            text_format(out, "{…} %zu elements", list);
        else if (list == 0)
            text_format(out, "{…} %zu fields", fields);
        else
            text_format(out, "{…} %zu elements, %zu fields", list, fields);
    } else {
        show_line(L, index, WIDTH_MAX, out);
    }
}

/* Is there anything inside? */
static int has_children(lua_State *L, int index)
{
    int top = lua_gettop(L), has = 0;
    switch (lua_type(L, index)) {
    case LUA_TTABLE:
        lua_pushnil(L);
        has = lua_next(L, index) || lua_getmetatable(L, index);
        break;
    case LUA_TUSERDATA:
        has = lua_getmetatable(L, index) || lua_getiuservalue(L, index, 1) != LUA_TNONE;
        break;
    case LUA_TFUNCTION:
        has = lua_getupvalue(L, index, 1) != NULL;
        break;
    default:
        break;
    }
    lua_settop(L, top);
    return has;
}

static void add_counts(lua_State *L, int index, json_t *out)
{
    size_t list = lua_istable(L, index) ? (size_t)lua_rawlen(L, index) : 0;
    if (list < PAGED)
        return;
    size_t named = count_fields(L, index, SIZE_MAX);
    if (lua_getmetatable(L, index)) {
        lua_pop(L, 1);
        named++;
    }
    json_object_set_new(out, "indexedVariables", json_integer((json_int_t)list));
    json_object_set_new(out, "namedVariables", json_integer((json_int_t)named));
}

/* Numbers, booleans and nil, which are most of all: without the detour over a buffer. */
static json_t *describe_plain(const struct debug *debug, lua_State *L, int index)
{
    size_t size = 0;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return json_string("nil");
    case LUA_TBOOLEAN:
        return json_string(lua_toboolean(L, index) ? "true" : "false");
    case LUA_TNUMBER:
        break;
    default:
        return NULL;
    }
    if (lua_getmetatable(L, index)) { /* debug.setmetatable may have given it a __tostring */
        lua_pop(L, 1);
        return NULL;
    }
    if (debug->hex && lua_isinteger(L, index))
        return json_sprintf("0x%llx", (unsigned long long)lua_tointeger(L, index));
    lua_pushvalue(L, index);
    const char *text = lua_tolstring(L, -1, &size);
    json_t *value = json_stringn_nocheck(text, size);
    lua_pop(L, 1);
    return value;
}

void value_describe(struct debug *debug, lua_State *L, int index, json_t *out, char *expression)
{
    int top = lua_gettop(L), reference = 0;
    index = lua_absindex(L, index);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (expression)
        json_object_set_new_nocheck(out, "evaluateName", text_json(expression, strlen(expression)));
    if (has_children(L, index))
        reference = handle_of_value(debug, L, index, expression);
    else
        free(expression);
    json_t *value = describe_plain(debug, L, index);
    if (!value) {
        struct text *text = text_new(L);
        write_value(debug, L, index, text);
        interrupt_check(L);
        value = text_json(text->data ? text->data : "", text->size);
        text_free(text);
    }
    json_object_set_new_nocheck(out, "value", value);
    const char *type = value_type(debug, L, index);
    if (*type)
        json_object_set_new_nocheck(out, "type", json_string_nocheck(type));
    if (lua_type(L, index) == LUA_TSTRING)
        json_object_set_new(out, "presentationHint",
                            json_pack("{s:[s]}", "attributes", "rawString"));
    json_object_set_new_nocheck(out, "variablesReference", json_integer(reference));
    if (reference)
        add_counts(L, index, out);
    lua_settop(L, top);
}
