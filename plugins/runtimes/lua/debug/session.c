/* SPDX-License-Identifier: Apache-2.0
 * debuggee_request: attach, detach, and the table of commands. A command runs in the midst of what
 * runs, is stopped, or on its own; whatever it does can be interrupted and reaches no code that is
 * debugged. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define SHOW_SECONDS 2 /* for the metamethods of what is shown */

/* ---- for the others ---- */

void debug_emit(struct debug *debug, const char *event, json_t *body)
{
    output_emit(debug->rt, "debug_event",
                json_pack("{s:I, s:s, s:s, s:o}", "seq", ++debug->seq, "type", "event", "event",
                          event, "body", body));
}

static int32_t fail_stopped(struct runtime *rt)
{
    int stop = atomic_load(&rt->interrupt.stop);
    if (stop == STOP_TIMEOUT)
        return llmspell_fail(rt->call, LLMSPELL_ETIMEOUT, "it took too long");
    return llmspell_fail(rt->call, LLMSPELL_ECANCELLED, "cancelled");
}

int32_t debug_protect(struct debug *debug, lua_CFunction function, void *data)
{
    struct runtime *rt = debug->rt;
    lua_State *L = rt->interrupt.current ? rt->interrupt.current : rt->L;
    int32_t code = 0;
    if (!lua_checkstack(L, LUA_MINSTACK))
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "not enough memory");
    int top = lua_gettop(L);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, data);
    int status = lua_pcall(L, 1, 0, 0);
    if (rt->interrupt.running && interrupt_pending(rt) != STOP_NONE)
        code = fail_stopped(rt);
    else if (status != LUA_OK)
        code = llmspell_fail(rt->call, status == LUA_ERRMEM ? LLMSPELL_ENOMEM : LLMSPELL_EFAILED,
                             "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "an error");
    lua_settop(L, top);
    return code;
}

void debug_deadline(struct debug *debug, double seconds)
{
    struct runtime *rt = debug->rt;
    double timeout = rt->timeout_s;
    if (rt->interrupt.running)
        interrupt_end(rt);
    rt->timeout_s = seconds;
    interrupt_begin(rt);
    rt->timeout_s = timeout;
    interrupt_pending(rt); /* cancelled before it began */
}

/* ---- attach, detach ---- */

static int open_tables(lua_State *L)
{
    struct debug *debug = lua_touserdata(L, 1);
    thread_open(debug, L);
    return 0;
}

static void set_options(struct debug *debug, const json_t *arguments)
{
    struct debug_options *options = &debug->options;
    const json_t *cells = json_object_get(arguments, "cells");
    options->stop_on_entry = llmspell_bool(arguments, "stopOnEntry", 0);
    options->output = llmspell_bool(arguments, "output", 0);
    if (!json_is_object(cells))
        return;
    const char *prefix = llmspell_string(cells, "prefix");
    const char *suffix = llmspell_string(cells, "suffix");
    free(options->prefix);
    free(options->suffix);
    options->prefix = strdup(prefix ? prefix : "");
    options->suffix = strdup(suffix ? suffix : "");
    options->seed = (uint32_t)llmspell_integer(cells, "seed", 0);
    options->has_cells = options->prefix && options->suffix;
    script_options_changed(debug);
}

static int32_t attach(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct runtime *rt = debug->rt;
    const struct llmspell_executor *executor = rt->executor;
    if (executor->size <= offsetof(struct llmspell_executor, wait) || !executor->wait)
        return llmspell_fail(rt->call, LLMSPELL_EUNAVAILABLE,
                             "this host cannot wait for a debugger: it is older than ABI 1.3");
    if (!debug->is_attached) {
        int32_t code = debug_protect(debug, open_tables, debug);
        if (code < 0)
            return code;
        if (!debug->has_layout)
            layout_find(&debug->layout);
        debug->has_layout = 1;
        debug->is_attached = 1;
        rt->debug = debug;
        script_known_files(debug);
    }
    set_options(debug, arguments);
    hook_changed(debug);
    *ret_body = json_object();
    return 0;
}

static void end_session(struct debug *debug, lua_State *L)
{
    struct runtime *rt = debug->rt;
    breakpoint_clear_all(debug);
    data_clear(debug);
    exception_reset(debug);
    step_clear(debug);
    debug->pause = 0;
    hook_changed(debug);
    debug->has_changed = 0;
    if (L)
        hook_remove_all(debug, L);
    handle_forget_kept(debug);
    script_clear(debug);
    free(debug->options.prefix);
    free(debug->options.suffix);
    memset(&debug->options, 0, sizeof debug->options);
    debug->is_attached = 0;
    rt->debug = NULL;
}

static int32_t detach(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    (void)arguments;
    end_session(debug, debug->rt->L);
    stop_let_go(debug);
    if (!debug->stopped.L) {
        handle_clear(debug);
        frame_forget(debug);
    }
    *ret_body = json_object();
    return 0;
}

void trace_close(struct runtime *rt)
{
    struct debug *debug = rt->debugger;
    if (!debug)
        return;
    end_session(debug, NULL);
    handle_clear(debug);
    frame_forget(debug);
    free(debug->handles);
    free(debug->chains);
    target_choose(debug, NULL);
    free(debug);
    rt->debugger = NULL;
}

/* ---- going on ---- */

static int32_t go(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    return stop_go_on(debug, arguments, GO_CONTINUE, ret_body);
}

static int32_t go_next(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    return stop_go_on(debug, arguments, GO_NEXT, ret_body);
}

