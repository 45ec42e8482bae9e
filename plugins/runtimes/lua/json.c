/* SPDX-License-Identifier: Apache-2.0
 * The global JSON: parse (decode), stringify (encode), null, array, object. Own writer over Jansson
 * values, for shortest round-trip numbers ("0.1", "1.0") and JavaScript's compact form. */
#include <string.h>

#include "state.h"
#include "text.h"

#define INDENT_MAX 16

static void write_value(lua_State *L, struct text *text, const json_t *value, int indent,
                        int depth);

static void write_string(struct text *text, const char *data, size_t size)
{
    text_puts(text, "\"");
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c >= 32 && c != '"' && c != '\\')
            continue;
        text_add(text, data + start, i - start);
        start = i + 1;
        static const char SHORT[] = "\"\\\b\f\n\r\t", LETTER[] = "\"\\bfnrt";
        const char *found = c ? strchr(SHORT, c) : NULL;
        if (found)
            text_format(text, "\\%c", LETTER[found - SHORT]);
        else
            text_format(text, "\\u%04x", c);
    }
    text_add(text, data + start, size - start);
    text_puts(text, "\"");
}

static void write_real(struct text *text, double number)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number)
            break;
    }
    text_puts(text, digits);
    if (!strpbrk(digits, ".e"))
        text_puts(text, ".0");
}

static void write_break(struct text *text, int indent, int depth)
{
    if (indent == 0)
        return;
    text_puts(text, "\n");
    for (int i = 0; i < indent * depth; i++)
        text_puts(text, " ");
}

static void write_array(lua_State *L, struct text *text, const json_t *value, int indent, int depth)
{
    size_t count = json_array_size(value);
    text_puts(text, "[");
    for (size_t i = 0; i < count; i++) {
        text_puts(text, i ? "," : "");
        write_break(text, indent, depth + 1);
        write_value(L, text, json_array_get(value, i), indent, depth + 1);
    }
    if (count > 0)
        write_break(text, indent, depth);
    text_puts(text, "]");
}

static void write_object(lua_State *L, struct text *text, const json_t *value, int indent,
                         int depth)
{
    const char *key;
    json_t *member;
    size_t length;
    int any = 0;
    text_puts(text, "{");
    json_object_keylen_foreach((json_t *)(uintptr_t)value, key, length, member)
    {
        text_puts(text, any ? "," : "");
        any = 1;
        write_break(text, indent, depth + 1);
        write_string(text, key, length);
        text_puts(text, indent ? ": " : ":");
        write_value(L, text, member, indent, depth + 1);
    }
    if (any)
        write_break(text, indent, depth);
    text_puts(text, "}");
}

static void write_value(lua_State *L, struct text *text, const json_t *value, int indent, int depth)
{
    interrupt_look(L);
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(L, text, value, indent, depth);
        break;
    case JSON_ARRAY:
        write_array(L, text, value, indent, depth);
        break;
    case JSON_STRING:
        write_string(text, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        text_format(text, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(text, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        text_puts(text, json_is_true(value) ? "true" : "false");
        break;
    default:
        text_puts(text, "null");
    }
}

void jsonlib_write(lua_State *L, struct text *text, const json_t *value)
{
    write_value(L, text, value, 2, 0);
}

/* The second argument of stringify: spaces, or {pretty = true, indent = spaces}. */
static int indent_option(lua_State *L)
{
    lua_Integer indent = 0;
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "pretty");
        lua_getfield(L, 2, "indent");
        indent = lua_isboolean(L, -1) ? 2 * lua_toboolean(L, -1)
                                      : luaL_optinteger(L, -1, lua_toboolean(L, -2) ? 2 : 0);
        lua_pop(L, 2);
    } else if (lua_isboolean(L, 2)) {
        indent = lua_toboolean(L, 2) ? 2 : 0;
    } else {
        indent = luaL_optinteger(L, 2, 0);
    }
    luaL_argcheck(L, indent >= 0 && indent <= INDENT_MAX, 2, "the indent has to be 0 to 16 spaces");
    return (int)indent;
}

/* JSON.stringify(value [, options]) -> string */
static int stringify(lua_State *L)
{
    luaL_checkany(L, 1);
    int indent = indent_option(L);
    struct convert_error error;
    json_t **box = convert_box(L);
    if (convert_pull(L, 1, box, &error) < 0)
        return luaL_error(L, "JSON.stringify: %s", error.message);
    struct text *text = text_new(L);
    write_value(L, text, *box, indent, 0);
    text_check(L, text);
    json_decref(*box);
    *box = NULL;
    lua_pushlstring(L, text->data, text->size);
    return 1;
}

struct source {
    lua_State *L;
    const char *text;
    size_t left;
};

/* The next bytes for Jansson; -1 ends it, when the code has to end. */
static size_t next_bytes(void *buffer, size_t size, void *data)
{
    struct source *source = data;
    size_t taken = source->left < size ? source->left : size;
    if (interrupt_pending(runtime_of(source->L)) != STOP_NONE)
        return (size_t)-1;
    memcpy(buffer, source->text, taken);
    source->text += taken;
    source->left -= taken;
    return taken;
}

/* JSON.parse(text) -> value */
static int parse(lua_State *L)
{
    size_t size = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    json_error_t error;
    struct source source = {L, text, size};
    json_t **box = convert_box(L);
    *box = size <= RUNTIME_SLICE
               ? json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error)
               : json_load_callback(next_bytes, &source, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    interrupt_look(L);
    if (!*box)
        return luaL_error(L, "JSON.parse: line %d column %d (byte %d): %s", error.line,
                          error.column, error.position, error.text);
    convert_push(L, *box);
    json_decref(*box);
    *box = NULL;
    return 1;
}

static int mark(lua_State *L, int array)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    convert_mark(L, 1, array);
    return 1;
}

/* JSON.array([t]) -> t, which stringify writes as an array even if it is empty */
static int array(lua_State *L)
{
    return mark(L, 1);
}

/* JSON.object([t]) -> t, which is written as an object even if its keys are integers */
static int object(lua_State *L)
{
    return mark(L, 0);
}

void jsonlib_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"parse", parse},      {"decode", parse}, {"stringify", stringify},
        {"encode", stringify}, {"array", array},  {"object", object},
        {NULL, NULL}};
    luaL_newlib(L, functions);
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    state_global(L, "JSON");
}
