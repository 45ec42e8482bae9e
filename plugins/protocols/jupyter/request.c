/* SPDX-License-Identifier: Apache-2.0
 * One request of a client from sending to reply and idle: events, questions for input, interrupts,
 * time limits, and a kernel that dies meanwhile. Called by jupyter.c. */
#include <poll.h>
#include <string.h>

#include <llmspell/tool.h>

#include "client.h"

#define IDLE_MS 5000          /* the idle event may come so much later than the last event */
#define IDLE_SHUTDOWN_MS 1000 /* of a kernel that ends */
#define LOST_MS 100           /* what was sent before the connection broke arrives within this */

struct exchange {
    struct client *client;
    const struct llmspell_client_request *request;
    enum transport_channel channel;
    char id[WIRE_NAME_MAX]; /* msg_id of the request */
    struct text header;     /* its header: the parent of its events */
    json_t *reply;
    json_t *question; /* an input_request that was not asked yet */
    int idle;
    int interrupted;  /* by us: it ends soon */
    int cancel_fd;    /* -1: none, or at its end */
    unsigned losses;  /* of the connection, when the exchange began */
    int64_t deadline; /* for the reply; -1: never */
    int64_t late;     /* when to go without idle, or to call the kernel gone; -1: not yet */
    char header_buffer[384];
};

/* What the executor answers waits in the shell's queue; all else is answered while it is busy. */
static enum transport_channel channel_of(const char *msg_type)
{
    static const char *const shell[] = {
        "execute_request",     "complete_request", "inspect_request",
        "is_complete_request", "history_request",  "comm_info_request",
        "comm_open",           "comm_msg",         "comm_close"};
    for (size_t i = 0; i < sizeof shell / sizeof *shell; i++)
        if (strcmp(msg_type, shell[i]) == 0)
            return TRANSPORT_SHELL;
    return TRANSPORT_CONTROL;
}

static int ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static int is_done(const struct exchange *x)
{
    return x->idle && (x->reply || !ends_with(x->request->msg_type, "_request"));
}

/* How long to wait from now on for what is still missing. */
static void set_late(struct exchange *x)
{
    if (x->client->losses != x->losses)
        x->late = client_now() + LOST_MS;
    else if (x->reply)
        x->late =
            client_now() +
            (strcmp(x->request->msg_type, "shutdown_request") == 0 ? IDLE_SHUTDOWN_MS : IDLE_MS);
}

/* ---- cancellation ---- */

/* Reads cancel_fd empty, whether or not it blocks; 1 if anything was there. At its end it is left
 * alone. */
static int read_cancel(struct exchange *x)
{
    char buffer[256];
    int came = 0;
    struct pollfd fd = {.fd = x->cancel_fd, .events = POLLIN};
    while (poll(&fd, 1, 0) > 0) {
        if (!(fd.revents & POLLIN) || read(fd.fd, buffer, sizeof buffer) <= 0) {
            x->cancel_fd = -1;
            break;
        }
        came = 1;
    }
    return came;
}

/* Interrupts this request and no other one ("msg_id" is ours; other kernels interrupt what runs).
 */
static void interrupt(struct exchange *x)
{
    char id[WIRE_NAME_MAX];
    json_t *content = json_pack("{s:s}", "msg_id", x->id);
    x->interrupted = 1;
    client_send(x->client, TRANSPORT_CONTROL, "interrupt_request", content, id, NULL);
    json_decref(content);
}

/* ---- what comes ---- */

static void take_event(struct exchange *x, const struct client_message *message)
{
    struct llmspell_message event = {
        .size = sizeof event,
        .parent_size = (uint32_t)x->header.size,
        .msg_type = message->wire.msg_type,
        .content = message->content,
        .parent = x->header.data,
    };
    if (x->request->event)
        x->request->event(x->request->data, &event);
    const char *state = llmspell_string(message->content, "execution_state");
    if (strcmp(event.msg_type, "status") == 0 && state && strcmp(state, "idle") == 0)
        x->idle = 1;
}

/* The running code asks for a line; null says that there is none. A client that was interrupted
 * while it waited for one has none to give. */
static void ask_question(struct exchange *x)
{
    char id[WIRE_NAME_MAX];
    json_t *line = NULL;
    if (x->request->input && !x->interrupted)
        line = x->request->input(x->request->data, x->question);
    json_decref(x->question);
    x->question = NULL;
    if (!line && read_cancel(x)) {
        interrupt(x);
        return;
    }
    json_t *content = json_pack("{s:o}", "value", line ? line : json_null());
    if (content)
        client_send(x->client, TRANSPORT_STDIN, "input_reply", content, id, NULL);
    json_decref(content);
}

