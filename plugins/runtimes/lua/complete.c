/* SPDX-License-Identifier: Apache-2.0
 * complete_request: globals, keywords, fields, methods, keys in brackets, names that the code
 * before the cursor declares; what stands in calls of tools is complete_tool.c's. */
#include "complete.h"

#include <string.h>

#include "function.h"
#include "schema.h"
#include "text.h"

#define SIGNATURES_MAX 3 /* tools that are asked for theirs: each answer takes its time */

static int is_callable(lua_State *L, int index)
{
    int top = lua_gettop(L);
    int callable = lua_isfunction(L, index) || luaL_getmetafield(L, index, "__call") != LUA_TNIL;
    lua_settop(L, top);
    return callable;
}

static int has_raw(lua_State *L, int index, const char *name)
{
    index = lua_absindex(L, index);
    lua_pushstring(L, name);
    int has = lua_rawget(L, index) != LUA_TNIL;
    lua_pop(L, 1);
    return has;
}

/* Is the value on top the module of that name? */
static int is_module(lua_State *L, const char *name)
{
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushstring(L, name);
    int is = lua_istable(L, -2) && lua_rawget(L, -2) == LUA_TTABLE && lua_rawequal(L, -1, top);
    lua_settop(L, top);
    return is;
}

/* The type of the value on top, which front ends draw an icon for. */
static const char *type_of(lua_State *L, const char *name, int is_field)
{
    if (lua_isfunction(L, -1) || tools_object_name(L, -1))
        return "function";
    if (lua_istable(L, -1) && is_module(L, name))
        return "module";
    if (lua_istable(L, -1) && (has_raw(L, -1, "__index") || is_callable(L, -1)))
        return "class";
    return is_field ? "property" : "instance";
}

static int is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!lexer_is_name(text[i], i == 0))
            return 0;
    struct lexer lexer = {.text = text, .size = size};
    return size > 0 && lexer_next(&lexer).kind == TOKEN_NAME;
}

/* Adds a name; those that begin with _ only if that was typed. */
static struct match *add(struct completion *c, const char *name, size_t size, const char *type)
{
    if ((size > 0 && *name == '_' && c->matches.prefix_size == 0) || !is_name(name, size))
        return NULL;
    return match_add(&c->matches, name, size, type);
}

static void add_signature(lua_State *L, struct match *match)
{
    struct text text = {NULL, 0, 0, 0};
    function_signature(L, -1, &text);
    match->signature = text.failed ? NULL : text.data;
    if (text.failed)
        text_free(&text);
}

/* Adds the field whose key and value are on top, if it fits. */
static void add_field(lua_State *L, struct completion *c)
{
    size_t size = 0;
    const char *name = lua_tolstring(L, -2, &size);
    int methods = c->scope.separator == ':';
    if (!match_fits(&c->matches, name, size) || (methods && !is_callable(L, -1)))
        return;
    struct match *match = add(c, name, size, type_of(L, name, c->scope.separator != 0));
    if (match && lua_isfunction(L, -1))
        add_signature(L, match);
}

/* Adds the fields of the value on top, and of the __index tables behind it; pops it. */
static void add_fields(lua_State *L, struct completion *c)
{
    for (int i = 0; i < SCOPE_INDEX_MAX && scope_next(L, i == 0); i++) {
        int table = lua_gettop(L);
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            if (c->matches.visits++ >= MATCH_VISITS) {
                lua_settop(L, table);
                break;
            }
            if (lua_type(L, -2) == LUA_TSTRING)
                add_field(L, c);
        }
    }
}

static void add_list(struct completion *c, const struct local_list *list)
{
    for (size_t i = list->count; i > 0; i--) {
        const struct local *local = &list->items[i - 1];
        add(c, local->name, local->size, local->kind == LOCAL_FUNCTION ? "function" : "instance");
    }
}

/* Locals first, since they hide globals. */
static void add_names(lua_State *L, struct completion *c)
{
    add_list(c, &c->scope.locals.scoped);
    add_fields(L, c);
    add_list(c, &c->scope.locals.globals);
    for (int kind = TOKEN_AND; kind <= TOKEN_WHILE; kind++)
        match_add(&c->matches, lexer_keyword(kind), strlen(lexer_keyword(kind)), "keyword");
}

