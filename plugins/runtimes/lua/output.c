/* SPDX-License-Identifier: Apache-2.0
 * print, warn, and the standard streams of io: FILEs made by fopencookie, so that the whole of
 * Lua's own io library works on them, while what is written goes to the kernel at once. A character
 * that comes in pieces is held back until it is whole. */
#include <errno.h>
#include <string.h>

#include "state.h"
#include "text.h"
#include "trace.h"

#define PART 262144 /* bytes */

/* A text of a gigabyte goes in parts, so that an interrupt can end it. */
static void send(struct runtime *rt, int32_t stream, const char *text, size_t size)
{
    size_t part = 0;
    for (; size > 0; text += part, size -= part) {
        if (part > 0 && interrupt_pending(rt) != STOP_NONE)
            return;
        part = size < PART ? size : PART;
        if (!TRACE_IS_ON(rt) || !trace_write(rt, stream, text, part))
            rt->executor->write(rt->call, stream, text, part);
    }
}

/* Completes the character that is held back; returns the bytes of text that it took. */
static size_t complete_tail(struct runtime *rt, int32_t number, const char *text, size_t size)
{
    struct stream *stream = &rt->streams[number];
    size_t taken = 0, expected = text_expected((unsigned char)stream->tail[0]);
    while (stream->used < expected && taken < size && ((unsigned char)text[taken] & 0xc0) == 0x80)
        stream->tail[stream->used++] = text[taken++];
    if (stream->used < expected && taken == size)
        return taken;
    send(rt, number, stream->tail, stream->used);
    stream->used = 0;
    return taken;
}

/* Bytes at the end of text that begin a character which is not complete. */
static size_t incomplete(const char *text, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char c = (unsigned char)text[size - back];
        if ((c & 0xc0) == 0x80)
            continue;
        return text_expected(c) > back ? back : 0;
    }
    return 0;
}

void output_write(struct runtime *rt, int32_t number, const char *text, size_t size)
{
    struct stream *stream = &rt->streams[number];
    if (!rt->call)
        return; /* a finalizer while the state is closed: nobody listens */
    if (stream->used > 0) {
        size_t taken = complete_tail(rt, number, text, size);
        text += taken;
        size -= taken;
    }
    size_t held = stream->used > 0 ? 0 : incomplete(text, size);
    send(rt, number, text, size - held);
    if (held > 0) {
        memcpy(stream->tail, text + size - held, held);
        stream->used = (uint32_t)held;
    }
}

void output_unbuffer(struct runtime *rt)
{
    for (int32_t number = LLMSPELL_STDOUT; number <= LLMSPELL_STDERR; number++)
        if (rt->streams[number].file)
            fflush(rt->streams[number].file);
}

void output_flush(struct runtime *rt)
{
    for (int32_t number = LLMSPELL_STDOUT; number <= LLMSPELL_STDERR; number++) {
        struct stream *stream = &rt->streams[number];
        if (stream->file)
            fflush(stream->file); /* only if the script set a buffer */
        send(rt, number, stream->tail, stream->used);
        stream->used = 0;
    }
}

void output_emit(struct runtime *rt, const char *msg_type, json_t *content)
{
    output_flush(rt);
    if (rt->executor->emit(rt->call, msg_type, content) < 0)
        rt->host->log(rt->ctx, LLMSPELL_LOG_WARN, "an event could not be published");
}

/* An integer, which is most of what is printed beside text, needs no string object. */
static int add_integer(lua_State *L, int index, luaL_Buffer *buffer)
{
    if (!lua_isinteger(L, index))
        return 0;
    if (lua_getmetatable(L, index)) { /* debug.setmetatable may have given it a __tostring */
        lua_pop(L, 1);
        return 0;
    }
    char *room = luaL_prepbuffsize(buffer, 32);
    luaL_addsize(buffer, (size_t)snprintf(room, 32, LUA_INTEGER_FMT, lua_tointeger(L, index)));
    return 1;
}

