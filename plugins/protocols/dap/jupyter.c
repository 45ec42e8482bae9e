/* SPDX-License-Identifier: Apache-2.0
 * What JupyterLab asks beyond DAP. It knows a cell by a file name made of a hash of its text, and
 * learns from debugInfo alone what there is after its page was loaded anew. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dap.h"

#define HASH_SEED 0xC70F6907u /* as ipykernel's */
#define SUFFIX ".lua"

/* JupyterLab 4.6 says "Cell [3]" instead of the file name only if "ipykernel_" stands in it. */
static json_t *prefix(void)
{
    return json_sprintf("/tmp/llmspell_ipykernel_%d/", (int)getpid());
}

json_t *jupyter_cells(void)
{
    return json_pack("{s:o, s:s, s:I}", "prefix", prefix(), "suffix", SUFFIX, "seed",
                     (json_int_t)HASH_SEED);
}

static bool is_started(const struct session *session)
{
    return session->dap->owner == session && session->phase == PHASE_ATTACHED;
}

static void on_attached(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    bool ok = llmspell_is(reply, "status", "ok");
    if (!ok)
        session->phase = PHASE_READY;
    request_answer(request, reply);
    if (ok)
        session_event(session, "initialized", NULL);
}

void jupyter_attach(struct request *request)
{
    struct session *session = request->session;
    session->phase = PHASE_ATTACHED;
    request_debuggee(request, "attach", session_options(session), on_attached);
}

/* stoppedThreads empties itself when what was stopped goes on, for whatever reason. */
void jupyter_event(struct session *session, const char *event, const json_t *body)
{
    json_t *thread = json_object_get(body, "threadId");
    size_t i = 0;
    bool stopped = strcmp(event, "stopped") == 0;
    if (!stopped && strcmp(event, "continued") != 0)
        return;
    while (i < json_array_size(session->stopped))
        if (llmspell_bool(body, "allThreadsContinued", 0) ||
            json_equal(json_array_get(session->stopped, i), thread))
            json_array_remove(session->stopped, i);
        else
            i++;
    if (stopped && json_is_integer(thread))
        json_array_append_new(session->stopped, json_copy(thread));
}

void debug_info(struct request *request)
{
    struct session *session = request->session;
    bool started = is_started(session);
    json_t *breakpoints = json_array(), *lines;
    const char *path;
    json_object_foreach(session->breakpoints, path, lines)
    {
        json_array_append_new(breakpoints, json_pack("{s:s, s:o}", "source", path, "breakpoints",
                                                     json_deep_copy(lines)));
    }
    request_respond(
        request,
        json_pack("{s:b, s:s, s:I, s:o, s:s, s:o, s:o, s:b, s:[s], s:b}", "isStarted", started,
                  "hashMethod", "Murmur2", "hashSeed", (json_int_t)HASH_SEED, "tmpFilePrefix",
                  prefix(), "tmpFileSuffix", SUFFIX, "breakpoints", breakpoints, "stoppedThreads",
                  started ? json_deep_copy(session->stopped) : json_array(), "richRendering", 1,
                  "exceptionPaths", "Lua Errors", "copyToGlobals", 1));
}

void dump_cell(struct request *request)
{
    json_t *code = json_object_get(request->arguments, "code");
    if (!json_is_string(code)) {
        request_fail(request, "dumpCell needs \"code\", the text of a cell");
        return;
    }
    request_debuggee(request, "cell",
                     json_pack("{s:o, s:o}", "code", json_copy(code), "cells", jupyter_cells()),
                     NULL);
}

/* JupyterLab asks after every cell, whatever the capabilities say, and reads modules.map. */
void modules_request(struct request *request)
{
    json_t *arguments = request->arguments;
    if (request->dap->owner != request->session) {
        request_respond(request, json_pack("{s:[], s:i}", "modules", "totalModules", 0));
        return;
    }
    request->arguments = NULL;
    request_debuggee(request, "modules", arguments, NULL);
}

void inspect_variables(struct request *request)
{
    request_debuggee(request, "inspectVariables", NULL, NULL);
}
