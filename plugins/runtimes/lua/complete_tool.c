/* SPDX-License-Identifier: Apache-2.0
 * Completion inside of calls: names and values of a tool's parameters by its schema, names of tools
 * and modules in strings. Also tells inspect.c which tool a call is one of. */
#include "complete.h"

#include <string.h>

#include "schema.h"

#define RESOLVE_DEPTH 8
#define AHEAD_MAX 2000 /* tokens behind the cursor that are looked at */

static int kind_at(const struct scope *scope, size_t i)
{
    return i < scope->count ? scope->tokens[i].kind : TOKEN_END;
}

static int token_is(const struct scope *scope, size_t i, const char *text)
{
    if (i >= scope->count)
        return 0;
    struct token token = scope->tokens[i];
    return token.end - token.start == strlen(text) &&
           memcmp(scope->text + token.start, text, strlen(text)) == 0;
}

/* The text in the quotes of a string token; malloc'ed. */
static char *unquoted(const struct scope *scope, size_t i)
{
    struct token token = scope->tokens[i];
    if (kind_at(scope, i) != TOKEN_STRING || scope->text[token.start] == '[')
        return NULL;
    return strndup(scope->text + token.start + 1, token.end - token.start - 2);
}

static int is_tool_table(lua_State *L, const struct scope *scope, size_t last)
{
    scope_push_value(L, scope, last);
    int is = tools_is_table(L, -1);
    lua_pop(L, 1);
    return is;
}

/* "Tool.NAME" of the function NAME; 0 if it is another expression. */
static int is_tool_function(lua_State *L, const struct scope *scope, size_t last, const char *name)
{
    return last >= 2 && token_is(scope, last, name) && kind_at(scope, last - 1) == '.' &&
           is_tool_table(L, scope, last - 2);
}

/* The name out of Tool.get("name") that ends with token number last; malloc'ed. */
static char *got_tool(lua_State *L, const struct scope *scope, size_t last)
{
    size_t string = kind_at(scope, last) == ')' ? last - 1 : last;
    size_t callee = string == last ? last - 1 : last - 3;
    if (last < 3 || kind_at(scope, string) != TOKEN_STRING ||
        (string != last && kind_at(scope, last - 2) != '('))
        return NULL;
    return callee < last && is_tool_function(L, scope, callee, "get") ? unquoted(scope, string)
                                                                      : NULL;
}

/* Tool.NAME, where NAME is no function of Tool; malloc'ed. */
static char *indexed_tool(lua_State *L, const struct scope *scope, size_t last)
{
    if (last < 2 || kind_at(scope, last) != TOKEN_NAME || kind_at(scope, last - 1) != '.' ||
        !is_tool_table(L, scope, last - 2))
        return NULL;
    scope_push_value(L, scope, last);
    int is_function = !lua_isnil(L, -1);
    lua_pop(L, 1);
    struct token name = scope->tokens[last];
    return is_function ? NULL : strndup(scope->text + name.start, name.end - name.start);
}

/* The name of the tool that the expression up to token number last stands for; malloc'ed. */
static char *resolve(lua_State *L, const struct scope *scope, size_t last, int depth)
{
    scope_push_value(L, scope, last);
    const char *object = tools_object_name(L, -1);
    char *name = object ? strdup(object) : NULL;
    lua_pop(L, 1);
    if (!name)
        name = indexed_tool(L, scope, last);
    if (!name)
        name = got_tool(L, scope, last);
    if (name || depth == 0 || kind_at(scope, last) != TOKEN_NAME)
        return name;
    struct scope earlier = *scope;
    if (!scope_find(&earlier, last))
        return NULL;
    const struct local *local = earlier.part_count ? NULL : scope_local(&earlier);
    if (!local || local->first > local->last)
        return NULL;
    earlier.visible = local->at;
    return resolve(L, &earlier, local->last, depth - 1);
}

/* Tool.invoke("NAME", {…, pcall(Tool.NAME, {…, t:execute{…, Tool.NAME{… */
static char *called_tool(lua_State *L, const struct scope *scope, const struct call *call)
{
    size_t callee = call->callee, first;
    if (kind_at(scope, call->open) == '(' && call->argument == 1) {
        if (is_tool_function(L, scope, callee, "invoke"))
            return unquoted(scope, call->open + 1);
        if (!token_is(scope, callee, "pcall"))
            return NULL;
        first = call_argument(scope, call, 1, call->table + 1);
        return first == CALL_NONE ? NULL : resolve(L, scope, first - 2, RESOLVE_DEPTH);
    }
    if (call->argument != 0)
        return NULL;
    if (callee >= 2 && kind_at(scope, callee - 1) == ':' &&
        (token_is(scope, callee, "execute") || token_is(scope, callee, "invoke")))
        callee -= 2;
    return resolve(L, scope, callee, RESOLVE_DEPTH);
}