/* Tool.NAME: has the methods of any tool object, without asking for it. */
static void add_tool_methods(lua_State *L, struct completion *c)
{
    if (c->scope.part_count != 2)
        return;
    c->scope.part_count = 1;
    scope_push_base(L, &c->scope);
    c->scope.part_count = 2;
    int is_tool = tools_is_table(L, -1);
    lua_pop(L, 1);
    if (!is_tool)
        return;
    luaL_getmetatable(L, "llmspell.tool");
    lua_newuserdatauv(L, 0, 0);
    lua_insert(L, -2);
    lua_setmetatable(L, -2);
    add_fields(L, c);
}

static void gather_names(lua_State *L, struct completion *c)
{
    scope_push_base(L, &c->scope);
    if (!c->scope.separator) {
        add_names(L, c);
    } else if (tools_is_table(L, -1)) {
        add_fields(L, c);
        if (c->scope.separator == '.')
            complete_tools(c);
    } else if (!lua_isnil(L, -1)) {
        add_fields(L, c);
    } else {
        lua_pop(L, 1);
        add_tool_methods(L, c);
    }
}

/* ---- t["… ---- */

/* The key as it stands between quotes; 0 if it does not fit into the buffer. */
static size_t escape(const char *key, size_t size, char quote, char *buffer, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < size && used + 8 < room;) {
        unsigned char byte = (unsigned char)key[i];
        size_t length = text_character(key + i, size - i);
        if (byte == (unsigned char)quote || byte == '\\') {
            buffer[used++] = '\\';
            buffer[used++] = (char)byte;
        } else if (length == 0 || byte < 32 || byte == 127) {
            used += (size_t)snprintf(buffer + used, 8, "\\%03u", byte);
        } else {
            memcpy(buffer + used, key + i, length);
            used += length;
        }
        i += length ? length : 1;
        if (i >= size)
            return used;
    }
    return 0;
}

/* What the text behind the cursor lacks of "] */
static const char *closing(const struct completion *c, char quote)
{
    const char *next = c->rest.text;
    size_t size = c->rest.size;
    int has_quote = size > 0 && *next == quote;
    int has_bracket = size > (size_t)has_quote && next[has_quote] == ']';
    if (has_quote || has_bracket)
        return has_quote ? "" : quote == '"' ? "\"" : "'";
    return quote == '"' ? "\"]" : "']";
}

/* Adds the string keys of the value on top, written with quote, from the prefix on; pops it. */
static void add_keys(lua_State *L, struct completion *c, char quote, int is_open)
{
    char text[MATCH_SIZE + 1];
    const char *end = closing(c, quote);
    for (int i = 0; i < SCOPE_INDEX_MAX && scope_next(L, i == 0); i++) {
        int table = lua_gettop(L);
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            if (c->matches.visits++ >= MATCH_VISITS) {
                lua_settop(L, table);
                break;
            }
            size_t size = 0, begin = is_open ? 0 : 1;
            const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &size) : "";
            *text = quote;
            size_t used = size > MATCH_SIZE ? 0
                                            : escape(key, size, quote, text + begin,
                                                     sizeof text - begin - strlen(end) - 1);
            if (used == 0)
                continue;
            memcpy(text + begin + used, end, strlen(end) + 1);
            match_copy(&c->matches, text, begin + used + strlen(end), type_of(L, key, 1));
        }
    }
}

/* ---- where the cursor stands ---- */

/* In a string without an end, the last token. */
static void gather_string(lua_State *L, struct completion *c)
{
    struct scope *scope = &c->scope;
    size_t last = scope->count - 1;
    struct token token = scope->tokens[last];
    char quote = scope->text[token.start];
    if (quote != '"' && quote != '\'')
        return;
    c->matches.prefix = scope->text + token.start + 1;
    c->matches.prefix_size = token.end - token.start - 1;
    if (last >= 2 && scope->tokens[last - 1].kind == '[') {
        scope_push_value(L, scope, last - 2);
        add_keys(L, c, quote, 1);
    } else {
        complete_argument(L, c, last);
    }
}

