/* SPDX-License-Identifier: Apache-2.0
 * One client, from initialize to disconnect: the table of requests, and who may debug. */
#include <stdlib.h>
#include <string.h>

#include "dap.h"

/* ---- life ---- */

struct session *session_new(struct dap *dap, struct link *link)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->dap = dap;
    session->link = link;
    session->number = ++dap->sessions;
    session->breakpoints = json_object();
    session->stopped = json_array();
    session->held = json_array();
    return session;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    requests_forget(session);
    if (session->dap->owner == session) {
        session->dap->owner = NULL;
        atomic_store(&session->dap->listening, LISTEN_NOTHING);
    }
    json_decref(session->mappings);
    json_decref(session->launch);
    json_decref(session->held);
    json_decref(session->breakpoints);
    json_decref(session->stopped);
    free(session);
}

void session_event(struct session *session, const char *event, json_t *body)
{
    struct dap *dap = session->dap;
    json_t *message =
        json_pack("{s:I, s:s, s:s}", "seq", ++session->seq, "type", "event", "event", event);
    if (body)
        json_object_set_new(message, "body", body);
    if (session->link) {
        convert_out(session, body);
        link_send(session->link, message);
    } else if (message) {
        dap->kernel->publish(dap->ctx, "debug_event", message, "", 0);
    }
    json_decref(message);
}

static void forget(struct request *request, const json_t *reply)
{
    (void)reply;
    request_done(request);
}

json_t *session_options(const struct session *session)
{
    bool stop = llmspell_bool(session->launch, "stopOnEntry", 0);
    json_t *options = json_pack("{s:b, s:b}", "stopOnEntry", stop, "output", session->link != NULL);
    if (!session->link)
        json_object_set_new(options, "cells", jupyter_cells());
    return options;
}

/* Breakpoints may come before launch or attach does. */
bool session_own(struct session *session)
{
    struct dap *dap = session->dap;
    if (dap->owner)
        return dap->owner == session;
    dap->owner = session;
    atomic_store(&dap->listening, session->link ? LISTEN_ALL : LISTEN_DEBUGGEE);
    struct request *request = request_own(session, "attach");
    if (request)
        request_debuggee(request, "attach", session_options(session), forget);
    return true;
}

void session_detach(struct session *session)
{
    struct dap *dap = session->dap;
    if (dap->owner != session)
        return;
    dap->owner = NULL;
    atomic_store(&dap->listening, LISTEN_NOTHING);
    json_object_clear(session->breakpoints);
    json_array_clear(session->stopped);
    struct request *request = request_own(session, "detach");
    if (request)
        request_debuggee(request, "detach", NULL, forget);
}

void session_lost(struct session *session)
{
    enum lost lost = session->dap->lost;
    bool launched = session->phase == PHASE_LAUNCHED;
    if (lost == LOST_TERMINATE || (lost == LOST_AUTO && launched))
        launch_stop(session);
    requests_cancel(session);
    session_detach(session);
}

/* ---- requests that are answered here ---- */

static void initialize_request(struct request *request)
{
    struct session *session = request->session;
    const json_t *arguments = request->arguments;
    if (session->link && session->phase != PHASE_NEW) {
        request_fail(request, "initialize has been answered already");
        return;
    }
    session->zero_lines = !llmspell_bool(arguments, "linesStartAt1", 1);
    session->zero_columns = !llmspell_bool(arguments, "columnsStartAt1", 1);
    session->uris = llmspell_is(arguments, "pathFormat", "uri");
    session->invalidates = llmspell_bool(arguments, "supportsInvalidatedEvent", 0);
    session->progress = session->link && llmspell_bool(arguments, "supportsProgressReporting", 0);
    if (session->phase == PHASE_NEW)
        session->phase = PHASE_READY;
    request_respond(request, capabilities());
    if (session->link) /* JupyterLab wants it after attach */
        session_event(session, "initialized", NULL);
}

static void cancel_request(struct request *request)
{
    struct session *session = request->session;
    const char *progress = llmspell_string(request->arguments, "progressId");
    json_int_t seq = llmspell_integer(request->arguments, "requestId",
                                      progress ? strtoll(progress, NULL, 10) : 0);
    struct request *wanted = request_find(session, seq);
    if (wanted && wanted != request && wanted->msg_id[0])
        request_cancel(session, wanted->msg_id);
    request_respond(request, NULL);
}

static void forward(struct request *request)
{
    json_t *arguments = request->arguments; /* the kernel's now */
    request->arguments = NULL;
    request_debuggee(request, request->command, arguments, NULL);
}

static void on_changed(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    bool tell = session && session->link && session->invalidates;
    tell = tell && llmspell_is(reply, "status", "ok");
    request_answer(request, reply);
    if (tell)
        session_event(session, "invalidated", json_pack("{s:[s]}", "areas", "variables"));
}

/* What may change more than the client sees in the answer. */
static void change_request(struct request *request)
{
    json_t *arguments = request->arguments; /* the kernel's now */
    bool looks =
        strcmp(request->command, "evaluate") == 0 && !llmspell_is(arguments, "context", "repl");
    request->arguments = NULL;
    request_debuggee(request, request->command, arguments, looks ? NULL : on_changed);
}

/* Clients ask it of any program. */
static void threads_request(struct request *request)
{
    if (request->session->no_debug)
        request_respond(request, json_pack("{s:[{s:i, s:s}]}", "threads", "id", 1, "name", "main"));
    else
        forward(request);
}

