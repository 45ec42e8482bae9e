/* SPDX-License-Identifier: Apache-2.0
 * execute_request: compiles and runs a cell in the one state, shows the values of its last
 * expression, evaluates user_expressions. All use of Lua is inside a protected call; what must
 * outlive an error stands in struct cell. */
#include <string.h>

#include "lexer.h"
#include "source.h"
#include "state.h"
#include "text.h"
#include "trace.h"

struct cell {
    struct runtime *rt;
    const json_t *content;
    struct code code;
    char name[4200];     /* chunk name */
    json_t *error;       /* error reply */
    json_t *expressions; /* the reply's user_expressions */
    const char *key;     /* user expression that is evaluated */
    json_t *value;       /* its answer */
    struct shown shown;
};

/* "@file" of a script, or "=In [3]", which tracebacks print as it is. */
static void name_chunk(struct cell *cell)
{
    const char *path = llmspell_string(cell->content, "path");
    if (path)
        snprintf(cell->name, sizeof cell->name, "@%s", path);
    else
        snprintf(cell->name, sizeof cell->name, "=In [%lld]",
                 (long long)llmspell_integer(cell->content, "execution_count", 0));
}

/* ---- ARGS and arg ---- */

/* Sets ARGS[key] of the table on top to the text on top of it (which it pops). */
static void set_named(lua_State *L, const char *key, size_t size)
{
    lua_pushlstring(L, key, size);
    lua_insert(L, -2);
    lua_rawset(L, -3);
}

/* --key value, --key=value, --flag ("true"); the rest counts from 1. */
static void fill_named(lua_State *L, const json_t *args)
{
    lua_Integer positional = 0;
    for (size_t i = 0; i < json_array_size(args); i++) {
        const char *text = json_string_value(json_array_get(args, i));
        if (!text)
            continue;
        const char *equal = strchr(text, '=');
        if (strncmp(text, "--", 2) != 0 || text[2] == '\0' || text[2] == '=') {
            lua_pushstring(L, text);
            lua_rawseti(L, -2, ++positional);
        } else if (equal) {
            lua_pushstring(L, equal + 1);
            set_named(L, text + 2, (size_t)(equal - text) - 2);
        } else {
            const char *next = json_string_value(json_array_get(args, i + 1));
            int has_value = next && strncmp(next, "--", 2) != 0;
            lua_pushstring(L, has_value ? next : "true");
            set_named(L, text + 2, strlen(text + 2));
            i += (size_t)has_value;
        }
    }
}

static void set_arguments(lua_State *L, const json_t *content)
{
    const json_t *args = json_object_get(content, "args");
    const char *path = llmspell_string(content, "path");
    if (!args && !path)
        return;
    lua_newtable(L);
    fill_named(L, args);
    lua_newtable(L);
    for (size_t i = 0; i < json_array_size(args); i++) {
        lua_pushstring(L, json_string_value(json_array_get(args, i)));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    for (int table = -2; table <= -1 && path; table++) {
        lua_pushstring(L, path);
        lua_rawseti(L, table - 1, 0);
    }
    lua_setglobal(L, "arg");
    lua_setglobal(L, "ARGS");
}

/* Pushes the arguments of the chunk (its "..."). */
static int push_arguments(lua_State *L, const json_t *content)
{
    const json_t *args = json_object_get(content, "args");
    size_t count = json_array_size(args);
    if (count > 200000)
        count = 200000;
    luaL_checkstack(L, (int)count + LUA_MINSTACK, "too many arguments");
    for (size_t i = 0; i < count; i++)
        lua_pushstring(L, json_string_value(json_array_get(args, i)));
    return (int)count;
}

/* ---- the result ---- */

static int ends_with_call(struct code code)
{
    struct lexer lexer = {.text = code.text, .size = code.size};
    int last = TOKEN_END;
    for (struct token token; (token = lexer_next(&lexer)).kind != TOKEN_END;)
        if (token.kind != ';')
            last = token.kind;
    return last == ')' || last == '}' || last == TOKEN_STRING;
}

/* io.write("x") as the last line returns the file, which nobody wants to see. */
static int is_written_stream(lua_State *L, int index, const struct cell *cell)
{
    luaL_Stream *stream = luaL_testudata(L, index, LUA_FILEHANDLE);
    const struct stream *streams = cell->rt->streams;
    return stream && stream->f &&
           (stream->f == streams[LLMSPELL_STDOUT].file ||
            stream->f == streams[LLMSPELL_STDERR].file) &&
           ends_with_call(cell->code);
}

/* What statements return that are there for what they do: io.write("x"), display(x). */
static int is_dropped(lua_State *L, int index, const struct cell *cell)
{
    return lua_isnil(L, index) || is_written_stream(L, index, cell) ||
           (display_is_handle(L, index) && ends_with_call(cell->code));
}

/* Emits execute_result of the values from first to the top of the stack. */
static void emit_result(lua_State *L, struct cell *cell, int first)
{
    int count = lua_gettop(L) - first + 1;
    if (count == 0 || (count == 1 && is_dropped(L, first, cell)))
        return;
    json_t *content = bundle_values(L, first, count);
    json_object_set_new(content, "execution_count",
                        json_integer(llmspell_integer(cell->content, "execution_count", 0)));
    output_emit(cell->rt, "execute_result", content);
}

/* ---- user expressions ---- */

int execute_call(lua_State *L, int arguments)
{
    struct runtime *rt = runtime_of(L);
    rt->memory_reserve = 0;
    int status = lua_pcall(L, arguments, LUA_MULTRET, 1);
    rt->memory_reserve = RUNTIME_RESERVE;
    return status;
}

static int evaluate(lua_State *L)
{
    struct cell *cell = lua_touserdata(L, 1);
    lua_settop(L, 0);
    const json_t *code =
        json_object_get(json_object_get(cell->content, "user_expressions"), cell->key);
    struct code text = {json_string_value(code), json_string_length(code)};
    lua_pushcfunction(L, report_handler);
    int status = text.text ? chunk_load_returning(L, text, 0, "=user expression")
                           : luaL_loadstring(L, "error('not a string', 0)");
    if (status == LUA_OK)
        status = execute_call(L, 0);
    if (status != LUA_OK) {
        cell->value = report_error(L, status);
        return 0;
    }
    if (lua_gettop(L) == 1)
        lua_pushnil(L);
    cell->value = bundle_values(L, 2, lua_gettop(L) - 1);
    json_object_set_new(cell->value, "status", json_string("ok"));
    return 0;
}

static void evaluate_all(struct cell *cell)
{
    const char *key;
    json_t *code;
    json_t *wanted = json_object_get(cell->content, "user_expressions");
    json_object_foreach(wanted, key, code)
    {
        cell->key = key;
        cell->value = NULL;
        int status = state_call(cell->rt, evaluate, cell);
        json_t *value = status == LUA_OK ? cell->value : report_outer(cell->rt, status);
        if (status != LUA_OK)
            lua_settop(cell->rt->L, 0);
        json_object_set_new(cell->expressions, key, value);
        cell->value = NULL;
        if (interrupt_pending(cell->rt) != STOP_NONE)
            return;
    }
}

/* ---- the cell ---- */

static int run(lua_State *L)
{
    struct cell *cell = lua_touserdata(L, 1);
    lua_settop(L, 0);
    set_arguments(L, cell->content);
    lua_pushcfunction(L, report_handler);
    int status = chunk_load(L, cell->code, cell->name);
    if (status == LUA_OK && TRACE_IS_ON(cell->rt)) {
        trace_loaded(L, -1, cell->code);
        trace_entry(cell->rt);
    }
    if (status == LUA_OK)
        status = execute_call(L, push_arguments(L, cell->content));
    if (status != LUA_OK)
        cell->error = report_error(L, status);
    else if (!cell->shown.silent)
        emit_result(L, cell, 2);
    return 0;
}

static int collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT);
    return 0;
}

