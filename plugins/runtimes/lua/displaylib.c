/* SPDX-License-Identifier: Apache-2.0
 * The global Display: values that show themselves as HTML, an image, a chart, a table … Each is a
 * table {data = {[MIME type] = value}, metadata} with a __display that returns both and a
 * __tostring that gives data["text/plain"]. Images are in display_image.c. */
#include <string.h>

#include "display.h"

#define HTML "text/html"

/* ---- values ---- */

static int value_display(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "data");
    lua_rawget(L, 1);
    lua_pushliteral(L, "metadata");
    lua_rawget(L, 1);
    return 2;
}

static int value_tostring(lua_State *L)
{
    lua_settop(L, 1);
    value_display(L);
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "text/plain");
        lua_rawget(L, 2);
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        lua_pushliteral(L, "<display>");
    return 1;
}

void displaylib_push(lua_State *L, const char *type, int value, struct text *plain)
{
    value = lua_absindex(L, value);
    text_check(L, plain);
    lua_createtable(L, 0, 2);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, value);
    lua_setfield(L, -2, type);
    if (strcmp(type, "text/plain") != 0) {
        lua_pushlstring(L, plain->data ? plain->data : "", plain->size);
        lua_setfield(L, -2, "text/plain");
    }
    text_free(plain);
    lua_setfield(L, -2, "data");
    luaL_setmetatable(L, DISPLAY_VALUE);
}

/* ---- text ---- */

/* Display.html(text) and the like. Upvalue 1: the MIME type. */
static int make_text(lua_State *L)
{
    size_t size = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    const char *type = lua_tostring(L, lua_upvalueindex(1));
    struct text *plain = text_new(L);
    mime_describe(type, text, size, plain);
    displaylib_push(L, type, 1, plain);
    return 1;
}

/* Display.text(value): as print or a result would show it */
static int make_plain(lua_State *L)
{
    luaL_checkany(L, 1);
    struct text *plain = text_new(L);
    show_values(L, 1, 1, plain);
    lua_pushlstring(L, plain->data ? plain->data : "", plain->size);
    displaylib_push(L, "text/plain", -1, plain);
    return 1;
}

/* ---- JSON ---- */

/* The value at index 1 is checked now, so that the error stands where it was made. */
static void push_json(lua_State *L, const char *function, const char *type, int object)
{
    size_t left = DISPLAY_BYTES;
    struct text *plain = text_new(L);
    json_t **box = convert_box(L);
    *box = json_object();
    mime_set(L, *box, type, 1, &left);
    const json_t *value = json_object_get(*box, type);
    if (object && !json_is_object(value)) {
        json_decref(*box);
        *box = NULL;
        luaL_error(L, "%s needs a table with names or the JSON text of one", function);
    }
    jsonlib_write(L, plain, value);
    text_check(L, plain);
    json_decref(*box);
    *box = NULL;
    if (plain->size > DISPLAY_SOURCE) {
        size_t size = plain->size;
        plain->size = 0;
        mime_describe(type, NULL, size, plain);
    }
    displaylib_push(L, type, 1, plain);
}

/* Display.json(value) */
static int make_json(lua_State *L)
{
    luaL_checkany(L, 1);
    push_json(L, "Display.json", "application/json", 0);
    return 1;
}

/* The major version in "https://vega.github.io/schema/vega-lite/v5.json"; 5 without one. */
static int chart_version(lua_State *L)
{
    const char *schema = NULL, *version = NULL;
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "$schema");
        if (lua_rawget(L, 1) == LUA_TSTRING)
            schema = lua_tostring(L, -1);
    } else {
        schema = lua_tostring(L, 1);
    }
    version = schema ? strstr(schema, "/schema/vega") : NULL;
    version = version ? strstr(version + strlen("/schema/vega"), "/v") : NULL;
    return version && version[2] >= '1' && version[2] <= '9' ? version[2] - '0' : 5;
}

/* Display.vega(spec), Display.vegalite(spec): a table or JSON text. Upvalue 1: "vega" … */
static int make_chart(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    char type[64], function[64];
    luaL_argexpected(L, lua_istable(L, 1) || lua_type(L, 1) == LUA_TSTRING, 1, "table or string");
    snprintf(type, sizeof type, "application/vnd.%s.v%d+json", name, chart_version(L));
    snprintf(function, sizeof function, "Display.%s", name);
    push_json(L, function, type, 1);
    return 1;
}

/* ---- tables ---- */

static size_t rows_option(lua_State *L)
{
    lua_getfield(L, 2, "max_rows");
    lua_Integer rows = luaL_optinteger(L, -1, RECORDS_ROWS);
    if (rows < 1 || rows > RECORDS_CELLS)
        luaL_error(L, "Display.table: max_rows has to be 1 to %d", RECORDS_CELLS);
    return (size_t)rows;
}

/* Pushes the columns; 0: none are given. */
static int columns_option(lua_State *L)
{
    if (lua_getfield(L, 2, "columns") == LUA_TNIL)
        return 0;
    lua_Integer count = lua_istable(L, -1) ? (lua_Integer)lua_rawlen(L, -1) : 0;
    if (count < 1 || count > RECORDS_KEYS)
        luaL_error(L, "Display.table: columns has to be an array of 1 to %d names", RECORDS_KEYS);
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            luaL_error(L, "Display.table: columns[%d] has to be a string, not a %s", (int)i,
                       luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    return lua_gettop(L);
}

static void refuse_table(lua_State *L, const struct records *records)
{
    if (records->fault_row)
        luaL_error(L, "Display.table: row %d %s", (int)records->fault_row, records->fault);
    luaL_error(L, "Display.table: %s", records->fault);
}

/* Display.table(rows [, {columns = {…}, max_rows = N}]) */
static int make_table(lua_State *L)
{
    struct records records = {.rows = 1, .max_rows = RECORDS_ROWS};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        records.max_rows = rows_option(L);
        records.columns_given = columns_option(L);
    }
    if (records_survey(L, &records) < 0)
        refuse_table(L, &records);
    records_read(L, &records);
    struct text *html = text_new(L);
    records_html(L, &records, html);
    lua_pushlstring(L, html->data, html->size);
    text_free(html);
    struct text *plain = text_new(L);
    records_text(L, &records, plain);
    if (records.count == 0)
        text_puts(plain, plain->size ? "\n(no rows)" : "(no rows)");
    displaylib_push(L, HTML, -2, plain);
    text_free(records.text);
    return 1;
}

/* Adds function(upvalue) to the table on top. */
static void add(lua_State *L, const char *name, lua_CFunction function, const char *upvalue)
{
    lua_pushstring(L, upvalue);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void displaylib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"text", make_plain}, {"json", make_json}, {"table", make_table}, {NULL, NULL}};
    luaL_newmetatable(L, DISPLAY_VALUE);
    lua_pushcfunction(L, value_display);
    lua_setfield(L, -2, "__display");
    lua_pushcfunction(L, value_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    add(L, "html", make_text, HTML);
    add(L, "markdown", make_text, "text/markdown");
    add(L, "latex", make_text, "text/latex");
    add(L, "javascript", make_text, "application/javascript");
    add(L, "vega", make_chart, "vega");
    add(L, "vegalite", make_chart, "vegalite");
    display_image_open(L);
    state_global(L, "Display");
}