/* ---- the table ---- */

#define ANY 1u  /* also before launch or attach */
#define FREE 2u /* also for a client that does not debug */

static const struct {
    const char *command;
    void (*answer)(struct request *request);
    unsigned flags;
} REQUESTS[] = {
    {"initialize", initialize_request, ANY | FREE},
    {"launch", launch_request, ANY},
    {"attach", attach_request, ANY},
    {"disconnect", disconnect_request, ANY | FREE},
    {"cancel", cancel_request, ANY | FREE},
    {"configurationDone", configuration_done, ANY},
    {"terminate", terminate_request, 0},
    {"restart", restart_request, 0},
    {"setBreakpoints", breakpoints_request, ANY},
    {"setFunctionBreakpoints", breakpoint_kinds_request, ANY},
    {"setExceptionBreakpoints", breakpoint_kinds_request, ANY},
    {"setDataBreakpoints", breakpoint_kinds_request, ANY},
    {"dataBreakpointInfo", forward, 0},
    {"breakpointLocations", forward, ANY},
    {"threads", threads_request, ANY},
    {"stackTrace", forward, 0},
    {"scopes", forward, 0},
    {"variables", forward, 0},
    {"setVariable", change_request, 0},
    {"setExpression", change_request, 0},
    {"evaluate", change_request, 0},
    {"completions", forward, 0},
    {"exceptionInfo", forward, 0},
    {"continue", forward, 0},
    {"next", forward, 0},
    {"stepIn", forward, 0},
    {"stepOut", forward, 0},
    {"stepInTargets", forward, 0},
    {"goto", forward, 0},
    {"gotoTargets", forward, 0},
    {"pause", forward, 0},
    {"source", forward, 0},
    {"loadedSources", forward, 0},
    {"modules", modules_request, ANY | FREE},
    {"debugInfo", debug_info, ANY | FREE},
    {"dumpCell", dump_cell, ANY | FREE},
    {"inspectVariables", inspect_variables, ANY | FREE},
    {"richInspectVariables", forward, 0},
    {"copyToGlobals", forward, 0},
};

static void answer(struct request *request, unsigned flags, void (*function)(struct request *))
{
    struct session *session = request->session;
    bool begun = session->phase == PHASE_LAUNCHED || session->phase == PHASE_ATTACHED;
    if (session->link && session->phase == PHASE_NEW && function != initialize_request &&
        function != disconnect_request)
        request_fail(request, "%s came before initialize", request->command);
    else if (!(flags & ANY) && !begun)
        request_fail(request, "%s came before launch or attach", request->command);
    else if (!(flags & FREE) && !session_own(session))
        request_fail(request,
                     "another client debugs this kernel; it has to disconnect before %s can be "
                     "answered",
                     request->command);
    else
        function(request);
}

static void dispatch(struct request *request)
{
    for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++)
        if (strcmp(REQUESTS[i].command, request->command) == 0) {
            answer(request, REQUESTS[i].flags, REQUESTS[i].answer);
            return;
        }
    request_fail(request,
                 "llmspell has no request %.100s; the answer to initialize tells what "
                 "there is",
                 request->command);
}

/* Editors need not wait for answers, but all that comes behind launch needs what it does, and the
 * program starts once the breakpoints are set. */
static bool must_wait(const struct session *session, const json_t *message)
{
    return session->launching ||
           (llmspell_is(message, "command", "configurationDone") && requests_wait(session));
}

/* Not what ends a request or the session. */
static bool hold(struct session *session, const json_t *message)
{
    static const char *const at_once[] = {"cancel", "disconnect"};
    if (json_array_size(session->held) == 0 && !must_wait(session, message))
        return false;
    for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++)
        if (llmspell_is(message, "command", at_once[i]))
            return false;
    return json_array_append_new(session->held, json_deep_copy(message)) == 0;
}

void session_resume(struct session *session)
{
    if (json_array_size(session->held) == 0 || must_wait(session, json_array_get(session->held, 0)))
        return;
    LLMSPELL_CLEANUP_JSON json_t *held = session->held;
    session->held = json_array();
    for (size_t i = 0; i < json_array_size(held); i++)
        session_receive(session, json_array_get(held, i), NULL, "", 0);
}

void session_receive(struct session *session, const json_t *message,
                     struct llmspell_pending *pending, const char *header, uint32_t header_size)
{
    if (hold(session, message))
        return;
    const char *type = llmspell_string(message, "type");
    const char *command = llmspell_string(message, "command");
    const json_t *arguments = json_object_get(message, "arguments");
    bool is_request = command && (!type || strcmp(type, "request") == 0);
    if (!is_request && !pending && type && strcmp(type, "response") == 0)
        return; /* to a question that was never asked */
    struct request *request =
        request_new(session, is_request ? command : "", llmspell_integer(message, "seq", 0),
                    pending, header, header_size);
    if (!request) {
        dap_log(session->dap, LLMSPELL_LOG_ERROR, "dap: a request was lost: out of memory");
        return;
    }
    if (!is_request) {
        request_fail(request, "a message needs \"type\": \"request\" and \"command\", a string");
    } else if (arguments && !json_is_object(arguments) && !json_is_null(arguments)) {
        request_fail(request, "the arguments of %.100s are not an object", command);
    } else {
        if (json_is_object(arguments)) {
            json_decref(request->arguments);
            request->arguments = json_deep_copy(arguments);
            convert_in(session, request->arguments);
        }
        dispatch(request);
    }
}
