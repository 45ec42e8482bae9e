/* SPDX-License-Identifier: Apache-2.0
 * MIME bundles: {"data": {type: value}, "metadata"} of a value, from its __display, from a table of
 * records (which gets HTML as well), or text alone. Called for results and user expressions
 * (execute.c), display.c and payload.c. */
#include <string.h>

#include "display.h"
#include "keys.h"

#define NESTED_MAX 8   /* a __display that returns what has a __display */
#define RUNNING_MAX 16 /* a __display that displays what has a __display */
#define TYPES_MAX 64   /* of one bundle */
#define STACK 64       /* slots that all this takes */

/* A box on the stack with an empty bundle. */
static json_t **new_box(lua_State *L)
{
    luaL_checkstack(L, STACK, "a display");
    json_t **box = convert_box(L);
    *box = json_pack("{s:{}, s:{}}", "data", "metadata");
    if (!*box)
        luaL_error(L, "not enough memory");
    return box;
}

static void set_text(lua_State *L, json_t *bundle, const char *type, struct text *text)
{
    text_check(L, text);
    json_t *value = text_json(text->data ? text->data : "", text->size);
    text_free(text);
    if (!value || json_object_set_new_nocheck(json_object_get(bundle, "data"), type, value) < 0)
        luaL_error(L, "not enough memory");
}

/* ---- tables of MIME types ---- */

int bundle_is(lua_State *L, int index)
{
    int top = lua_gettop(L), count = 0, types = 1;
    index = lua_absindex(L, index);
    if (!lua_istable(L, index) || luaL_getmetafield(L, index, "__display") != LUA_TNIL)
        types = 0;
    for (lua_pushnil(L); types && lua_next(L, index); lua_pop(L, 1), count++)
        types =
            lua_type(L, -2) == LUA_TSTRING && mime_is_type(lua_tostring(L, -2), lua_rawlen(L, -2));
    lua_settop(L, top);
    return types && count > 0;
}

static void check_type(lua_State *L, const char *type, size_t size)
{
    char start[64];
    if (mime_is_type(type, size))
        return;
    snprintf(start, sizeof start, "%s", type);
    luaL_error(L, "\"%s\" is not a MIME type such as text/html", start);
}

static void pull_data(lua_State *L, int index, json_t *data)
{
    size_t count = 0, total = 0, left = DISPLAY_BYTES;
    struct key *keys = keys_sorted(L, index, 0, TYPES_MAX, &count, &total);
    if (total > count)
        luaL_error(L, "a display of more than %d MIME types", TYPES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type != LUA_TSTRING)
            luaL_error(L, "a key has to be a MIME type such as text/html, not a %s",
                       lua_typename(L, keys[i].type));
        check_type(L, keys[i].string, keys[i].size);
        lua_pushlstring(L, keys[i].string, keys[i].size);
        lua_rawget(L, index);
        mime_set(L, data, keys[i].string, -1, &left);
        lua_pop(L, 1);
    }
}

static void pull_metadata(lua_State *L, int index, json_t *bundle)
{
    struct convert_error error;
    json_t **box = convert_box(L);
    if (lua_isnil(L, index))
        return;
    if (convert_pull_within(L, index, box, DISPLAY_JSON, &error) < 0)
        luaL_error(L, "metadata: %s", error.message);
    if (!json_is_object(*box))
        luaL_error(L, "metadata has to be a table with names, not a %s", luaL_typename(L, index));
    if (json_object_set(bundle, "metadata", *box) < 0)
        luaL_error(L, "not enough memory");
    json_decref(*box);
    *box = NULL;
}

/* What the bundle shows where only text is: its most telling value. */
static void describe_data(lua_State *L, int index, struct text *out)
{
    static const char *const TELLING[] = {"text/markdown", "text/latex", "text/html",
                                          "image/png",     "image/jpeg", "image/gif",
                                          "image/svg+xml"};
    for (size_t i = 0; i < sizeof TELLING / sizeof *TELLING; i++) {
        size_t size = 0;
        lua_pushstring(L, TELLING[i]);
        lua_rawget(L, index);
        const char *value = lua_tolstring(L, -1, &size);
        if (value)
            mime_describe(TELLING[i], value, size, out);
        lua_pop(L, 1);
        if (value)
            return;
    }
    lua_pushnil(L);
    lua_next(L, index);
    text_format(out, "<%s>", lua_tostring(L, -2));
    lua_pop(L, 2);
}

/* The table at index 1 into the bundle at index 2 (light userdata). */
static int fill_raw(lua_State *L)
{
    json_t *bundle = lua_touserdata(L, 2);
    pull_data(L, 1, json_object_get(bundle, "data"));
    if (!json_object_get(json_object_get(bundle, "data"), "text/plain")) {
        struct text *text = text_new(L);
        describe_data(L, 1, text);
        set_text(L, bundle, "text/plain", text);
    }
    return 0;
}

/* What an error leaves may have megabytes, which the collector does not know of. */
json_t *bundle_raw(lua_State *L, int index)
{
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    json_t **box = new_box(L), *bundle = *box;
    lua_pushcfunction(L, fill_raw);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, bundle);
    int status = lua_pcall(L, 2, 0, 0);
    *box = NULL;
    if (status == LUA_OK) {
        lua_settop(L, top);
        return bundle;
    }
    json_decref(bundle);
    interrupt_check(L);
    luaL_where(L, 1);
    lua_insert(L, -2);
    if (lua_type(L, -1) == LUA_TSTRING)
        lua_concat(L, 2);
    lua_error(L);
    return NULL;
}

