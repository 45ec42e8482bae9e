/* SPDX-License-Identifier: Apache-2.0
 * A request of another subshell in the midst of one that runs: it gets a Lua thread of its own, and
 * what belongs to the outer one is put aside. Called by lua.c for every request, and by the hook of
 * interrupt.c. */
#include "state.h"

static int make_thread(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    lua_State *thread = lua_newthread(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &rt->nested[rt->depth]);
    rt->nested[rt->depth] = thread;
    return 0;
}

/* The thread for one request more; NULL: too deep, or no memory. A thread of its own counts its C
 * calls anew, so a deep recursion outside does not end the request. */
static lua_State *next_thread(struct runtime *rt)
{
    lua_State *L = rt->interrupt.current ? rt->interrupt.current : rt->L;
    if (rt->depth == RUNTIME_NESTED_MAX)
        return NULL;
    if (!rt->nested[rt->depth]) {
        if (!lua_checkstack(L, 1))
            return NULL;
        lua_pushcfunction(L, make_thread);
        if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
            lua_pop(L, 1);
            return NULL;
        }
    }
    lua_sethook(rt->nested[rt->depth], NULL, 0, 0); /* what it took over, or was left */
    return rt->nested[rt->depth];
}

/* io.stdin on a file of its own: the outer request may be inside of a read of the other one. */
static int open_stdin(struct runtime *rt)
{
    struct stream *stream = &rt->streams[0];
    if (!stream->io)
        return 0;
    FILE *file = fopencookie(rt, "r", (cookie_io_functions_t){.read = input_read});
    if (!file)
        return LLMSPELL_ENOMEM;
    stream->file = stream->io->f = file;
    return 0;
}

static void close_stdin(struct runtime *rt, FILE *outer)
{
    struct stream *stream = &rt->streams[0];
    if (!stream->io)
        return;
    fclose(stream->file);
    stream->file = stream->io->f = outer;
}

static void put_aside(struct runtime *rt, struct nest *nest)
{
    interrupt_suspend(rt, &nest->interrupt);
    nest->L = rt->L;
    nest->memory_reserve = rt->memory_reserve;
    nest->exit_code = rt->exit_code;
    nest->msg_type = rt->msg_type;
    nest->shown = rt->shown;
    nest->displaying = rt->displaying;
    nest->traceback = rt->traceback;
    nest->line = rt->line;
    nest->line_used = rt->line_used;
    nest->input_error = rt->input_error;
    rt->memory_reserve = RUNTIME_RESERVE;
    rt->traceback = NULL;
    rt->shown = NULL;
    rt->displaying = 0;
    rt->line = NULL;
    rt->streams[LLMSPELL_STDOUT].used = rt->streams[LLMSPELL_STDERR].used = 0;
}

int32_t nest_begin(struct runtime *rt, struct llmspell_call *call, struct nest *ret_nest)
{
    ret_nest->call = rt->call;
    if (rt->call) {
        lua_State *thread = next_thread(rt);
        for (int i = 0; i < 3; i++)
            ret_nest->streams[i] = rt->streams[i];
        if (!thread || open_stdin(rt) < 0)
            return llmspell_fail(call, LLMSPELL_ENOMEM,
                                 "no memory for a request in the midst of another");
        put_aside(rt, ret_nest);
        rt->L = thread;
        rt->depth++;
    }
    rt->call = call;
    rt->was_nested = 0;
    return 0;
}

void nest_end(struct runtime *rt, const struct nest *nest)
{
    if (nest->call)
        output_flush(rt); /* while it still belongs to this request */
    rt->call = nest->call;
    if (!rt->call)
        return;
    rt->depth--;
    rt->L = nest->L;
    rt->memory_reserve = nest->memory_reserve;
    rt->exit_code = nest->exit_code;
    rt->msg_type = nest->msg_type;
    rt->shown = nest->shown;
    rt->displaying = nest->displaying;
    free(rt->traceback);
    rt->traceback = nest->traceback;
    json_decref(rt->line);
    rt->line = nest->line;
    rt->line_used = nest->line_used;
    rt->input_error = nest->input_error;
    close_stdin(rt, nest->streams[0].file);
    for (int i = LLMSPELL_STDOUT; i <= LLMSPELL_STDERR; i++)
        rt->streams[i] = nest->streams[i];
    rt->was_nested = 1;
    interrupt_resume(rt, &nest->interrupt);
}

void nest_serve(struct runtime *rt)
{
    const struct llmspell_executor *executor = rt->executor;
    if (!rt->call || executor->size <= offsetof(struct llmspell_executor, serve) ||
        !executor->serve)
        return;
    output_unbuffer(rt); /* it belongs to the request that runs */
    executor->serve(rt->call);
}
