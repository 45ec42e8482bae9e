/* SPDX-License-Identifier: Apache-2.0
 * A value: a function with its comment and source, a table with its first fields, others as they
 * print. No metamethod is called; nothing is left in the Lua state. */
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "inspect.h"
#include "library.h"
#include "match.h"
#include "source.h"

#define FIELDS_MAX 20
#define STRING_MAX 2000
#define BRIEF_MAX 60

static void fact(struct inspection *in, const char *label, struct text *value)
{
    if (!value->failed)
        sheet_fact(&in->sheet, label, value->data ? value->data : "", value->size);
    value->size = 0;
}

static void fact_text(struct inspection *in, const char *label, const char *value)
{
    sheet_fact(&in->sheet, label, value, strlen(value));
}

/* The name as it was typed: "a.b:c" */
static struct code found_name(const struct scope *scope)
{
    size_t start = scope->part_count ? scope->parts[0].start : scope->last.start;
    return (struct code){scope->text + start, scope->last.end - start};
}

void inspect_title(struct inspection *in, const char *suffix)
{
    struct code name = found_name(&in->scope);
    in->title.size = 0;
    text_add(&in->title, name.text, name.size > 200 ? 200 : name.size);
    text_puts(&in->title, suffix);
    if (!in->title.failed)
        sheet_title(&in->sheet, in->title.data, in->title.size);
}

/* ---- functions ---- */

static void add_comment(struct inspection *in, struct code code, int line)
{
    in->value.size = 0;
    function_comment(code, line, &in->value);
    if (in->value.size > 0 && !in->value.failed)
        sheet_paragraph(&in->sheet, in->value.data, in->value.size);
}

static void add_entry(struct inspection *in, const struct library_entry *entry)
{
    if (entry)
        sheet_paragraph(&in->sheet, entry->about, strlen(entry->about));
}

static void inspect_function(lua_State *L, struct inspection *in)
{
    lua_Debug about;
    struct code code;
    in->value.size = 0;
    function_signature(L, -1, &in->value);
    text_add(&in->value, "", 0);
    if (in->value.failed)
        return;
    inspect_title(in, in->value.data);
    if (in->value.size > 0)
        fact(in, "Signature", &in->value);
    fact_text(in, "Type", "function");
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">Su", &about);
    function_place(&about, &in->value);
    fact(in, "Defined", &in->value);
    if (*about.what == 'C') {
        add_entry(in, library_of(L, -1));
    } else if (source_find(in->rt, &about, &code, &in->own)) {
        add_comment(in, code, about.linedefined);
        struct code lines = source_lines(code, about.linedefined, about.lastlinedefined);
        if (in->detail > 0 && lines.text) {
            sheet_heading(&in->sheet, "Source");
            sheet_code(&in->sheet, lines.text, lines.size);
        }
    }
}

/* ---- tables ---- */

static void quote(struct text *out, const char *text, size_t size, size_t max)
{
    size_t shown = size > max ? max : size;
    text_puts(out, "\"");
    for (size_t i = 0; i < shown;) {
        unsigned char byte = (unsigned char)text[i];
        size_t length = text_character(text + i, size - i);
        if (byte == '\n')
            text_puts(out, "\\n");
        else if (byte == '"' || byte == '\\')
            text_format(out, "\\%c", byte);
        else if (length == 0 || byte < 32 || byte == 127)
            text_format(out, "\\x%02X", byte);
        else
            text_add(out, text + i, length);
        i += length ? length : 1;
    }
    text_puts(out, shown < size ? "…\"" : "\"");
    if (shown < size)
        text_format(out, " (%zu bytes)", size);
}

/* One line on the value on top. */
static void brief(lua_State *L, struct text *out, size_t max)
{
    size_t size = 0;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, -1, &size);
        quote(out, text, size, max);
        return;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1))
            text_format(out, "%lld", (long long)lua_tointeger(L, -1));
        else
            text_format(out, "%.14g", lua_tonumber(L, -1));
        return;
    case LUA_TBOOLEAN:
        text_puts(out, lua_toboolean(L, -1) ? "true" : "false");
        return;
    case LUA_TFUNCTION:
        text_puts(out, "function ");
        function_signature(L, -1, out);
        return;
    case LUA_TNIL:
        text_puts(out, "nil");
        return;
    default:
        text_format(out, "%s: %p", luaL_typename(L, -1), lua_topointer(L, -1));
    }
}

static void add_field(lua_State *L, struct inspection *in, const struct text *key)
{
    struct text cells[3] = {*key, {NULL, 0, 0, 0}, {NULL, 0, 0, 0}};
    text_puts(&cells[1], luaL_typename(L, -1));
    brief(L, &cells[2], BRIEF_MAX);
    sheet_row(&in->sheet, cells, 3);
    text_free(&cells[1]);
    text_free(&cells[2]);
}

