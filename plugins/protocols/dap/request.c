/* SPDX-License-Identifier: Apache-2.0
 * Requests on their way: each is answered once, to its client or on the bus. What the kernel is
 * asked gets a ticket, by which its reply finds the request again. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dap.h"

#define PROGRESS_MS 500 /* what takes longer is told of */
#define ERROR_ID 1      /* DAP wants a number for each kind of error; ours are texts */

struct request *request_new(struct session *session, const char *command, json_int_t seq,
                            struct llmspell_pending *pending, const char *header,
                            uint32_t header_size)
{
    struct request *request = calloc(1, sizeof *request);
    char *copy = strdup(command);
    json_t *arguments = json_object();
    if (!request || !copy || !arguments) {
        free(request);
        free(copy);
        json_decref(arguments);
        return NULL;
    }
    *request = (struct request){.next = session->dap->requests,
                                .dap = session->dap,
                                .session = session,
                                .seq = seq,
                                .command = copy,
                                .arguments = arguments,
                                .pending = pending,
                                .header = header,
                                .header_size = header_size};
    session->dap->requests = request;
    return request;
}

struct request *request_own(struct session *session, const char *command)
{
    struct request *request = request_new(session, command, 0, NULL, "", 0);
    if (request)
        request->own = true;
    return request;
}

static void end_progress(const struct request *request)
{
    if (request->announced && request->session)
        session_event(request->session, "progressEnd",
                      json_pack("{s:o}", "progressId", json_sprintf("%lld", request->seq)));
}

void request_done(struct request *request)
{
    end_progress(request);
    struct request **at = &request->dap->requests;
    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    if (request->session && request->session->launching == request)
        request->session->launching = NULL;
    json_decref(request->arguments);
    free(request->command);
    free(request);
}

/* message is taken over. */
static void send_response(struct request *request, json_t *response)
{
    struct dap *dap = request->dap;
    struct session *session = request->session;
    if (request->pending) {
        dap->kernel->answer(dap->ctx, request->pending, response);
        return;
    }
    if (session && !request->own && session->link) {
        convert_out(session, json_object_get(response, "body"));
        link_send(session->link, response);
    }
    json_decref(response);
}

static json_t *make_response(const struct request *request, bool success)
{
    struct session *session = request->session;
    return json_pack("{s:I, s:s, s:I, s:b, s:s}", "seq", session ? ++session->seq : (json_int_t)0,
                     "type", "response", "request_seq", request->seq, "success", success, "command",
                     request->command);
}

void request_respond(struct request *request, json_t *body)
{
    json_t *response = make_response(request, true);
    if (body || request->pending)
        json_object_set_new(response, "body", body ? body : json_object());
    send_response(request, response);
    request_done(request);
}

/* `message` is a word for programs, "cancelled"; people read the error's format. */
static void fail_with(struct request *request, const char *message, const char *text)
{
    json_t *response = make_response(request, false);
    json_object_set_new(response, "message", json_string(message));
    json_object_set_new(response, "body",
                        json_pack("{s:{s:i, s:s, s:{s:s}, s:b}}", "error", "id", ERROR_ID, "format",
                                  "{message}", "variables", "message", text, "showUser", 1));
    send_response(request, response);
    request_done(request);
}

void request_fail(struct request *request, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fail_with(request, message, message);
}

void request_refuse(struct request *request, const json_t *reply)
{
    const char *name = llmspell_string(reply, "ename"), *value = llmspell_string(reply, "evalue");
    bool cancelled =
        name && (strcmp(name, "KeyboardInterrupt") == 0 || strcmp(name, "cancelled") == 0);
    if (!value || !*value)
        value = name ? name : "the kernel gave no reason";
    fail_with(request, cancelled ? "cancelled" : value, value);
}

void request_answer(struct request *request, const json_t *reply)
{
    json_t *body = json_object_get(reply, "body");
    if (!llmspell_is(reply, "status", "ok"))
        request_refuse(request, reply);
    else
        request_respond(request, body ? json_deep_copy(body) : NULL);
}

/* ---- to the kernel and back ---- */

struct carrier {
    struct dap *dap;
    uint64_t ticket;
};

/* Any thread. */
static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct carrier *carrier = data;
    struct item *item = item_new(ITEM_REPLY, msg_type, "", 0);
    if (item) {
        item->content = content;
        item->ticket = carrier->ticket;
        inbox_push(&carrier->dap->inbox, item);
    } else {
        json_decref(content);
    }
    free(carrier);
}

