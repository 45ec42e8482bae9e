/* SPDX-License-Identifier: Apache-2.0
 * A stop: the code waits inside of a hook or of a message handler, its stack as it is, while the
 * kernel goes on answering. What the debugger asks runs in the midst of it, on a Lua thread of its
 * own (nest.c). The deadline of the request rests meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

static void announce(struct debug *debug, const struct stop_reason *why)
{
    json_t *body = json_pack("{s:s, s:I, s:b}", "reason", why->reason, "threadId",
                             (json_int_t)debug->stopped.thread, "allThreadsStopped", 1);
    if (why->description)
        json_object_set_new(body, "description", json_string(why->description));
    if (why->text)
        json_object_set_new(body, "text", text_json(why->text, strlen(why->text)));
    if (why->hits)
        json_object_set_new(body, "hitBreakpointIds", why->hits);
    debug_emit(debug, "stopped", body);
}

/* As an event of the code, not of a request that runs in the midst of the stop. */
static void announce_end(struct debug *debug)
{
    struct runtime *rt = debug->rt;
    struct llmspell_call *call = rt->call;
    if (debug->stopped.is_over)
        return;
    debug->stopped.is_over = 1;
    output_flush(rt);
    rt->call = debug->stopped.call;
    debug_emit(debug, "continued",
               json_pack("{s:I, s:b}", "threadId", (json_int_t)debug->stopped.thread,
                         "allThreadsContinued", 1));
    rt->call = call;
}

/* What belongs to one stop is of no use after it. */
static void forget(struct debug *debug)
{
    debug->stop_count++;
    handle_clear(debug);
    frame_forget(debug);
    exception_clear(&debug->stopped.exception);
    memset(&debug->stopped, 0, sizeof debug->stopped);
}

static void wait(struct debug *debug)
{
    struct runtime *rt = debug->rt;
    debug->go = GO_NONE;
    while (debug->go == GO_NONE && debug->is_attached)
        if (rt->executor->wait(rt->call) < 0)
            return;
}

static void go_on(struct debug *debug, lua_State *L)
{
    enum go go = debug->go;
    announce_end(debug);
    forget(debug);
    debug->quiet--;
    debug->step.reason = NULL;
    step_begin(debug, L, debug->is_attached ? go : GO_NONE);
    debug->has_changed = 0;
    debug->epoch++; /* frames below this one look at their masks again */
    if (debug->is_attached)
        trace_switch(debug->rt, L);
}

void stop_here(struct debug *debug, lua_State *L, const struct stop_reason *why)
{
    struct runtime *rt = debug->rt;
    struct interrupt_rest rest;
    size_t reserve = rt->memory_reserve;
    if (debug->quiet > 0 || !lua_checkstack(L, LUA_MINSTACK)) {
        json_decref(why->hits);
        return;
    }
    rt->memory_reserve = RUNTIME_RESERVE;
    debug->quiet++;
    debug->stopped.L = L;
    debug->stopped.bottom = rt->L;
    debug->stopped.links = rt->link;
    debug->stopped.call = rt->call;
    debug->pause = 0;
    handle_clear(debug);
    output_flush(rt);
    interrupt_hold(rt, &rest);
    debug->stopped.thread = thread_id(debug, L, L);
    announce(debug, why);
    wait(debug);
    interrupt_release(rt, &rest);
    go_on(debug, L);
    rt->memory_reserve = reserve;
    interrupt_pending(rt); /* it may have to end now: sets the hook */
}

/* `continued` comes before the answer, after which JupyterLab listens no longer. */
void stop_let_go(struct debug *debug)
{
    if (!debug->stopped.L)
        return;
    debug->go = GO_CONTINUE; /* also if another one attaches at once */
    announce_end(debug);
}

int32_t stop_go_on(struct debug *debug, const json_t *arguments, enum go go, json_t **ret_body)
{
    if (!debug->stopped.L)
        return llmspell_fail(debug->rt->call, LLMSPELL_EBUSY,
                             "nothing is stopped: pause the program, or set a breakpoint");
    target_choose(debug, arguments);
    debug->go = go;
    *ret_body = json_pack("{s:b}", "allThreadsContinued", 1);
    return 0;
}
