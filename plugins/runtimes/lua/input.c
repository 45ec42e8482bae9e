/* SPDX-License-Identifier: Apache-2.0
 * Standard input: each read that finds no text asks the client for a line. Lua's own readers do the
 * formats; ours around them tell an interrupt and a client without stdin from an end of file. */
#include <errno.h>
#include <stdio_ext.h>
#include <string.h>

#include "state.h"

static int32_t ask(struct runtime *rt, const char *prompt, int password, json_t **ret_line)
{
    if (!rt->call)
        return LLMSPELL_EUNAVAILABLE;
    output_flush(rt); /* a question printed before has to be seen */
    json_t *line = NULL;
    int32_t code = rt->executor->input(rt->call, prompt, password, &line);
    if (code < 0)
        return code;
    if (!json_is_string(line)) {
        json_decref(line);
        return LLMSPELL_EPROTO;
    }
    *ret_line = line;
    return 0;
}

/* The read function of io.stdin: at most one line at a time, the newline put back. */
ssize_t input_read(void *cookie, char *buffer, size_t size)
{
    struct runtime *rt = cookie;
    if (!rt->line) {
        rt->line_used = 0;
        rt->input_error = ask(rt, "", 0, &rt->line);
        if (rt->input_error == LLMSPELL_ENOTFOUND) {
            rt->input_error = 0;
            return 0; /* end of file */
        }
        if (rt->input_error < 0) {
            errno = rt->input_error == LLMSPELL_ECANCELLED ? EINTR : EIO;
            return -1;
        }
    }
    size_t length = json_string_length(rt->line), used = 0;
    if (rt->line_used < length) {
        used = length - rt->line_used < size ? length - rt->line_used : size;
        memcpy(buffer, json_string_value(rt->line) + rt->line_used, used);
        rt->line_used += used;
    }
    if (rt->line_used == length && used < size) {
        buffer[used++] = '\n';
        json_decref(rt->line);
        rt->line = NULL;
    }
    return (ssize_t)used;
}

void input_reset(struct runtime *rt)
{
    json_decref(rt->line);
    rt->line = NULL;
    if (rt->streams[0].file) {
        __fpurge(rt->streams[0].file);
        clearerr(rt->streams[0].file);
    }
}

/* Raises what a read of the client's stdin ended with; an interrupt first. */
static void check_code(lua_State *L, int32_t code)
{
    if (code == LLMSPELL_ECANCELLED)
        interrupt_stop(runtime_of(L), STOP_INTERRUPT);
    interrupt_check(L);
    if (code < 0)
        luaL_error(L, "%s",
                   code == LLMSPELL_EUNAVAILABLE ? "this client has no standard input to read from"
                                                 : llmspell_error_text(code));
}

/* The only format is "a": a file that has no end must not read on for ever. */
static int is_whole(lua_State *L)
{
    int last = lua_gettop(L), first = luaL_testudata(L, 1, LUA_FILEHANDLE) ? 2 : 1;
    if (last != first || lua_type(L, last) != LUA_TSTRING)
        return 0;
    const char *format = lua_tostring(L, last);
    return format[*format == '*'] == 'a';
}

/* The rest of the file, slice by slice; a failure is returned as Lua's reader returns it. */
static int read_whole(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int file = lua_gettop(L) == 2;
    luaL_Buffer buffer;
    lua_settop(L, file);
    luaL_buffinit(L, &buffer);
    for (;;) {
        lua_pushvalue(L, lua_upvalueindex(1));
        if (file)
            lua_pushvalue(L, 1);
        lua_pushinteger(L, RUNTIME_SLICE);
        lua_call(L, 1 + file, 3);
        check_code(L, rt->input_error);
        if (!lua_isnil(L, -2))
            return 3;
        lua_pop(L, 2);
        if (lua_isnil(L, -1))
            break;
        luaL_addvalue(&buffer);
    }
    lua_pop(L, 1);
    luaL_pushresult(&buffer);
    return 1;
}

/* Upvalue 1: a reader of Lua's. Calls it and raises what it could only report as a failed read. */
static int read_checked(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    rt->input_error = 0;
    if (is_whole(L))
        return read_whole(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    int32_t code = rt->input_error;
    rt->input_error = 0;
    check_code(L, code);
    return lua_gettop(L);
}

static int iterate(lua_State *L);

/* io.lines and file:lines: the iterator that they return is checked as well. */
static int lines_checked(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, iterate, 1);
    lua_replace(L, 1);
    return lua_gettop(L);
}

static int call_iterator(lua_State *L)
{
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Lua's iterator raises on a failed read: see first whether stdin has a reason of its own. */
static int iterate(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    rt->input_error = 0;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushcfunction(L, call_iterator);
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    int32_t code = rt->input_error;
    rt->input_error = 0;
    if (code == LLMSPELL_ECANCELLED)
        interrupt_stop(rt, STOP_INTERRUPT);
    interrupt_check(L);
    if (code == LLMSPELL_EUNAVAILABLE)
        return luaL_error(L, "this client has no standard input to read from");
    if (status != LUA_OK)
        return lua_error(L);
    return lua_gettop(L);
}

/* Kernel.input(prompt) or Kernel.input{prompt = …, password = true}: the line, nil at the end. */
int input_line(lua_State *L)
{
    int password = 0;
    if (lua_istable(L, 1)) {
        lua_getfield(L, 1, "password");
        password = lua_toboolean(L, -1);
        lua_getfield(L, 1, "prompt");
        lua_replace(L, 1);
    }
    const char *prompt = luaL_optstring(L, 1, "");
    json_t **box = convert_box(L);
    int32_t code = ask(runtime_of(L), prompt, password, box);
    if (code != LLMSPELL_ENOTFOUND)
        check_code(L, code);
    if (*box)
        convert_push(L, *box);
    else
        lua_pushnil(L);
    return 1;
}

static void wrap(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void input_open(lua_State *L)
{
    if (runtime_of(L)->safe)
        return;
    lua_getglobal(L, "io");
    wrap(L, "read", read_checked);
    wrap(L, "lines", lines_checked);
    lua_pop(L, 1);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    lua_getfield(L, -1, "__index");
    wrap(L, "read", read_checked);
    wrap(L, "lines", lines_checked);
    lua_pop(L, 2);
}