static int print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&buffer, '\t');
        if (lua_type(L, i) == LUA_TSTRING) {
            size_t size = 0;
            const char *text = lua_tolstring(L, i, &size);
            luaL_addlstring(&buffer, text, size);
        } else if (!add_integer(L, i, &buffer)) {
            luaL_tolstring(L, i, NULL);
            luaL_addvalue(&buffer);
        }
    }
    luaL_addchar(&buffer, '\n');
    if (TRACE_IS_ON(runtime_of(L)))
        trace_print(L, count);
    output_write(runtime_of(L), LLMSPELL_STDOUT, luaL_buffaddr(&buffer), luaL_bufflen(&buffer));
    return 0;
}

/* warn: "@on" and "@off" switch; pieces are joined by Lua's flag. */
static void on_warning(void *data, const char *message, int to_continue)
{
    lua_State *L = data;
    struct runtime *rt = runtime_of(L);
    int in_message = rt->warnings & 2;
    if (!in_message && !to_continue && message[0] == '@') {
        if (strcmp(message, "@on") == 0)
            rt->warnings = 1;
        else if (strcmp(message, "@off") == 0)
            rt->warnings = 0;
        return;
    }
    if (rt->warnings & 1) {
        if (!in_message)
            output_write(rt, LLMSPELL_STDERR, "Lua warning: ", strlen("Lua warning: "));
        output_write(rt, LLMSPELL_STDERR, message, strlen(message));
        if (!to_continue)
            output_write(rt, LLMSPELL_STDERR, "\n", 1);
    }
    rt->warnings = (rt->warnings & 1) | (to_continue ? 2 : 0);
}

static ssize_t write_stdout(void *cookie, const char *text, size_t size)
{
    output_write(cookie, LLMSPELL_STDOUT, text, size);
    return (ssize_t)size;
}

static ssize_t write_stderr(void *cookie, const char *text, size_t size)
{
    output_write(cookie, LLMSPELL_STDERR, text, size);
    return (ssize_t)size;
}

/* As Lua's own standard files: they cannot be closed. */
static int refuse_close(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    stream->closef = refuse_close;
    luaL_pushfail(L);
    lua_pushliteral(L, "cannot close standard file");
    return 2;
}

/* Makes io[name] a file over functions; it becomes a default file under key if that is not NULL. */
static void add_stream(lua_State *L, int32_t number, const char *name, const char *key,
                       cookie_io_functions_t functions)
{
    struct runtime *rt = runtime_of(L);
    luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
    stream->f = NULL;
    stream->closef = NULL;
    luaL_setmetatable(L, LUA_FILEHANDLE);
    rt->streams[number].file = fopencookie(rt, number == 0 ? "r" : "w", functions);
    if (!rt->streams[number].file)
        luaL_error(L, "cannot make io.%s: %s", name, strerror(errno));
    if (number > 0)
        setvbuf(rt->streams[number].file, NULL, _IONBF, 0);
    stream->f = rt->streams[number].file;
    stream->closef = refuse_close;
    rt->streams[number].io = stream;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rt->streams[number]); /* io stays valid */
    if (key) {
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, key);
    }
    lua_setfield(L, -2, name);
}

void output_open(lua_State *L)
{
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    lua_setwarnf(L, on_warning, runtime_of(L)->L);
    if (runtime_of(L)->safe)
        return;
    lua_getglobal(L, "io");
    /* The keys are liolib's names of the default files; Lua has kept them since 5.2. */
    add_stream(L, 0, "stdin", "_IO_input", (cookie_io_functions_t){.read = input_read});
    add_stream(L, LLMSPELL_STDOUT, "stdout", "_IO_output",
               (cookie_io_functions_t){.write = write_stdout});
    add_stream(L, LLMSPELL_STDERR, "stderr", NULL, (cookie_io_functions_t){.write = write_stderr});
    lua_pop(L, 1);
}

void output_close(struct runtime *rt)
{
    for (int number = 0; number < 3; number++)
        if (rt->streams[number].file)
            fclose(rt->streams[number].file);
    json_decref(rt->line);
    rt->line = NULL;
}
