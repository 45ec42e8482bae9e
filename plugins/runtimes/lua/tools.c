/* SPDX-License-Identifier: Apache-2.0
 * The global Tool: list, info, get, exists, categories, discover, search, invoke, and every tool as
 * Tool.NAME{…} or Tool.NAME:execute{…}. All of it asks the kernel by tool_request. */
#include <string.h>

#include "state.h"
#include "text.h"

#define TOOL_TYPE "llmspell.tool"
#define TOOL_TABLE "llmspell.Tool"    /* registry: the global table */
#define TOOL_OBJECTS "llmspell.tools" /* registry: tool objects by name */
#define NAME_MAX_COMPARED 64
#define SUGGESTIONS 3

/* ---- near misses ---- */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;
    return smaller < c ? smaller : c;
}

static char folded(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c == '-' ? '_' : c);
}

/* Edits (insert, delete, replace, swap of neighbours) between two short names. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_COMPARED + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MAX_COMPARED || m > NAME_MAX_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            char x = folded(a[i - 1]), y = folded(b[j - 1]);
            row[j] = least(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && folded(a[i - 2]) == y &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[n % 3][m];
}

struct near {
    const char *name;
    size_t distance;
};

static void insert_near(struct near *near, const char *name, size_t distance)
{
    for (size_t i = 0; i < SUGGESTIONS; i++) {
        if (near[i].name && near[i].distance <= distance)
            continue;
        memmove(near + i + 1, near + i, (SUGGESTIONS - 1 - i) * sizeof *near);
        near[i] = (struct near){name, distance};
        return;
    }
}

/* The best distance to a tool's name or one of its aliases; a name that holds the word is near. */
static size_t tool_distance(const json_t *tool, const char *wanted)
{
    const char *name = llmspell_string(tool, "name");
    size_t best = name ? distance(name, wanted) : SIZE_MAX, index;
    json_t *alias;
    json_array_foreach(json_object_get(tool, "aliases"), index, alias)
    {
        size_t other =
            json_is_string(alias) ? distance(json_string_value(alias), wanted) : SIZE_MAX;
        best = other < best ? other : best;
    }
    if (name && strlen(wanted) >= 3 && strstr(name, wanted) && best > 1)
        best = 1;
    return best;
}

static json_t *list_content(const char *category)
{
    return category ? json_pack("{s:s, s:s}", "command", "list", "category", category)
                    : json_pack("{s:s}", "command", "list");
}

static json_t *info_content(const char *name)
{
    return json_pack("{s:s, s:s}", "command", "info", "name", name);
}

int tools_raise_unknown(lua_State *L, const char *wanted)
{
    struct near near[SUGGESTIONS] = {{NULL, 0}};
    json_t **reply = toolcall_request(L, "tool_request", list_content(NULL));
    size_t index, limit = strlen(wanted) / 3 + 1;
    json_t *tool;
    json_array_foreach(json_object_get(*reply, "tools"), index, tool)
    {
        size_t edits = tool_distance(tool, wanted);
        if (edits <= limit)
            insert_near(near, llmspell_string(tool, "name"), edits);
    }
    struct text *text = text_new(L);
    text_format(text, "no tool is named \"%.100s\"", wanted);
    for (size_t i = 0; i < SUGGESTIONS && near[i].name; i++)
        text_format(text, "%s%s", i ? ", " : "; did you mean ", near[i].name);
    text_puts(text, near[0].name ? "?" : "; Tool.list() shows all");
    text_check(L, text);
    return toolcall_error(L, "unknown_tool", text->data, NULL, NULL);
}

/* ---- tool objects ---- */

static const char *object_name(lua_State *L, int index)
{
    lua_pushliteral(L, "name");
    if (!lua_istable(L, index) || lua_rawget(L, index) != LUA_TSTRING)
        luaL_argerror(L, index, "expected a tool; write Tool.NAME:execute{…}");
    return lua_tostring(L, -1);
}

/* tool:execute(params [, options]), tool(params [, options]) -> result */
static int object_execute(lua_State *L)
{
    lua_settop(L, 3);
    return toolcall_invoke(L, object_name(L, 1), 2, 3);
}

/* tool:getSchema() -> the JSON Schema of the parameters */
static int object_schema(lua_State *L)
{
    object_name(L, 1);
    lua_getfield(L, 1, "schema");
    return 1;
}

