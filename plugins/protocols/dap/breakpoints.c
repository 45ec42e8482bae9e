/* SPDX-License-Identifier: Apache-2.0
 * setBreakpoints: the debuggee decides where they are; what it says is remembered by path, since
 * JupyterLab asks for all of them after a page was loaded anew (debugInfo). A program that only
 * runs (noDebug) has none. */
#include "dap.h"

static void remember(struct session *session, const json_t *arguments, const json_t *body)
{
    const char *path = llmspell_string(json_object_get(arguments, "source"), "path");
    json_t *set = json_object_get(body, "breakpoints"), *lines = json_array(), *breakpoint;
    size_t i;
    json_array_foreach(set, i, breakpoint)
    {
        json_t *line = json_object_get(breakpoint, "line");
        if (json_is_integer(line))
            json_array_append_new(lines, json_pack("{s:O}", "line", line));
    }
    if (!path || json_array_size(lines) == 0) {
        if (path)
            json_object_del(session->breakpoints, path);
        json_decref(lines);
        return;
    }
    json_object_set_new(session->breakpoints, path, lines);
}

static void on_set(struct request *request, const json_t *reply)
{
    if (request->session && !request->session->link && llmspell_is(reply, "status", "ok"))
        remember(request->session, request->arguments, json_object_get(reply, "body"));
    request_answer(request, reply);
}

/* The list of lines is how clients of DAP's first years say it. */
static void take_lines(const struct session *session, json_t *arguments)
{
    size_t i;
    json_t *line, *lines = json_object_get(arguments, "lines"), *breakpoints;
    if (json_object_get(arguments, "breakpoints") || !json_is_array(lines))
        return;
    breakpoints = json_array();
    json_array_foreach(lines, i, line) json_array_append_new(
        breakpoints, json_pack("{s:I}", "line", json_integer_value(line) + session->zero_lines));
    json_object_set_new(arguments, "breakpoints", breakpoints);
}

/* Editors send their breakpoints whether they debug or not. */
static void respond_none(struct request *request)
{
    json_t *list = json_array(), *wanted = json_object_get(request->arguments, "breakpoints");
    for (size_t i = 0; i < json_array_size(wanted); i++)
        json_array_append_new(list, json_pack("{s:b, s:s}", "verified", 0, "message",
                                              "the program runs without debugging"));
    request_respond(request, json_pack("{s:o}", "breakpoints", list));
}

void breakpoints_request(struct request *request)
{
    take_lines(request->session, request->arguments);
    if (request->session->no_debug) {
        respond_none(request);
        return;
    }
    request_debuggee(request, "setBreakpoints", json_deep_copy(request->arguments), on_set);
}

void breakpoint_kinds_request(struct request *request)
{
    if (request->session->no_debug) {
        respond_none(request);
        return;
    }
    json_t *arguments = request->arguments; /* the kernel's now */
    request->arguments = NULL;
    request_debuggee(request, request->command, arguments, NULL);
}