/* Counts the entries of the table on top; its string keys go to matches. */
static size_t count_entries(lua_State *L, struct matches *matches)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1), count++) {
        size_t size = 0;
        if (count >= MATCH_VISITS) {
            lua_pop(L, 2);
            break;
        }
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *key = lua_tolstring(L, -2, &size);
            match_add(matches, key, size, "property");
        }
    }
    return count;
}

static void add_fields(lua_State *L, struct inspection *in, const struct matches *matches)
{
    static const char *const HEAD[] = {"key", "type", "value"};
    struct text key = {NULL, 0, 0, 0};
    lua_Integer listed = (lua_Integer)lua_rawlen(L, -1);
    sheet_heading(&in->sheet, "Fields");
    sheet_head(&in->sheet, HEAD, 3);
    for (lua_Integer i = 1; i <= listed && i <= FIELDS_MAX / 2; i++) {
        lua_rawgeti(L, -1, i);
        key.size = 0;
        text_format(&key, "[%lld]", (long long)i);
        add_field(L, in, &key);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < matches->count && i < FIELDS_MAX; i++) {
        lua_pushlstring(L, matches->items[i].text, matches->items[i].size);
        lua_rawget(L, -2);
        key.size = 0;
        text_add(&key, matches->items[i].text, matches->items[i].size);
        add_field(L, in, &key);
        lua_pop(L, 1);
    }
    sheet_end(&in->sheet);
    text_free(&key);
}

static int is_class(lua_State *L)
{
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    int is = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return is;
}

static void inspect_table(lua_State *L, struct inspection *in)
{
    struct matches matches = {.prefix = ""};
    inspect_title(in, "");
    fact_text(in, "Type", is_class(L) ? "table (a class: it has __index)" : "table");
    in->value.size = 0;
    size_t count = count_entries(L, &matches);
    text_format(&in->value, "%zu%s", count, count >= MATCH_VISITS ? " or more" : "");
    fact(in, "Entries", &in->value);
    text_format(&in->value, "%llu", (unsigned long long)lua_rawlen(L, -1));
    fact(in, "Length", &in->value);
    match_sort(&matches);
    add_entry(in, library_of(L, -1));
    if (count > 0)
        add_fields(L, in, &matches);
    match_clear(&matches);
    if (!lua_getmetatable(L, -1))
        return;
    count = count_entries(L, &matches);
    match_sort(&matches);
    for (size_t i = 0; i < matches.count && i < FIELDS_MAX; i++) {
        text_puts(&in->value, i ? ", " : "");
        text_add(&in->value, matches.items[i].text, matches.items[i].size);
    }
    fact(in, "Metatable", &in->value);
    match_clear(&matches);
    lua_pop(L, 1);
}

/* ---- all of it ---- */

static void inspect_plain(lua_State *L, struct inspection *in)
{
    struct code name = found_name(&in->scope);
    inspect_title(in, "");
    fact_text(in, "Type", luaL_typename(L, -1));
    if (lua_type(L, -1) == LUA_TNUMBER)
        fact_text(in, "Subtype", lua_isinteger(L, -1) ? "integer" : "float");
    in->value.size = 0;
    if (lua_type(L, -1) == LUA_TSTRING) {
        text_format(&in->value, "%llu bytes", (unsigned long long)lua_rawlen(L, -1));
        fact(in, "Length", &in->value);
    }
    brief(L, &in->value, STRING_MAX);
    fact(in, "Value", &in->value);
    add_entry(in, library_named(name.text, name.size));
}

void inspect_value(lua_State *L, struct inspection *in)
{
    if (lua_isfunction(L, -1))
        inspect_function(L, in);
    else if (lua_istable(L, -1))
        inspect_table(L, in);
    else
        inspect_plain(L, in);
    in->found = 1;
}

static int line_of(struct code code, size_t offset)
{
    int line = 1;
    for (size_t i = 0; i < offset && i < code.size; i++)
        line += code.text[i] == '\n';
    return line;
}

/* "(a, b)" of a function of the cell, from its tokens. */
static void add_parameters(struct inspection *in, const struct local *local)
{
    const struct scope *scope = &in->scope;
    size_t first = local->at + 1, last = first;
    while (last < scope->count && scope->tokens[last].kind != ')')
        last++;
    in->value.size = 0;
    if (last < scope->count && scope->tokens[first].kind == '(')
        text_add(&in->value, scope->text + scope->tokens[first].start,
                 scope->tokens[last].end - scope->tokens[first].start);
}

void inspect_local(struct inspection *in, const struct local *local)
{
    static const char *const KINDS[] = {"variable", "function", "parameter", "loop variable"};
    int line = line_of(in->code, in->scope.tokens[local->at].start);
    in->value.size = 0;
    if (local->kind == LOCAL_FUNCTION)
        add_parameters(in, local);
    text_add(&in->value, "", 0);
    if (in->value.failed)
        return;
    inspect_title(in, in->value.data);
    in->value.size = 0;
    fact_text(in, "Type", KINDS[local->kind]);
    text_format(&in->value, "in this cell, line %d", line);
    fact(in, "Defined", &in->value);
    add_comment(in, in->code, line);
    in->found = 1;
}