/* ---- __display ---- */

/* Calls the metamethod of the value at index 1 into the bundle at index 2 (light userdata). Returns
 * whether it showed anything. What it returns may show itself in its turn. */
static int call_display(lua_State *L)
{
    json_t *bundle = lua_touserdata(L, 2);
    for (int nested = 0; luaL_getmetafield(L, 1, "__display") != LUA_TNIL; nested++) {
        if (nested == NESTED_MAX)
            return luaL_error(L, "nested more than %d deep", NESTED_MAX);
        lua_pushvalue(L, 1);
        lua_call(L, 1, 2);
        if (lua_isnil(L, 3)) {
            lua_pushboolean(L, 0);
            return 1;
        }
        if (luaL_getmetafield(L, 3, "__display") == LUA_TNIL)
            break;
        lua_settop(L, 3);
        lua_replace(L, 1);
    }
    if (!lua_istable(L, 3))
        return luaL_error(L, "it has to return a table {[MIME type] = value} or nil, not a %s",
                          luaL_typename(L, 3));
    pull_data(L, 3, json_object_get(bundle, "data"));
    pull_metadata(L, 4, bundle);
    lua_pushboolean(L, json_object_size(json_object_get(bundle, "data")) > 0);
    return 1;
}

/* The error on top as a note; the cell goes on, unless it is being stopped. */
static void note_error(lua_State *L, json_t *bundle)
{
    interrupt_check(L);
    struct text *text = text_new(L);
    report_message(L, -2);
    interrupt_check(L); /* a __tostring of the error object may have been stopped */
    size_t size = 0;
    const char *message = lua_tolstring(L, -1, &size);
    text_puts(text, "<error in __display: ");
    text_add(text, message, size);
    text_puts(text, ">");
    json_object_clear(json_object_get(bundle, "data"));
    set_text(L, bundle, "text/plain", text);
}

/* Fills the bundle from the value's __display; 0: there is none, or it shows nothing. */
static int fill_by_display(lua_State *L, int index, json_t *bundle)
{
    struct runtime *rt = runtime_of(L);
    if (luaL_getmetafield(L, index, "__display") == LUA_TNIL)
        return 0;
    lua_pushcfunction(L, call_display);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, bundle);
    int status = LUA_ERRRUN;
    if (rt->displaying < RUNNING_MAX) {
        rt->displaying++;
        status = lua_pcall(L, 2, 1, 0);
        rt->displaying--;
    } else {
        lua_pushliteral(L, "it displays itself");
    }
    if (status == LUA_OK)
        return lua_toboolean(L, -1);
    note_error(L, bundle);
    return 1;
}

/* ---- values ---- */

static int is_records(lua_State *L, int index, struct records *records)
{
    *records = (struct records){.rows = index, .max_rows = RECORDS_ROWS};
    lua_rawgeti(L, index, 1);
    if (!lua_istable(L, -1) || records_survey(L, records) < 0)
        return 0;
    return records->columns > 0 && !records->objects && !(records->lists && records->nested);
}

static void fill_html(lua_State *L, struct records *records, json_t *bundle)
{
    records_read(L, records);
    struct text *html = text_new(L);
    records_html(L, records, html);
    text_free(records->text);
    interrupt_check(L);
    set_text(L, bundle, "text/html", html);
}

static void fill_text(lua_State *L, int first, int count, json_t *bundle)
{
    struct text *text = text_new(L);
    show_values(L, first, count, text);
    interrupt_check(L);
    set_text(L, bundle, "text/plain", text);
}

/* One table or userdata: what may be more than text. */
static json_t *show_rich(lua_State *L, int index)
{
    struct records records;
    int top = lua_gettop(L);
    json_t **box = new_box(L);
    json_t *data = json_object_get(*box, "data");
    int has_text = luaL_getmetafield(L, index, "__tostring") != LUA_TNIL;
    int shown = fill_by_display(L, index, *box);
    if (!json_object_get(data, "text/plain"))
        fill_text(L, index, 1, *box);
    if (!shown && !has_text && lua_istable(L, index) && is_records(L, index, &records))
        fill_html(L, &records, *box);
    json_t *bundle = *box;
    *box = NULL;
    lua_settop(L, top);
    return bundle;
}

/* Several values, or one that is only text. */
static json_t *show_text(lua_State *L, int first, int count)
{
    struct text *text = text_new(L);
    show_values(L, first, count, text);
    interrupt_check(L); /* before anything that an error would leak */
    json_t *plain = text_json(text->data ? text->data : "", text->size);
    text_free(text);
    lua_pop(L, 1);
    json_t *bundle = json_pack("{s:{s:o}, s:{}}", "data", "text/plain", plain, "metadata");
    if (!bundle)
        luaL_error(L, "not enough memory");
    return bundle;
}

json_t *bundle_values(lua_State *L, int first, int count)
{
    first = lua_absindex(L, first);
    int type = count == 1 ? lua_type(L, first) : LUA_TNONE;
    if (type == LUA_TTABLE || type == LUA_TUSERDATA)
        return show_rich(L, first);
    return show_text(L, first, count);
}