json_t *complete_manifest(lua_State *L, struct runtime *rt, const struct scope *scope,
                          const struct call *call)
{
    if (call->table == CALL_NONE)
        return NULL;
    LLMSPELL_CLEANUP_FREE char *name = called_tool(L, scope, call);
    return name ? tools_manifest(rt, name) : NULL;
}

static const json_t *property_of(const json_t *schema, const struct scope *scope, struct token name)
{
    return json_object_getn(json_object_get(schema, "properties"), scope->text + name.start,
                            name.end - name.start);
}

const json_t *complete_schema(const json_t *manifest, const struct scope *scope,
                              const struct call *call)
{
    const json_t *schema = json_object_get(manifest, "parameters");
    for (int i = call->depth; i > 0 && schema; i--)
        schema = call->path[i - 1].kind == '{' ? json_object_get(schema, "items")
                                               : property_of(schema, scope, call->path[i - 1]);
    return schema;
}

/* ---- names of parameters ---- */

/* Marks a parameter that tokens i and i + 1 ("name =") give. */
static void mark(json_t *given, const char *text, struct token name)
{
    json_object_setn_new(given, text + name.start, name.end - name.start, json_true());
}

static void mark_before(const struct scope *scope, const struct call *call, size_t last,
                        json_t *given)
{
    int depth = 0;
    for (size_t i = call->inner; i < last; i++) {
        int kind = kind_at(scope, i);
        if (depth == 1 && kind == TOKEN_NAME && kind_at(scope, i + 1) == '=')
            mark(given, scope->text, scope->tokens[i]);
        depth += kind == '(' || kind == '{' || kind == '[';
        depth -= kind == ')' || kind == '}' || kind == ']';
    }
}

/* What stands behind the cursor in the same table counts, too. 1 if "=" comes next. */
static int mark_behind(const struct code *rest, json_t *given)
{
    struct lexer lexer = {.text = rest->text, .size = rest->size};
    struct token token, before = {TOKEN_END, 0, 0};
    int depth = 0, is_set = 0;
    while (lexer.at < lexer.size && lexer_is_name(lexer.text[lexer.at], 0))
        lexer.at++; /* the rest of the name at the cursor */
    for (int i = 0; i < AHEAD_MAX && depth >= 0; i++, before = token) {
        token = lexer_next(&lexer);
        int kind = token.kind;
        if (kind == TOKEN_END)
            break;
        is_set |= i == 0 && kind == '=';
        if (depth == 0 && kind == '=' && before.kind == TOKEN_NAME)
            mark(given, rest->text, before);
        depth += kind == '(' || kind == '{' || kind == '[';
        depth -= kind == ')' || kind == '}' || kind == ']';
    }
    return is_set;
}

static void add_names(struct completion *c, const json_t *schema, const struct call *call,
                      size_t last)
{
    LLMSPELL_CLEANUP_JSON json_t *given = json_object();
    const char *name;
    json_t *property;
    mark_before(&c->scope, call, last, given);
    int is_set = mark_behind(&c->rest, given);
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        char text[MATCH_SIZE];
        int size = snprintf(text, sizeof text, "%s%s", name, is_set ? "" : "=");
        if (size <= 0 || size >= (int)sizeof text || json_object_get(given, name))
            continue;
        struct match *match = match_copy(&c->matches, text, (size_t)size, "param");
        struct text type = {NULL, 0, 0, 0};
        schema_type(property, &type);
        if (match && type.data)
            match->signature = strdup(type.data);
        text_free(&type);
    }
}

/* ---- values of parameters ---- */

/* Fits inside of quotes as it is. */
static int is_simple(const char *value)
{
    return *value && !strpbrk(value, "\"'\\\n\r");
}

