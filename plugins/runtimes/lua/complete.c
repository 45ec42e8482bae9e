/* SPDX-License-Identifier: Apache-2.0
 * complete_request (globals, keywords, fields, methods, local names, tools) and
 * is_complete_request. No code of the script runs: tables are read raw, of metatables only __index
 * tables are followed. */
#include <string.h>

#include "keys.h"
#include "scope.h"
#include "text.h"

#define MATCHES_MAX 2000

struct completion {
    struct scope scope;
    json_t *matches, *types;
    json_int_t start, end; /* in code points */
};

/* The prefix that a match has to begin with; stack index 2 is the table name → type. */
struct filter {
    const char *prefix;
    size_t size;
    int methods; /* only what can be called */
};

/* Adds a name; what is known already stays. */
static void add(lua_State *L, const struct filter *filter, const char *name, const char *type)
{
    size_t size = strlen(name);
    if (size < filter->size || memcmp(name, filter->prefix, filter->size) != 0 || size == 0 ||
        (filter->size == 0 && *name == '_'))
        return;
    for (size_t i = 0; i < size; i++)
        if (!lexer_is_name(name[i], i == 0))
            return;
    if (lua_getfield(L, 2, name) == LUA_TNIL) {
        lua_pushstring(L, type);
        lua_setfield(L, 2, name);
    }
    lua_pop(L, 1);
}

static int is_callable(lua_State *L, int index)
{
    int top = lua_gettop(L);
    int callable = lua_isfunction(L, index) || luaL_getmetafield(L, index, "__call") != LUA_TNIL;
    lua_settop(L, top);
    return callable;
}

/* The type that front ends draw an icon for. */
static const char *type_of(lua_State *L, int index)
{
    if (is_callable(L, index))
        return "function";
    return lua_istable(L, index) ? "module" : "instance";
}

/* Adds the fields of the value on top, and of the __index tables behind it; pops it. */
static void add_fields(lua_State *L, const struct filter *filter)
{
    for (int i = 0; i < SCOPE_INDEX_MAX && scope_next(L, i == 0); i++) {
        int table = lua_gettop(L);
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
            if (lua_type(L, -2) == LUA_TSTRING && (!filter->methods || is_callable(L, -1)))
                add(L, filter, lua_tostring(L, -2), type_of(L, -1));
    }
}

static void add_tools(lua_State *L, const struct filter *filter)
{
    tools_push_names(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        add(L, filter, lua_tostring(L, -1), "function");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void add_keywords(lua_State *L, const struct filter *filter)
{
    for (int kind = TOKEN_AND; kind <= TOKEN_WHILE; kind++)
        add(L, filter, lexer_keyword(kind), "keyword");
}

/* Names that the text before the cursor declares: locals, loop variables, parameters. */
static void add_locals(lua_State *L, const struct filter *filter, const struct scope *scope)
{
    int declares = 0;
    for (size_t i = 0; i < scope->count; i++) {
        struct token token = scope->tokens[i];
        if (token.kind == TOKEN_LOCAL || token.kind == TOKEN_FOR || token.kind == TOKEN_FUNCTION) {
            declares = token.kind;
        } else if (token.kind == TOKEN_NAME && declares && token.end < scope->cursor) {
            lua_pushlstring(L, scope->text + token.start, token.end - token.start);
            add(L, filter, lua_tostring(L, -1), "instance");
            lua_pop(L, 1);
        } else if (token.kind != ',' && !(declares == TOKEN_FUNCTION && token.kind == '(')) {
            declares = 0;
        }
    }
}

/* Tool.calculator: has the methods of any tool object, without asking for it. */
static int add_tool_methods(lua_State *L, const struct filter *filter, struct scope *scope)
{
    if (scope->part_count != 2)
        return 0;
    scope->part_count = 1;
    scope_push_base(L, scope);
    scope->part_count = 2;
    int is_tool = tools_is_table(L, -1);
    lua_pop(L, 1);
    if (is_tool) {
        add(L, filter, "execute", "function");
        add(L, filter, "getSchema", "function");
    }
    return is_tool;
}

static void gather_names(lua_State *L, const struct filter *filter, struct scope *scope)
{
    scope_push_base(L, scope);
    if (!scope->separator) {
        add_fields(L, filter);
        add_locals(L, filter, scope);
        add_keywords(L, filter);
    } else if (tools_is_table(L, -1)) {
        add_fields(L, filter);
        add_tools(L, filter);
    } else if (!lua_isnil(L, -1)) {
        add_fields(L, filter);
    } else {
        lua_pop(L, 1);
        add_tool_methods(L, filter, scope);
    }
}

/* In a string without an end: Tool.invoke("calc|. 1 if it holds a tool's name. */
static int is_tool_argument(lua_State *L, struct scope *scope)
{
    size_t last = scope->count - 1;
    if (last > 0 && scope->tokens[last - 1].kind == '(')
        last--;
    if (last < 3 || !scope_find(scope, last - 1) || scope->separator != '.')
        return 0;
    scope_push_base(L, scope);
    int is_tool = tools_is_table(L, -1);
    lua_pop(L, 1);
    return is_tool;
}

/* Finds the prefix and fills the table at index 2. */
static void gather(lua_State *L, struct completion *completion, struct filter *filter)
{
    struct scope *scope = &completion->scope;
    size_t last = scope->count;
    struct token touched = last > 0 ? scope->tokens[last - 1] : (struct token){TOKEN_END, 0, 0};
    if (scope->in_comment)
        return;
    if (last > 0 && touched.end == scope->cursor) {
        char first = scope->text[touched.start];
        if (touched.kind == TOKEN_BAD && (first == '"' || first == '\'')) {
            filter->prefix = scope->text + touched.start + 1;
            filter->size = touched.end - touched.start - 1;
            if (is_tool_argument(L, scope))
                add_tools(L, filter);
            return;
        }
        if (touched.kind == TOKEN_NUMBER || touched.kind == TOKEN_STRING ||
            touched.kind == TOKEN_BAD)
            return;
        if (touched.kind == TOKEN_NAME || lexer_keyword(touched.kind))
            last--;
    }
    if (!scope_find(scope, last))
        return;
    filter->prefix = scope->text + scope->last.start;
    filter->size = scope->last.end - scope->last.start;
    filter->methods = scope->separator == ':';
    gather_names(L, filter, scope);
}

static int complete(lua_State *L)
{
    struct completion *completion = lua_touserdata(L, 1);
    struct filter filter = {.prefix = ""};
    lua_settop(L, 1);
    lua_newtable(L);
    gather(L, completion, &filter);
    completion->start = completion->end - (json_int_t)scope_code_points(filter.prefix, filter.size);
    size_t count = 0, total = 0;
    lua_settop(L, 2);
    struct key *keys = keys_sorted(L, 2, 0, SIZE_MAX, &count, &total);
    for (size_t i = 0; i < count && i < MATCHES_MAX; i++) {
        lua_getfield(L, 2, keys[i].string);
        json_array_append_new(completion->matches, json_string(keys[i].string));
        json_array_append_new(completion->types,
                              json_pack("{s:s, s:s, s:I, s:I}", "text", keys[i].string, "type",
                                        lua_tostring(L, -1), "start", completion->start, "end",
                                        completion->end));
        lua_pop(L, 1);
    }
    return 0;
}

int32_t complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *code = llmspell_string(content, "code");
    if (!code)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "complete_request needs code, a string");
    size_t size = llmspell_string_length(content, "code");
    struct completion completion = {.matches = json_array(), .types = json_array()};
    size_t cursor = scope_offset(code, size, llmspell_integer(content, "cursor_pos", -1));
    completion.end = completion.start = (json_int_t)scope_code_points(code, cursor);
    if (scope_open(&completion.scope, code, cursor) == 0) {
        if (state_call(rt, complete, &completion) != LUA_OK)
            rt->host->log(rt->ctx, LLMSPELL_LOG_DEBUG, "completion failed");
        scope_close(&completion.scope);
    }
    json_t *reply =
        json_pack("{s:s, s:o, s:I, s:I, s:{s:o}}", "status", "ok", "matches", completion.matches,
                  "cursor_start", completion.start, "cursor_end", completion.end, "metadata",
                  "_jupyter_types_experimental", completion.types);
    return llmspell_return(rt->call, ret_reply, reply);
}