static void take_message(struct exchange *x, enum transport_channel channel,
                         const struct client_message *message)
{
    const char *type = message->wire.msg_type;
    if (strcmp(message->wire.parent_id, x->id) != 0)
        return; /* of another client, or of a request that was given up */
    if (channel == TRANSPORT_IOPUB)
        take_event(x, message);
    else if (channel == TRANSPORT_STDIN && !x->question && strcmp(type, "input_request") == 0)
        x->question = json_incref(message->content);
    else if (channel == x->channel && !x->reply && ends_with(type, "_reply"))
        x->reply = json_incref(message->content);
}

/* What was printed before a question arrives on another socket, about as soon: it comes first. */
static void take_all(struct exchange *x)
{
    int came = 0;
    struct client_message message;
    unsigned losses = x->client->losses;
    client_watch(x->client);
    for (int i = 0; i <= TRANSPORT_IOPUB; i++)
        while (client_receive(x->client, (enum transport_channel)i, &message) == 0) {
            take_message(x, (enum transport_channel)i, &message);
            json_decref(message.content);
            came = 1;
        }
    if (x->question)
        ask_question(x);
    if (came || losses != x->client->losses)
        set_late(x);
}

/* ---- the exchange ---- */

static void wait_message(struct exchange *x)
{
    void **sockets = x->client->sockets;
    zmq_pollitem_t items[] = {{sockets[TRANSPORT_SHELL], 0, ZMQ_POLLIN, 0},
                              {sockets[TRANSPORT_CONTROL], 0, ZMQ_POLLIN, 0},
                              {sockets[TRANSPORT_STDIN], 0, ZMQ_POLLIN, 0},
                              {sockets[TRANSPORT_IOPUB], 0, ZMQ_POLLIN, 0},
                              {x->client->monitor, 0, ZMQ_POLLIN, 0},
                              {NULL, x->cancel_fd, ZMQ_POLLIN, 0}};
    int count = x->cancel_fd >= 0 ? 6 : 5;
    int64_t deadline = x->reply ? -1 : x->deadline;
    if (zmq_poll(items, count, client_wait(deadline, x->late)) > 0 && count == 6 &&
        items[5].revents && read_cancel(x))
        interrupt(x);
}

static int32_t exchange_run(struct exchange *x, struct llmspell_call *call)
{
    for (;;) {
        take_all(x);
        if (is_done(x))
            return 0;
        int64_t now = client_now();
        if (x->late >= 0 && now >= x->late) {
            if (x->reply)
                return 0; /* without idle: the reply is what counts */
            return llmspell_fail(call, LLMSPELL_ENETWORK,
                                 "the kernel went away before it answered %s",
                                 x->request->msg_type);
        }
        if (!x->reply && x->deadline >= 0 && now >= x->deadline) {
            interrupt(x); /* nobody waits for it any more */
            return llmspell_fail(call, LLMSPELL_ETIMEOUT, "no reply to %s within %d ms",
                                 x->request->msg_type, (int)x->request->timeout_ms);
        }
        wait_message(x);
    }
}

int32_t client_request(struct client *client, struct llmspell_call *call,
                       const struct llmspell_client_request *request, json_t **ret_reply)
{
    struct exchange x = {
        .client = client,
        .request = request,
        .channel = channel_of(request->msg_type),
        .cancel_fd = request->cancel_fd,
        .deadline = request->timeout_ms < 0 ? -1 : client_now() + request->timeout_ms,
        .late = -1,
    };
    client_watch(client);
    if (!client->connected)
        return llmspell_fail(call, LLMSPELL_ENETWORK, "the kernel is gone; %s was not sent",
                             request->msg_type);
    x.losses = client->losses;
    text_init(&x.header, x.header_buffer, sizeof x.header_buffer);
    int32_t result =
        client_send(client, x.channel, request->msg_type, request->content, x.id, &x.header);
    if (result < 0)
        result = llmspell_fail(call, result, "cannot send %s: %s", request->msg_type,
                               llmspell_error_text(result));
    else
        result = exchange_run(&x, call);
    text_clear(&x.header);
    if (result < 0)
        json_decref(x.reply);
    else
        *ret_reply = x.reply ? x.reply : json_object();
    return result;
}
