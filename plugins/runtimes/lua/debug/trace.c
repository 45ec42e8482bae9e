/* SPDX-License-Identifier: Apache-2.0
 * What the runtime tells the debugger of threads and requests (trace.h): a thread begins, goes on,
 * gives way, is at a safe point; its hook is put in place or taken away there. */
#include "debug.h"

/* Stops at the next line, whatever it is. */
static void any_line(struct debug *debug, const char *reason)
{
    struct runtime *rt = debug->rt;
    step_clear(debug);
    debug->step = (struct step){.L = rt->L, .any = 1, .depth = rt->depth, .reason = reason};
}

void trace_switch(struct runtime *rt, lua_State *next)
{
    struct debug *debug = rt->debug;
    if (!next)
        return;
    if (!hook_is_wanted(debug, next))
        hook_uninstall(next);
    else if (!interrupt_has_hook(next))
        hook_install(debug, next);
}

void trace_resume(struct runtime *rt, struct coroutine_link *link)
{
    struct debug *debug = rt->debug;
    link->base = debug->base_L == link->from ? debug->base : hook_unknown();
    link->epoch = debug->epoch;
    if (lua_status(link->co) == LUA_OK)
        thread_known(link->co, link->co);
    trace_switch(rt, link->co);
}

void trace_resumed(struct runtime *rt, struct coroutine_link *link, int status)
{
    struct debug *debug = rt->debug;
    lua_State *L = link->from;
    lua_Debug activation;
    if (status != LUA_OK && status != LUA_YIELD)
        exception_in_coroutine(debug, link);
    if (!rt->debug)
        return; /* detached meanwhile */
    if (status != LUA_YIELD)
        thread_ended(debug, L, link->co);
    if (debug->step.L == link->co && lua_getstack(L, 0, &activation)) {
        step_begin(debug, L, GO_OUT); /* it goes on in the thread that resumed this one */
        link->epoch = debug->epoch - 1;
    }
    if (link->epoch == debug->epoch && hook_is_own(L)) {
        hook_begin_thread(debug, L);
        debug->base = link->base;
    } else {
        trace_switch(rt, L);
    }
}

void trace_attend(struct runtime *rt, lua_State *L, lua_Debug *activation)
{
    struct debug *debug = rt->debug;
    trace_switch(rt, L);
    if (debug->quiet)
        return;
    debug->has_changed = 0;
    struct frame_at at;
    if (debug->pause && frame_top(debug, L, &at)) {
        debug->pause = 0;
        hook_stop(debug, L, "pause", NULL);
    } else if (debug->pause) { /* it is about to begin */
        any_line(debug, "pause");
        debug->pause = 0;
        trace_switch(rt, L);
    } else if (hook_is_own(L) && activation->event != LUA_HOOKCOUNT) {
        hook_event(L, activation); /* it was ours as well */
    }
}

void trace_entry(struct runtime *rt)
{
    struct debug *debug = rt->debug;
    if (!debug->options.stop_on_entry || debug->quiet)
        return;
    debug->options.stop_on_entry = 0;
    any_line(debug, "entry");
    trace_switch(rt, rt->L);
}

int trace_is_busy(const struct runtime *rt)
{
    return rt->debug->in_hook > 0;
}

void trace_created(lua_State *co)
{
    hook_uninstall(co);
}

void trace_ends(struct runtime *rt)
{
    struct debug *debug = rt->debug;
    if (rt->depth == debug->step.depth && !debug->stopped.L)
        step_clear(debug);
    hook_uninstall(rt->L);
}