static json_t *make_reply(struct cell *cell)
{
    struct runtime *rt = cell->rt;
    enum stop stop = interrupt_pending(rt);
    if (stop == STOP_EXIT)
        return json_pack("{s:s, s:O, s:[{s:s, s:b}], s:i}", "status", "ok", "user_expressions",
                         cell->expressions, "payload", "source", "ask_exit", "keepkernel", 1,
                         "exit_code", rt->exit_code);
    if (stop != STOP_NONE)
        return report_stop(rt);
    if (cell->error)
        return json_incref(cell->error);
    json_t *payload = cell->shown.payload ? json_incref(cell->shown.payload) : json_array();
    return json_pack("{s:s, s:O, s:o}", "status", "ok", "user_expressions", cell->expressions,
                     "payload", payload);
}

static void run_cell(struct cell *cell)
{
    struct runtime *rt = cell->rt;
    struct shown *outer = rt->shown;
    rt->shown = &cell->shown;
    input_reset(rt);
    uint64_t outer_cell = process_cell_begins(rt);
    interrupt_begin(rt);
    interrupt_pending(rt); /* cancelled before it began: sets the hook */
    int status = state_call(rt, run, cell);
    if (status != LUA_OK && !cell->error)
        cell->error = report_outer(rt, status);
    lua_settop(rt->L, 0);
    if (!cell->error && interrupt_pending(rt) == STOP_NONE)
        evaluate_all(cell);
    if (status == LUA_ERRMEM || (cell->error && rt->memory_limit))
        state_call(rt, collect, NULL); /* what filled the memory may be garbage by now */
    lua_settop(rt->L, 0);
    process_cell_ends(rt, outer_cell, interrupt_pending(rt) != STOP_NONE);
    output_flush(rt);
    rt->shown = outer;
}

int32_t execute_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    struct cell cell = {.rt = rt, .content = content};
    cell.code.text = llmspell_string(content, "code");
    cell.code.size = llmspell_string_length(content, "code");
    if (!cell.code.text)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "execute_request needs code, a string");
    name_chunk(&cell);
    if (TRACE_IS_ON(rt))
        trace_cell(rt, cell.name, sizeof cell.name, cell.code);
    cell.code = chunk_trim(cell.code);
    cell.expressions = json_object();
    cell.shown.silent = json_is_true(json_object_get(content, "silent"));
    source_keep(rt, cell.name, cell.code);
    run_cell(&cell);
    json_t *reply = make_reply(&cell);
    interrupt_end(rt);
    free(rt->traceback);
    rt->traceback = NULL;
    json_decref(cell.error);
    json_decref(cell.expressions);
    json_decref(cell.shown.payload);
    return llmspell_return(rt->call, ret_reply, reply);
}
