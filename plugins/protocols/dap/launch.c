/* SPDX-License-Identifier: Apache-2.0
 * Programs: launch checks one, configurationDone runs it as `llmspell run` does, by an
 * execute_request; attach watches what others run. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dap.h"

#define PROGRAM_MAX (64u << 20) /* bytes */
#define EXIT_INTERRUPTED 130

/* ---- the file ---- */

/* Its text as a JSON string; NULL: *ret_why says why not. */
static json_t *read_program(const char *path, const char **ret_why)
{
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0) {
        *ret_why = strerror(errno);
        return NULL;
    }
    *ret_why = S_ISDIR(about.st_mode)        ? "it is a folder"
               : !S_ISREG(about.st_mode)     ? "it is not a regular file"
               : about.st_size > PROGRAM_MAX ? "it is larger than 64 MiB"
                                             : NULL;
    if (*ret_why)
        return NULL;
    LLMSPELL_CLEANUP_FREE char *text = malloc((size_t)about.st_size + 1);
    ssize_t n = text ? read(fd, text, (size_t)about.st_size) : -1;
    json_t *code = n >= 0 ? json_stringn(text, (size_t)n) : NULL;
    if (!code)
        *ret_why = n < 0 ? "it cannot be read" : "it is not UTF-8";
    return code;
}

/* The absolute path of arguments' program; NULL: *ret_why. malloc'ed. */
static char *find_program(const json_t *arguments, const char **ret_why)
{
    const char *program = llmspell_string(arguments, "program");
    const char *cwd = llmspell_string(arguments, "cwd");
    char joined[8192];
    if (program && *program != '/' && cwd &&
        snprintf(joined, sizeof joined, "%s/%s", cwd, program) < (int)sizeof joined)
        program = joined;
    char *path = realpath(program, NULL);
    *ret_why = path ? NULL : strerror(errno);
    return path;
}

/* ---- running ---- */

static void start(struct session *session);

static void on_reset(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    if (session && !llmspell_is(reply, "status", "ok"))
        session_event(session, "output",
                      json_pack("{s:s, s:o}", "category", "stderr", "output",
                                json_sprintf("The state could not be made anew: %s\n",
                                             llmspell_string(reply, "evalue"))));
    request_done(request);
    if (session && !session->run && session->phase == PHASE_LAUNCHED)
        start(session);
}

/* A kernel of our own begins with an empty state; that of others keeps theirs. */
static void begin_anew(struct session *session)
{
    session->restarts = session->ends = false;
    struct request *request = request_own(session, "restart");
    if (request && session->dap->single)
        request_debuggee(request, "reset", NULL, on_reset);
    else if (request)
        request_debuggee(request, "attach", session_options(session), on_reset);
}

static int exit_code(const json_t *reply)
{
    if (llmspell_is(reply, "status", "ok"))
        return (int)(llmspell_integer(reply, "exit_code", 0) & 255);
    return llmspell_is(reply, "ename", "KeyboardInterrupt") ? EXIT_INTERRUPTED : 1;
}

static void on_run(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    struct dap *dap = request->dap;
    int code = exit_code(reply);
    request_done(request);
    if (!session && dap->outlived)
        server_end_kernel(dap);
    if (!session)
        return;
    session->run = NULL;
    if (session->restarts) {
        begin_anew(session);
        return;
    }
    session_event(session, "exited", json_pack("{s:i}", "exitCode", code));
    session_event(session, "terminated", NULL);
}

static void tell_process(struct session *session, const char *name, const char *method)
{
    session_event(session, "process",
                  json_pack("{s:s, s:i, s:b, s:s, s:i}", "name", name, "systemProcessId",
                            (int)getpid(), "isLocalProcess", 1, "startMethod", method,
                            "pointerSize", (int)(8 * sizeof(void *))));
}

static void start(struct session *session)
{
    const char *why, *path = llmspell_string(session->launch, "program");
    json_t *args = json_object_get(session->launch, "args");
    json_t *code = read_program(path, &why);
    struct request *request = code ? request_own(session, "run") : NULL;
    if (!request) {
        session_event(session, "output",
                      json_pack("{s:s, s:o}", "category", "stderr", "output",
                                json_sprintf("cannot read %s: %s\n", path, code ? "memory" : why)));
        json_decref(code);
        session_event(session, "terminated", NULL);
        return;
    }
    tell_process(session, path, "launch");
    session->run = request;
    request_submit(request, "execute_request",
                   json_pack("{s:o, s:s, s:o, s:b, s:b, s:b}", "code", code, "path", path, "args",
                             json_is_array(args) ? json_deep_copy(args) : json_array(),
                             "store_history", 0, "allow_stdin", 0, "stop_on_error", 0),
                   on_run);
    memcpy(session->run_id, request->msg_id, sizeof session->run_id);
}

void launch_stop(struct session *session)
{
    if (!session->run)
        return;
    session->ends = true;
    requests_cancel(session); /* what runs in the midst of it, too */
    request_cancel(session, session->run_id);
}

/* ---- launch ---- */

static void maybe_start(struct session *session)
{
    if (session->configured && session->launch && !session->run)
        start(session);
}

static void on_attached(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    if (!llmspell_is(reply, "status", "ok")) {
        if (session)
            session->phase = PHASE_READY;
        request_refuse(request, reply);
        return;
    }
    request_respond(request, NULL);
    if (session)
        maybe_start(session);
}