static int object_tostring(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushfstring(L, "tool: %s", object_name(L, 1));
    return 1;
}

/* Fills the object on top of the stack from the reply to "info". */
static void fill_object(lua_State *L, const json_t *reply)
{
    static const char *const FIELDS[] = {"name", "title", "description", "category", "version"};
    const json_t *info = json_object_get(reply, "info");
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        const char *text = llmspell_string(info, FIELDS[i]);
        lua_pushstring(L, text ? text : "");
        lua_setfield(L, -2, FIELDS[i]);
    }
    const json_t *schema = json_object_get(info, "parameters");
    if (schema)
        convert_push(L, schema);
    else
        lua_newtable(L);
    lua_setfield(L, -2, "schema");
}

/* Pushes the object of a tool, fresh from the kernel; the same table each time. */
static int push_object(lua_State *L, const char *name)
{
    json_t **reply = toolcall_demand(L, name, info_content(name));
    const char *canonical = llmspell_string(json_object_get(*reply, "info"), "name");
    lua_getfield(L, LUA_REGISTRYINDEX, TOOL_OBJECTS);
    if (lua_getfield(L, -1, canonical ? canonical : name) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        luaL_setmetatable(L, TOOL_TYPE);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, canonical ? canonical : name);
    }
    fill_object(L, *reply);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name); /* an alias finds it next time */
    lua_remove(L, -2);
    return 1;
}

/* ---- functions of Tool ---- */