/* At a name, which may be empty and is token number last. */
static void gather_name(lua_State *L, struct completion *c, size_t last)
{
    struct scope *scope = &c->scope;
    int found = scope_find(scope, last);
    c->matches.prefix = scope->text + scope->last.start;
    c->matches.prefix_size = scope->last.end - scope->last.start;
    if (!found)
        return;
    if (!scope->separator && complete_parameters(L, c, last))
        return;
    if (last >= 2 && c->matches.prefix_size == 0 && scope->tokens[last - 1].kind == '[') {
        scope_push_value(L, scope, last - 2);
        add_keys(L, c, '"', 0);
        if (c->matches.count > 0)
            return;
    }
    gather_names(L, c);
}

static int complete(lua_State *L)
{
    struct completion *c = lua_touserdata(L, 1);
    const struct scope *scope = &c->scope;
    size_t last = scope->count;
    lua_settop(L, 1);
    if (scope->in_comment)
        return 0;
    if (last > 0 && scope->tokens[last - 1].end == scope->cursor) {
        int kind = scope->tokens[last - 1].kind;
        if (kind == TOKEN_BAD)
            gather_string(L, c);
        if (kind == TOKEN_NUMBER || kind == TOKEN_STRING || kind == TOKEN_BAD)
            return 0;
        last -= kind == TOKEN_NAME || lexer_keyword(kind) != NULL;
    }
    gather_name(L, c, last);
    return 0;
}

/* ---- the reply ---- */

static json_t *tool_signature(struct runtime *rt, const struct match *match)
{
    LLMSPELL_CLEANUP_FREE char *name = strndup(match->text, match->size);
    LLMSPELL_CLEANUP_JSON json_t *manifest = name ? tools_manifest(rt, name) : NULL;
    if (!manifest)
        return NULL;
    struct text text = {NULL, 0, 0, 0};
    schema_signature(json_object_get(manifest, "parameters"), &text);
    json_t *signature = text.failed ? NULL : text_json(text.data, text.size);
    text_free(&text);
    return signature;
}

static json_t *describe(struct completion *c, const struct match *match, json_t *text,
                        json_int_t start, json_int_t end)
{
    json_t *entry = json_pack("{s:O, s:s, s:I, s:I}", "text", text, "type", match->type, "start",
                              start, "end", end);
    if (match->signature)
        json_object_set_new(entry, "signature",
                            text_json(match->signature, strlen(match->signature)));
    else if (match->is_tool && c->matches.count <= SIGNATURES_MAX)
        json_object_set_new(entry, "signature", tool_signature(c->rt, match)); /* NULL: none */
    return entry;
}

static json_t *make_reply(struct completion *c)
{
    json_t *matches = json_array(), *types = json_array();
    json_int_t end = (json_int_t)scope_code_points(c->scope.text, c->scope.cursor);
    json_int_t start =
        end - (json_int_t)scope_code_points(c->matches.prefix, c->matches.prefix_size);
    for (size_t i = 0; i < c->matches.count; i++) {
        const struct match *match = &c->matches.items[i];
        json_t *text = text_json(match->text, match->size);
        json_array_append_new(types, describe(c, match, text, start, end));
        json_array_append_new(matches, text);
    }
    return json_pack("{s:s, s:o, s:I, s:I, s:{s:o}}", "status", "ok", "matches", matches,
                     "cursor_start", start, "cursor_end", end, "metadata",
                     "_jupyter_types_experimental", types);
}

int32_t complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *code = llmspell_string(content, "code");
    if (!code)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "complete_request needs code, a string");
    size_t size = llmspell_string_length(content, "code");
    size_t cursor = scope_offset(code, size, llmspell_integer(content, "cursor_pos", -1));
    struct completion c = {.rt = rt, .rest = {code + cursor, size - cursor}};
    c.matches.prefix = "";
    if (scope_open(&c.scope, code, cursor) < 0)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "out of memory");
    if (scope_call(rt, complete, &c) != LUA_OK)
        rt->host->log(rt->ctx, LLMSPELL_LOG_DEBUG, "completion ended early");
    match_sort(&c.matches);
    json_t *reply = make_reply(&c);
    match_clear(&c.matches);
    scope_close(&c.scope);
    json_decref(c.tools);
    json_decref(c.manifest);
    return llmspell_return(rt->call, ret_reply, reply);
}