static int32_t go_in(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    return stop_go_on(debug, arguments, GO_IN, ret_body);
}

static int32_t go_out(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    return stop_go_on(debug, arguments, GO_OUT, ret_body);
}

static int32_t pause_code(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    (void)arguments;
    debug->pause = !debug->stopped.L || debug->go != GO_NONE; /* it may be about to go on */
    *ret_body = json_object();
    return 0;
}

/* ---- the commands ---- */

enum needs { ANY, ATTACHED };

static const struct {
    const char *name;
    enum needs needs;
    int32_t (*answer)(struct debug *debug, const json_t *arguments, json_t **ret_body);
    int seconds; /* that it may run; 0: until it is cancelled */
} COMMANDS[] = {
    {"attach", ANY, attach, 0},
    {"detach", ATTACHED, detach, 0},
    {"launch", ANY, launch_set, 0},
    {"cell", ATTACHED, jupyter_cell, 0},
    {"setBreakpoints", ATTACHED, breakpoint_set_lines, 0},
    {"setFunctionBreakpoints", ATTACHED, breakpoint_set_functions, 0},
    {"setExceptionBreakpoints", ATTACHED, exception_set, 0},
    {"breakpointLocations", ATTACHED, breakpoint_locations, 0},
    {"dataBreakpointInfo", ATTACHED, data_info, 0},
    {"setDataBreakpoints", ATTACHED, data_set, 0},
    {"pause", ATTACHED, pause_code, 0},
    {"continue", ATTACHED, go, 0},
    {"next", ATTACHED, go_next, 0},
    {"stepIn", ATTACHED, go_in, 0},
    {"stepOut", ATTACHED, go_out, 0},
    {"stepInTargets", ATTACHED, target_list, SHOW_SECONDS},
    {"threads", ATTACHED, thread_list, SHOW_SECONDS},
    {"stackTrace", ATTACHED, frame_list, 0},
    {"scopes", ATTACHED, names_scopes, SHOW_SECONDS},
    {"variables", ATTACHED, variable_list, SHOW_SECONDS},
    {"setVariable", ATTACHED, variable_set, 0},
    {"setExpression", ATTACHED, expression_set, 0},
    {"evaluate", ATTACHED, expression_evaluate, 0},
    {"completions", ATTACHED, completion_list, SHOW_SECONDS},
    {"exceptionInfo", ATTACHED, exception_info, 0},
    {"loadedSources", ATTACHED, script_list, 0},
    {"source", ATTACHED, script_content, 0},
    {"modules", ANY, script_modules, 0},
    {"inspectVariables", ANY, jupyter_inspect, SHOW_SECONDS},
    {"richInspectVariables", ANY, jupyter_rich, SHOW_SECONDS},
    {"copyToGlobals", ATTACHED, jupyter_copy, SHOW_SECONDS},
};

static struct debug *debug_of(struct runtime *rt)
{
    struct debug *debug = rt->debugger;
    if (debug)
        return debug;
    debug = calloc(1, sizeof *debug);
    if (!debug)
        return NULL;
    debug->rt = rt;
    debug->handle_base = 1;
    debug->next_frame = 1;
    rt->debugger = debug;
    return debug;
}

/* Runs one of them as code runs: with a deadline of its own, and so that it can be interrupted. */
static int32_t run(struct debug *debug, size_t i, const json_t *arguments, json_t **ret_body)
{
    struct runtime *rt = debug->rt;
    debug->quiet++;
    debug_deadline(debug, COMMANDS[i].seconds);
    debug->hex = llmspell_bool(json_object_get(arguments, "format"), "hex", 0);
    int32_t code = COMMANDS[i].answer(debug, arguments, ret_body);
    output_flush(rt);
    interrupt_end(rt);
    debug->quiet--;
    if (debug->has_changed || debug->pause)
        interrupt_attend(rt); /* what runs looks at it as soon as it goes on */
    return code;
}

static int32_t reply(struct runtime *rt, json_t *body, json_t **ret_reply)
{
    return llmspell_return(rt->call, ret_reply,
                           json_pack("{s:s, s:o}", "status", "ok", "body", body));
}

int32_t debuggee_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *command = llmspell_string(content, "command");
    LLMSPELL_CLEANUP_JSON json_t *none = json_object();
    const json_t *arguments = json_object_get(content, "arguments");
    size_t i = 0, count = sizeof COMMANDS / sizeof *COMMANDS;
    json_t *body = NULL;
    if (!command)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/command",
                                "debuggee_request needs command, a string");
    if (strcmp(command, "reset") == 0) {
        int32_t failed = launch_reset(rt, &body);
        return failed < 0 ? failed : reply(rt, body, ret_reply);
    }
    while (i < count && strcmp(COMMANDS[i].name, command) != 0)
        i++;
    if (i == count)
        return llmspell_fail_at(rt->call, LLMSPELL_EUNKNOWN, "/command",
                                "the Lua runtime has no command %s", command);
    struct debug *debug = debug_of(rt);
    if (!debug)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "out of memory");
    if (COMMANDS[i].needs == ATTACHED && !debug->is_attached)
        return llmspell_fail(rt->call, LLMSPELL_EBUSY, "no debugger is attached: attach first");
    int32_t code = run(debug, i, json_is_object(arguments) ? arguments : none, &body);
    if (code < 0) {
        json_decref(body);
        return code;
    }
    return reply(rt, body, ret_reply);
}