/* Adds the texts that a schema allows, with quotes around them or without. */
static void add_values(struct completion *c, const json_t *schema, const char *quote)
{
    const json_t *choices = json_object_get(schema, "enum");
    size_t i;
    json_t *choice;
    json_array_foreach(choices, i, choice)
    {
        char text[MATCH_SIZE];
        const char *value = json_string_value(choice);
        if (!value || !is_simple(value))
            continue;
        int size = snprintf(text, sizeof text, "%s%s%s", quote, value, quote);
        if (size > 0 && size < (int)sizeof text)
            match_copy(&c->matches, text, (size_t)size, "instance");
    }
    if (*quote && llmspell_is(schema, "type", "boolean")) {
        match_add(&c->matches, "true", 4, "keyword");
        match_add(&c->matches, "false", 5, "keyword");
    }
}

/* The schema of the value before token number at, which "name =", "{" or "," precede. */
static const json_t *value_schema(struct completion *c, const struct call *call, size_t at)
{
    const struct scope *scope = &c->scope;
    const json_t *schema = complete_schema(c->manifest, scope, call);
    int before = at > 0 ? kind_at(scope, at - 1) : TOKEN_END;
    if (before == '=' && at >= 2 && kind_at(scope, at - 2) == TOKEN_NAME)
        return property_of(schema, scope, scope->tokens[at - 2]);
    return before == '{' || before == ',' ? json_object_get(schema, "items") : NULL;
}

static int find_manifest(lua_State *L, struct completion *c, size_t end, struct call *call)
{
    if (!call_find(&c->scope, end, call) || call->table == CALL_NONE)
        return 0;
    if (!c->manifest)
        c->manifest = complete_manifest(L, c->rt, &c->scope, call);
    return c->manifest != NULL;
}

int complete_parameters(lua_State *L, struct completion *c, size_t last)
{
    struct call call;
    int before = last > 0 ? kind_at(&c->scope, last - 1) : TOKEN_END;
    int is_name = before == '{' || before == ',' || before == ';';
    if ((!is_name && before != '=') || !find_manifest(L, c, last, &call) ||
        kind_at(&c->scope, call.inner) != '{')
        return 0;
    if (is_name)
        add_names(c, complete_schema(c->manifest, &c->scope, &call), &call, last);
    if (c->matches.count == 0)
        add_values(c, value_schema(c, &call, last), "\"");
    return c->matches.count > 0;
}

/* ---- strings ---- */

void complete_tools(struct completion *c)
{
    size_t i;
    json_t *tool;
    if (!c->tools)
        c->tools = tools_ask(c->rt, json_pack("{s:s}", "command", "list"));
    json_array_foreach(json_object_get(c->tools, "tools"), i, tool)
    {
        const char *name = llmspell_string(tool, "name");
        struct match *match = name ? match_add(&c->matches, name, strlen(name), "function") : NULL;
        if (match)
            match->is_tool = 1;
    }
}

static void add_categories(struct completion *c)
{
    size_t i;
    json_t *tool;
    c->tools = tools_ask(c->rt, json_pack("{s:s}", "command", "list"));
    json_array_foreach(json_object_get(c->tools, "tools"), i, tool)
    {
        const char *name = llmspell_string(tool, "category");
        if (name)
            match_add(&c->matches, name, strlen(name), "instance");
    }
}

static int takes_tool_name(lua_State *L, const struct scope *scope, size_t callee)
{
    static const char *const FUNCTIONS[] = {"invoke", "get", "info", "exists"};
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++)
        if (is_tool_function(L, scope, callee, FUNCTIONS[i]))
            return 1;
    return 0;
}

/* The first argument of a call, as a string. */
static void complete_first(lua_State *L, struct completion *c, size_t callee)
{
    const struct scope *scope = &c->scope;
    int before = callee > 0 ? kind_at(scope, callee - 1) : TOKEN_END;
    if (token_is(scope, callee, "require") && before != '.' && before != ':')
        complete_modules(L, c);
    else if (takes_tool_name(L, scope, callee))
        complete_tools(c);
    else if (is_tool_function(L, scope, callee, "list"))
        add_categories(c);
}

void complete_argument(lua_State *L, struct completion *c, size_t last)
{
    struct call call;
    int before = last > 0 ? kind_at(&c->scope, last - 1) : TOKEN_END;
    if (before == TOKEN_NAME) {
        complete_first(L, c, last - 1);
    } else if (before == '(' && last >= 2) {
        complete_first(L, c, last - 2);
    } else if (find_manifest(L, c, last, &call) && kind_at(&c->scope, call.inner) == '{') {
        add_values(c, value_schema(c, &call, last), "");
    }
}