static void on_placed(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    if (!session || !llmspell_is(reply, "status", "ok")) {
        on_attached(request, reply);
        return;
    }
    request_debuggee(request, session->no_debug ? "detach" : "attach",
                     session->no_debug ? NULL : session_options(session), on_attached);
}

/* What the client said, and what `llmspell debug FILE` was given. */
static json_t *merge_arguments(const struct request *request)
{
    json_t *merged = json_deep_copy(request->arguments);
    if (request->dap->program)
        json_object_update_missing(merged, request->dap->program);
    return merged;
}

static bool take_program(struct request *request, json_t *arguments)
{
    struct session *session = request->session;
    const char *why, *named = llmspell_string(arguments, "program");
    if (!named || !*named) {
        request_fail(request, "launch needs \"program\", the Lua file to run");
        return false;
    }
    LLMSPELL_CLEANUP_FREE char *path = find_program(arguments, &why);
    LLMSPELL_CLEANUP_JSON json_t *code = path ? read_program(path, &why) : NULL;
    if (!code) {
        request_fail(request, "cannot run %.1000s: %s; \"program\" has to name a Lua file", named,
                     why);
        return false;
    }
    json_object_set_new(arguments, "program", json_string(path));
    json_decref(session->launch);
    session->launch = json_incref(arguments);
    return true;
}

static json_t *placement(const json_t *arguments)
{
    json_t *place = json_object(), *cwd = json_object_get(arguments, "cwd");
    json_t *env = json_object_get(arguments, "env");
    if (json_is_string(cwd))
        json_object_set_new(place, "cwd", json_copy(cwd));
    if (json_is_object(env))
        json_object_set_new(place, "env", json_deep_copy(env));
    return place;
}

void launch_request(struct request *request)
{
    struct session *session = request->session;
    LLMSPELL_CLEANUP_JSON json_t *arguments = merge_arguments(request);
    if (!session->link) {
        request_fail(request, "a notebook's cells are what is debugged here: attach");
        return;
    }
    if (session->phase != PHASE_READY) {
        request_fail(request, "this session has launched or attached already");
        return;
    }
    if (!take_program(request, arguments))
        return;
    json_decref(session->mappings);
    session->mappings = json_incref(json_object_get(arguments, "pathMappings"));
    session->phase = PHASE_LAUNCHED;
    session->no_debug = llmspell_bool(arguments, "noDebug", 0);
    session->launching = request;
    request_debuggee(request, "launch", placement(arguments), on_placed);
}

void attach_request(struct request *request)
{
    struct session *session = request->session;
    if (!session->link) {
        jupyter_attach(request);
        return;
    }
    if (session->phase != PHASE_READY) {
        request_fail(request, "this session has launched or attached already");
        return;
    }
    if (request->dap->program) {
        launch_request(request);
        return;
    }
    json_decref(session->mappings);
    session->mappings = json_incref(json_object_get(request->arguments, "pathMappings"));
    session->phase = PHASE_ATTACHED;
    tell_process(session, "llmspell", "attach");
    request_debuggee(request, "attach", session_options(session), on_attached);
}

void configuration_done(struct request *request)
{
    struct session *session = request->session;
    session->configured = true;
    request_respond(request, NULL);
    if (session->phase == PHASE_LAUNCHED)
        maybe_start(session);
}

/* ---- the end ---- */

void restart_request(struct request *request)
{
    struct session *session = request->session;
    json_t *wanted = json_object_get(request->arguments, "arguments");
    if (session->phase != PHASE_LAUNCHED) {
        request_fail(request, "only a program that was launched can be restarted");
        return;
    }
    if (json_is_object(wanted) && llmspell_string(wanted, "program")) {
        LLMSPELL_CLEANUP_JSON json_t *arguments = json_deep_copy(wanted);
        if (!take_program(request, arguments))
            return;
    }
    request_respond(request, NULL);
    if (!session->run) {
        begin_anew(session);
        return;
    }
    session->restarts = true;
    launch_stop(session);
}

static void on_interrupted(struct request *request, const json_t *reply)
{
    (void)reply;
    request_respond(request, NULL);
}

/* What was attached to is everybody's: what runs ends, the kernel does not. */
void terminate_request(struct request *request)
{
    struct session *session = request->session;
    if (session->phase == PHASE_LAUNCHED) {
        launch_stop(session);
        request_respond(request, NULL);
    } else {
        request_submit(request, "interrupt_request", json_object(), on_interrupted);
    }
}

static void on_let_go(struct request *request, const json_t *reply)
{
    struct session *session = request->session;
    (void)reply;
    request_respond(request, NULL);
    if (session && session->link)
        session->phase = PHASE_ENDED; /* the link closes once all is written */
}

void disconnect_request(struct request *request)
{
    struct session *session = request->session;
    bool launched = session->phase == PHASE_LAUNCHED;
    session->restarts = false;
    session->leaves = session->link != NULL;
    requests_cancel(session);
    if (llmspell_bool(request->arguments, "terminateDebuggee", launched))
        launch_stop(session);
    if (request->dap->owner == session) {
        session_detach(session);
        request_debuggee(request, "detach", NULL, on_let_go);
    } else {
        on_let_go(request, NULL);
    }
    session->phase = session->link ? session->phase : PHASE_READY;
}
