/* SPDX-License-Identifier: Apache-2.0
 * inspect_request: what the name at the cursor (or the function whose call it is in) stands for.
 * No code of the script runs; tools are described from their manifests. */
#include <string.h>

#include "scope.h"
#include "text.h"

struct inspection {
    struct scope scope;
    json_t *answer; /* text, or NULL: nothing found */
};

/* The token with the name to inspect: at the cursor, or before the open bracket around it. */
static size_t find_name(const struct scope *scope)
{
    size_t i = scope->count;
    if (i > 0 && scope->tokens[i - 1].kind == TOKEN_NAME &&
        scope->tokens[i - 1].end == scope->cursor)
        return i - 1;
    for (int depth = 0; i > 0; i--) {
        int kind = scope->tokens[i - 1].kind;
        depth += kind == ')' || kind == '}' || kind == ']';
        depth -= kind == '(' || kind == '{' || kind == '[';
        if (depth >= 0)
            continue;
        depth = 0;
        if (i >= 2 && kind != '[' && scope->tokens[i - 2].kind == TOKEN_NAME)
            return i - 2;
    }
    return scope->count;
}

static void add_name(struct text *out, const struct scope *scope)
{
    size_t start = scope->part_count ? scope->parts[0].start : scope->last.start;
    text_puts(out, "Name:        ");
    text_add(out, scope->text + start, scope->last.end - start);
    text_puts(out, "\n");
}

/* "Signature: (a, b, ...)" of a Lua function, and where it stands. */
static void add_function(lua_State *L, struct text *out, int index)
{
    lua_Debug about;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">Su", &about);
    if (*about.what == 'C') {
        text_puts(out, "Source:      [C]\n");
        return;
    }
    text_puts(out, "Signature:   (");
    lua_pushvalue(L, index);
    for (int i = 1; i <= about.nparams; i++)
        text_format(out, "%s%s", i > 1 ? ", " : "", lua_getlocal(L, NULL, i));
    lua_pop(L, 1);
    if (about.isvararg)
        text_puts(out, about.nparams ? ", ..." : "...");
    text_format(out, ")\nSource:      %s:%d-%d\n", about.short_src, about.linedefined,
                about.lastlinedefined);
}

static void add_value(lua_State *L, struct text *out, int index)
{
    text_format(out, "Type:        %s\n", luaL_typename(L, index));
    if (lua_isfunction(L, index)) {
        add_function(L, out, index);
        return;
    }
    text_puts(out, "Value:       ");
    show_plain(L, index, out);
    text_puts(out, "\n");
}

static int is_required(const json_t *schema, const char *name)
{
    size_t i;
    json_t *required;
    json_array_foreach(json_object_get(schema, "required"), i,
                       required) if (json_is_string(required) &&
                                     strcmp(json_string_value(required), name) == 0) return 1;
    return 0;
}

/* "  input (string, required): Text to work on" */
static void add_parameters(struct text *out, const json_t *schema)
{
    const char *name;
    json_t *property;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        const char *type = llmspell_string(property, "type");
        const char *about = llmspell_string(property, "description");
        const json_t *choice = json_object_get(property, "enum");
        text_format(out, "  %s (%s%s)", name,
                    type     ? type
                    : choice ? "enum"
                             : "any",
                    is_required(schema, name) ? ", required" : "");
        size_t i;
        json_t *value;
        json_array_foreach(choice, i, value) if (json_is_string(value))
            text_format(out, "%s%s", i ? "|" : ": ", json_string_value(value));
        if (about) {
            text_puts(out, choice ? "; " : ": ");
            text_puts(out, about);
        }
        text_puts(out, "\n");
    }
}

/* 1 if the kernel knows the tool. */
static int add_tool(lua_State *L, struct text *out, const char *name)
{
    static const struct {
        const char *label, *member;
    } LINES[] = {{"Tool:        ", "name"},
                 {"Title:       ", "title"},
                 {"Category:    ", "category"},
                 {"Version:     ", "version"},
                 {"Description: ", "description"}};
    json_t **reply = toolcall_request(L, "tool_request",
                                      json_pack("{s:s, s:s}", "command", "info", "name", name));
    const json_t *info = json_object_get(*reply, "info");
    if (!info)
        return 0;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        const char *text = llmspell_string(info, LINES[i].member);
        if (!text)
            continue;
        text_puts(out, LINES[i].label);
        text_puts(out, text);
        text_puts(out, "\n");
    }
    text_puts(out, "Parameters:\n");
    add_parameters(out, json_object_get(info, "parameters"));
    return 1;
}

/* Describes the value on top, a field or global with the name that was found. */
static int describe(lua_State *L, struct text *out, const struct scope *scope, int base_is_tool)
{
    int value = lua_gettop(L);
    const char *tool = tools_object_name(L, value);
    if (tool)
        return add_tool(L, out, tool);
    if (lua_isnil(L, value) && base_is_tool) {
        lua_pushlstring(L, scope->text + scope->last.start, scope->last.end - scope->last.start);
        return add_tool(L, out, lua_tostring(L, -1));
    }
    if (lua_isnil(L, value))
        return 0;
    add_name(out, scope);
    add_value(L, out, value);
    return 1;
}

static int inspect(lua_State *L)
{
    struct inspection *inspection = lua_touserdata(L, 1);
    struct scope *scope = &inspection->scope;
    size_t name = find_name(scope);
    if (scope->in_comment || name == scope->count || !scope_find(scope, name))
        return 0;
    struct text *out = text_new(L);
    scope_push_base(L, scope);
    int base_is_tool = scope->separator && tools_is_table(L, -1);
    scope_field(L, scope->text + scope->last.start, scope->last.end - scope->last.start);
    if (!describe(L, out, scope, base_is_tool))
        return 0;
    text_check(L, out);
    inspection->answer = text_json(out->data, out->size - 1); /* without the last newline */
    return 0;
}

/* The cursor may stand inside of a name: its end counts. */
static size_t end_of_name(const char *code, size_t size, size_t cursor)
{
    while (cursor < size && lexer_is_name(code[cursor], 0))
        cursor++;
    return cursor;
}

int32_t inspect_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *code = llmspell_string(content, "code");
    if (!code)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "inspect_request needs code, a string");
    size_t size = llmspell_string_length(content, "code");
    size_t cursor = scope_offset(code, size, llmspell_integer(content, "cursor_pos", -1));
    struct inspection inspection = {.answer = NULL};
    if (scope_open(&inspection.scope, code, end_of_name(code, size, cursor)) == 0) {
        if (state_call(rt, inspect, &inspection) != LUA_OK)
            rt->host->log(rt->ctx, LLMSPELL_LOG_DEBUG, "inspection failed");
        scope_close(&inspection.scope);
    }
    int found = inspection.answer != NULL;
    json_t *data = json_object();
    if (found)
        json_object_set_new(data, "text/plain", inspection.answer);
    json_t *reply = json_pack("{s:s, s:b, s:o, s:{}}", "status", "ok", "found", found, "data", data,
                              "metadata");
    return llmspell_return(rt->call, ret_reply, reply);
}
