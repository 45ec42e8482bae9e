/* SPDX-License-Identifier: Apache-2.0
 * A stop: the code waits inside of a hook or of a message handler, its stack as it is, while the
 * kernel goes on answering. What the debugger asks runs in the midst of it, on a Lua thread of its
 * own (nest.c). The deadline of the request rests meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

static void announce(struct debug *debug, lua_State *L, const struct stop_reason *why)
{
    lua_Integer thread = thread_id(debug, L, L);
    json_t *body = json_pack("{s:s, s:I, s:b}", "reason", why->reason, "threadId",
                             (json_int_t)thread, "allThreadsStopped", 1);
    if (why->description)
        json_object_set_new(body, "description", json_string(why->description));
    if (why->text)
        json_object_set_new(body, "text", text_json(why->text, strlen(why->text)));
    if (why->hits)
        json_object_set_new(body, "hitBreakpointIds", why->hits);
    debug_emit(debug, "stopped", body);
}

/* What belongs to one stop is of no use after it. */
static void forget(struct debug *debug)
{
    debug->stop_count++;
    handle_clear(debug);
    frame_forget(debug);
    exception_clear(&debug->stopped.exception);
    debug->stopped = (struct stopped){NULL, NULL, NULL, {0, 0, NULL, NULL, NULL}};
}

static void wait(struct debug *debug)
{
    struct runtime *rt = debug->rt;
    debug->go = GO_NONE;
    while (debug->go == GO_NONE && debug->is_attached)
        if (rt->executor->wait(rt->call) < 0)
            return;
}

static void go_on(struct debug *debug, lua_State *L, lua_Integer thread)
{
    enum go go = debug->go;
    forget(debug);
    debug->quiet--;
    debug_emit(debug, "continued",
               json_pack("{s:I, s:b}", "threadId", (json_int_t)thread, "allThreadsContinued", 1));
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
    debug->pause = 0;
    handle_clear(debug);
    output_flush(rt);
    interrupt_hold(rt, &rest);
    lua_Integer thread = thread_id(debug, L, L);
    announce(debug, L, why);
    wait(debug);
    interrupt_release(rt, &rest);
    go_on(debug, L, thread);
    rt->memory_reserve = reserve;
    interrupt_pending(rt); /* it may have to end now: sets the hook */
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