/* A header of our own; of the bus that which came, so that output belongs to its request. */
static json_t *make_header(struct request *request, const char *msg_type)
{
    struct session *session = request->session;
    json_t *header =
        request->header_size ? json_loadb(request->header, request->header_size, 0, NULL) : NULL;
    const char *msg_id = llmspell_string(header, "msg_id");
    if (msg_id && strlen(msg_id) < sizeof request->msg_id) {
        snprintf(request->msg_id, sizeof request->msg_id, "%s", msg_id);
        return header;
    }
    json_decref(header);
    snprintf(request->msg_id, sizeof request->msg_id, "dap-%u-%llu", session->number,
             (unsigned long long)++session->asked);
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s}", "msg_id", request->msg_id, "msg_type",
                     msg_type, "session", json_sprintf("dap-%u", session->number), "username",
                     "dap", "version", LLMSPELL_MESSAGES_VERSION, "date", "");
}

void request_submit(struct request *request, const char *msg_type, json_t *content,
                    finish_fn finish)
{
    struct dap *dap = request->dap;
    LLMSPELL_CLEANUP_JSON json_t *header = make_header(request, msg_type);
    LLMSPELL_CLEANUP_FREE char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    struct carrier *carrier = malloc(sizeof *carrier);
    if (!content || !text || !carrier) {
        json_decref(content);
        free(carrier);
        request_fail(request, "out of memory");
        return;
    }
    request->finish = finish;
    request->ticket = ++dap->tickets;
    clock_gettime(CLOCK_MONOTONIC, &request->since);
    *carrier = (struct carrier){dap, request->ticket};
    bool runs = strcmp(msg_type, "execute_request") == 0;
    struct llmspell_request own = {.size = sizeof own,
                                   .flags = runs ? 0 : LLMSPELL_REQUEST_CONTROL,
                                   .msg_type = msg_type,
                                   .content = content,
                                   .parent = text,
                                   .parent_size = (uint32_t)strlen(text),
                                   .data = carrier,
                                   .reply = on_reply};
    int32_t code = dap->kernel->submit(dap->ctx, &own);
    if (code >= 0)
        return;
    free(carrier);
    request_fail(request, "the kernel does not take %s: %s", msg_type, llmspell_error_text(code));
}

void request_debuggee(struct request *request, const char *command, json_t *arguments,
                      finish_fn finish)
{
    request_submit(request, "debuggee_request",
                   json_pack("{s:s, s:o}", "command", command, "arguments",
                             arguments ? arguments : json_object()),
                   finish ? finish : request_answer);
}

static void forget(struct request *request, const json_t *reply)
{
    (void)reply;
    request_done(request);
}

void request_cancel(struct session *session, const char *msg_id)
{
    struct request *request = request_own(session, "cancel");
    if (request)
        request_submit(request, "interrupt_request", json_pack("{s:s}", "msg_id", msg_id), forget);
}

void requests_cancel(struct session *session)
{
    for (struct request *request = session->dap->requests; request; request = request->next)
        if (request->session == session && !request->own && request->ticket)
            request_cancel(session, request->msg_id);
}

struct request *request_find(const struct session *session, json_int_t seq)
{
    struct request *request = session->dap->requests;
    while (request && (request->session != session || request->seq != seq || request->own))
        request = request->next;
    return request;
}

bool requests_wait(const struct session *session)
{
    const struct request *request = session->dap->requests;
    while (request && (request->session != session || request->own || !request->ticket))
        request = request->next;
    return request;
}

struct session *requests_session(const struct dap *dap, uint64_t ticket)
{
    const struct request *request = dap->requests;
    while (request && request->ticket != ticket)
        request = request->next;
    return request ? request->session : NULL;
}

void requests_reply(struct dap *dap, uint64_t ticket, const json_t *reply)
{
    struct request *request = dap->requests;
    while (request && request->ticket != ticket)
        request = request->next;
    if (request)
        request->finish(request, reply);
}

/* Its name is the request's seq, by which it can be cancelled, too. */
static void announce(struct request *request)
{
    request->announced = true;
    session_event(request->session, "progressStart",
                  json_pack("{s:o, s:s, s:I, s:b}", "progressId",
                            json_sprintf("%lld", request->seq), "title", request->command,
                            "requestId", request->seq, "cancellable", 1));
}

static int age_of(const struct request *request)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int)((now.tv_sec - request->since.tv_sec) * 1000 +
                 (now.tv_nsec - request->since.tv_nsec) / 1000000);
}

int requests_progress(struct dap *dap)
{
    int next = -1;
    for (struct request *request = dap->requests; request; request = request->next) {
        const struct session *session = request->session;
        if (!session || !session->progress || request->own || !request->ticket ||
            request->announced)
            continue;
        int left = PROGRESS_MS - age_of(request);
        if (left <= 0)
            announce(request);
        else if (next < 0 || left < next)
            next = left;
    }
    return next;
}

void requests_forget(struct session *session)
{
    for (struct request *request = session->dap->requests; request; request = request->next)
        if (request->session == session)
            request->session = NULL;
}

void requests_clear(struct dap *dap)
{
    while (dap->requests)
        request_fail(dap->requests, "the kernel ends, or stops its protocol dap");
}