/* Pushes an array of {name, title, description, category, version} of the tools that fit. */
static int push_list(lua_State *L, const json_t *reply, const char *category, const char *tag)
{
    static const char *const FIELDS[] = {"name", "title", "description", "category", "version"};
    json_t *tool;
    size_t index;
    lua_Integer count = 0;
    lua_newtable(L);
    json_array_foreach(json_object_get(reply, "tools"), index, tool)
    {
        int fits = !tag;
        size_t i;
        json_t *keyword;
        json_array_foreach(json_object_get(tool, "keywords"), i, keyword) fits |=
            tag && json_is_string(keyword) && !strcmp(json_string_value(keyword), tag);
        if (!fits || (category && !llmspell_is(tool, "category", category)))
            continue;
        lua_createtable(L, 0, 5);
        for (i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
            lua_pushstring(L, llmspell_string(tool, FIELDS[i]));
            lua_setfield(L, -2, FIELDS[i]);
        }
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* Tool.list([category]) */
static int tool_list(lua_State *L)
{
    const char *category = luaL_optstring(L, 1, NULL);
    json_t **reply = toolcall_demand(L, NULL, list_content(category));
    return push_list(L, *reply, category, NULL);
}

/* Tool.discover{category = …, tag = …} */
static int tool_discover(lua_State *L)
{
    const char *category = NULL, *tag = NULL;
    if (!lua_isnoneornil(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
        lua_getfield(L, 1, "category");
        category = luaL_optstring(L, -1, NULL);
        lua_getfield(L, 1, "tag");
        tag = luaL_optstring(L, -1, NULL);
    }
    json_t **reply = toolcall_demand(L, NULL, list_content(category));
    return push_list(L, *reply, category, tag);
}

/* Tool.search(words…), or one array of words */
static int tool_search(lua_State *L)
{
    int count = lua_gettop(L);
    json_t **query = convert_box(L);
    struct convert_error error;
    if (count == 1) { /* a text or an array of words */
        if (convert_pull(L, 1, query, &error) < 0)
            return luaL_argerror(L, 1, error.message);
    } else {
        *query = json_array();
        for (int i = 1; i <= count; i++) {
            size_t size = 0;
            const char *word = luaL_checklstring(L, i, &size);
            json_array_append_new(*query, text_json(word, size));
        }
    }
    json_t **reply =
        toolcall_demand(L, NULL, json_pack("{s:s, s:O?}", "command", "search", "query", *query));
    return push_list(L, *reply, NULL, NULL);
}

/* Tool.categories() -> sorted array of the categories in use */
static int tool_categories(lua_State *L)
{
    json_t **reply = toolcall_demand(L, NULL, list_content(NULL));
    json_t *tool;
    size_t index;
    lua_newtable(L);
    int result = lua_gettop(L);
    lua_newtable(L);
    json_array_foreach(json_object_get(*reply, "tools"), index, tool)
    {
        const char *category = llmspell_string(tool, "category");
        if (!category)
            continue;
        if (lua_getfield(L, -1, category) == LUA_TNIL) {
            lua_pushstring(L, category);
            lua_rawseti(L, result, (lua_Integer)lua_rawlen(L, result) + 1);
            lua_pushboolean(L, 1);
            lua_setfield(L, -3, category);
        }
        lua_pop(L, 1);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_TABLIBNAME);
    lua_getfield(L, -1, "sort");
    lua_pushvalue(L, result);
    lua_call(L, 1, 0);
    lua_settop(L, result);
    return 1;
}

/* Tool.info(name) -> the manifest, with level and file */
static int tool_info(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    json_t **reply = toolcall_demand(L, name, info_content(name));
    const json_t *info = json_object_get(*reply, "info");
    if (!info)
        return 0;
    convert_push(L, info);
    return 1;
}

/* Tool.get(name) -> the tool as an object */
static int tool_get(lua_State *L)
{
    return push_object(L, luaL_checkstring(L, 1));
}

static int tool_exists(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    json_t **reply = toolcall_request(L, "tool_request", info_content(name));
    lua_pushboolean(L, llmspell_is(*reply, "status", "ok"));
    return 1;
}

/* Tool.invoke(name, params [, {timeout_ms = …}]) -> result */
static int tool_invoke(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 3);
    return toolcall_invoke(L, name, 2, 3);
}

/* Tool.NAME */
static int tool_index(lua_State *L)
{
    if (lua_type(L, 2) != LUA_TSTRING || *lua_tostring(L, 2) == '_' || *lua_tostring(L, 2) == '\0')
        return 0;
    const char *name = lua_tostring(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, TOOL_OBJECTS);
    if (lua_getfield(L, -1, name) == LUA_TTABLE)
        return 1;
    return push_object(L, name);
}

json_t *tools_ask(struct runtime *rt, json_t *content)
{
    json_t *reply = NULL;
    if (!rt->call || !content) {
        json_decref(content);
        return NULL;
    }
    if (rt->executor->request(rt->call, "tool_request", content, &reply) < 0)
        return NULL;
    if (llmspell_is(reply, "status", "ok"))
        return reply;
    json_decref(reply);
    return NULL;
}

json_t *tools_manifest(struct runtime *rt, const char *name)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = tools_ask(rt, info_content(name));
    return json_incref(json_object_get(reply, "info"));
}

int tools_is_table(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_getfield(L, LUA_REGISTRYINDEX, TOOL_TABLE);
    int equal = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    return equal;
}

const char *tools_object_name(lua_State *L, int index)
{
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    const char *name = NULL;
    if (lua_istable(L, index) && lua_getmetatable(L, index)) {
        luaL_getmetatable(L, TOOL_TYPE);
        lua_pushliteral(L, "name");
        if (lua_rawequal(L, -2, -3) && lua_rawget(L, index) == LUA_TSTRING)
            name = lua_tostring(L, -1); /* the object keeps it */
    }
    lua_settop(L, top);
    return name;
}

static void make_object_type(lua_State *L)
{
    static const luaL_Reg methods[] = {{"execute", object_execute},
                                       {"invoke", object_execute},
                                       {"getSchema", object_schema},
                                       {NULL, NULL}};
    luaL_newmetatable(L, TOOL_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, object_execute);
    lua_setfield(L, -2, "__call");
    lua_pushcfunction(L, object_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushliteral(L, "Tool");
    lua_setfield(L, -2, "__name");
    lua_pop(L, 1);
}

void tools_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"list", tool_list},
                                         {"info", tool_info},
                                         {"get", tool_get},
                                         {"exists", tool_exists},
                                         {"categories", tool_categories},
                                         {"discover", tool_discover},
                                         {"search", tool_search},
                                         {"invoke", tool_invoke},
                                         {NULL, NULL}};
    make_object_type(L);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, TOOL_OBJECTS);
    luaL_newlib(L, functions);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, tool_index);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "Tool");
    lua_setfield(L, -2, "__name");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, TOOL_TABLE);
    state_global(L, "Tool");
}