/* ---- is_complete_request ---- */

struct check {
    struct code code; /* with a newline at the end: a short string cannot go on after it */
    const char *status;
};

/* Looks at the outcome of one way to compile; 1 if it decides. */
static int judge(lua_State *L, struct check *check, int status)
{
    static const char END[] = "<eof>";
    size_t size = 0;
    const char *message = status == LUA_OK ? "" : lua_tolstring(L, -1, &size);
    if (status == LUA_OK)
        check->status = "complete";
    else if (message && size >= sizeof END - 1 &&
             strcmp(message + size - (sizeof END - 1), END) == 0)
        check->status = "incomplete";
    lua_pop(L, 1);
    return status == LUA_OK;
}

static int check_code(lua_State *L)
{
    struct check *check = lua_touserdata(L, 1);
    size_t start = 0;
    if (judge(L, check, chunk_load_returning(L, check->code, 0, "=check")))
        return 0;
    if (chunk_tail(check->code, &start) && start > 0 &&
        judge(L, check, chunk_load_returning(L, check->code, start, "=check")))
        return 0;
    judge(L, check, luaL_loadbufferx(L, check->code.text, check->code.size, "=check", "t"));
    return 0;
}

/* Two spaces for each block and bracket that is open. */
static json_t *make_indent(struct code code)
{
    struct lexer lexer = {.text = code.text, .size = code.size};
    int depth = 0;
    for (struct token token; (token = lexer_next(&lexer)).kind != TOKEN_END;) {
        int kind = token.kind;
        depth += kind == TOKEN_FUNCTION || kind == TOKEN_IF || kind == TOKEN_DO ||
                 kind == TOKEN_REPEAT || kind == '(' || kind == '{' || kind == '[';
        depth -= kind == TOKEN_END_BLOCK || kind == TOKEN_UNTIL || kind == ')' || kind == '}' ||
                 kind == ']';
        if (kind == TOKEN_BAD && token.end == code.size)
            break;
    }
    char spaces[81];
    int width = depth < 0 ? 0 : depth > 40 ? 80 : 2 * depth;
    memset(spaces, ' ', (size_t)width);
    return json_stringn(spaces, (size_t)width);
}

int32_t is_complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *text = llmspell_string(content, "code");
    size_t size = llmspell_string_length(content, "code");
    LLMSPELL_CLEANUP_FREE char *copy = text ? malloc(size + 1) : NULL;
    if (!text)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "is_complete_request needs code, a string");
    if (!copy)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "out of memory");
    memcpy(copy, text, size);
    copy[size] = '\n';
    struct check check = {.code = {copy, size + 1}, .status = "invalid"};
    check.code = chunk_trim(check.code);
    if (state_call(rt, check_code, &check) != LUA_OK)
        check.status = "unknown";
    json_t *reply = json_pack("{s:s}", "status", check.status);
    if (reply && strcmp(check.status, "incomplete") == 0)
        json_object_set_new(reply, "indent", make_indent(check.code));
    return llmspell_return(rt->call, ret_reply, reply);
}
