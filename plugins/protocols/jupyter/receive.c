/* SPDX-License-Identifier: Apache-2.0
 * What clients send: requests for the kernel, with where their replies go; answers on stdin;
 * subscriptions. Replies are sent by whichever thread of the kernel has them. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "server.h"
#include "../shared/text.h"

#define TOPIC_MAX 1024  /* bytes of a subscription that is welcomed */
#define STDIN_TRIES 20  /* to reach a client's stdin channel … */
#define STDIN_TRY_MS 20 /* … this far apart */

/* Where a request came from: kept until the kernel is done with it. */
struct origin {
    atomic_uint refs;
    enum transport_channel channel;
    int unanswered; /* comm_msg and the like: the protocol has no reply */
    struct server *server;
    struct span header;
    size_t identity_count;
    struct span identities[]; /* then the bytes of all */
};

/* The length of the word before "_request"; 0 if msg_type does not end so. */
static size_t request_stem(const char *msg_type)
{
    static const char end[] = "_request";
    size_t size = strlen(msg_type), stem = size < sizeof end ? 0 : size - (sizeof end - 1);
    return strcmp(msg_type + stem, end) == 0 ? stem : 0;
}

/* ---- where a request came from ---- */

static struct origin *origin_new(struct server *server, enum transport_channel channel,
                                 const struct wire_message *message)
{
    size_t count = message->identity_count, size = message->header.size;
    for (size_t i = 0; i < count; i++)
        size += message->identities[i].size;
    struct origin *origin = malloc(sizeof *origin + count * sizeof(struct span) + size);
    if (!origin)
        return NULL;
    char *bytes = (char *)&origin->identities[count];
    atomic_init(&origin->refs, 2); /* the kernel's and ours while we submit */
    origin->channel = channel;
    origin->unanswered = request_stem(message->msg_type) == 0;
    origin->server = server;
    origin->identity_count = count;
    for (size_t i = 0; i < count; i++) {
        origin->identities[i] = (struct span){bytes, message->identities[i].size};
        memcpy(bytes, message->identities[i].data, message->identities[i].size);
        bytes += message->identities[i].size;
    }
    origin->header = (struct span){bytes, message->header.size};
    memcpy(bytes, message->header.data, message->header.size);
    atomic_fetch_add(&server->refs, 1);
    return origin;
}

static void origin_unref(struct origin *origin, unsigned count)
{
    if (atomic_fetch_sub(&origin->refs, count) != count)
        return;
    server_unref(origin->server);
    free(origin);
}

/* ---- out ---- */

static void publish(struct server *server, const char *msg_type, struct span parent,
                    const json_t *content)
{
    struct span topic = {msg_type, strlen(msg_type)};
    server_send(server, TRANSPORT_IOPUB, &topic, 1, msg_type, parent, content);
}

static void publish_new(struct server *server, const char *msg_type, struct span parent,
                        json_t *content)
{
    publish(server, msg_type, parent, content);
    json_decref(content);
}

/* The version in kernel_info_reply is this protocol's, whatever the kernel wrote; its object may be
 * shared, so that a change goes into a copy. */
static json_t *with_version(json_t *content)
{
    const char *version = llmspell_string(content, "protocol_version");
    if (version && strcmp(version, WIRE_VERSION) == 0)
        return content;
    json_t *copy = json_copy(content);
    if (!copy || json_object_set_new(copy, "protocol_version", json_string(WIRE_VERSION)) < 0) {
        json_decref(copy);
        return content;
    }
    json_decref(content);
    return copy;
}

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct origin *origin = data;
    if (origin->unanswered) {
        json_decref(content);
        return;
    }
    if (strcmp(msg_type, "kernel_info_reply") == 0)
        content = with_version(content);
    server_send(origin->server, origin->channel, origin->identities, origin->identity_count,
                msg_type, origin->header, content);
    json_decref(content);
}

static void on_done(void *data)
{
    origin_unref(data, 1);
}

/* ---- stdin ---- */

static void ignore_reply(void *data, const char *msg_type, json_t *content)
{
    (void)data;
    (void)msg_type;
    json_decref(content);
}

static void submit_input(struct server *server, json_t *content, struct span parent)
{
    struct llmspell_request request = {
        .size = sizeof request,
        .flags = LLMSPELL_REQUEST_CONTROL,
        .msg_type = "input_reply",
        .content = content,
        .parent = parent.data,
        .parent_size = (uint32_t)parent.size,
        .reply = ignore_reply,
    };
    if (server->kernel->submit(server->ctx, &request) < 0)
        server_warn(server, "jupyter: an input_reply came, but nothing waits for input");
}

/* A client may ask before its stdin channel is through: it gets a moment. ROUTER sockets tell of no
 * connection, so this looks again instead of waiting for an event. */
static int send_question(struct origin *origin, const json_t *content)
{
    int result = LLMSPELL_EUNAVAILABLE;
    for (int i = 0; i < STDIN_TRIES && result == LLMSPELL_EUNAVAILABLE; i++) {
        if (i)
            poll(NULL, 0, STDIN_TRY_MS);
        result = server_send(origin->server, TRANSPORT_STDIN, origin->identities,
                             origin->identity_count, "input_request", origin->header, content);
    }
    return result;
}

static void on_input(void *data, json_t *content)
{
    struct origin *origin = data;
    struct server *server = origin->server;
    int result = send_question(origin, content);
    json_decref(content);
    if (result < 0) { /* the code that asks must not wait for ever */
        server_warn(server, "jupyter: input was asked for, but the client has no stdin channel");
        submit_input(server, json_pack("{s:n}", "value"), origin->header);
    }
}

static void receive_stdin(struct server *server, const struct wire_message *message)
{
    const char *why = "not an object";
    json_t *content = scan_json(message->content, &why);
    if (strcmp(message->msg_type, "input_reply") != 0 || !json_is_object(content)) {
        server_warn(server,
                    "jupyter: a message on stdin was dropped: %.64s is not a good input_reply",
                    message->msg_type);
        json_decref(content);
        return;
    }
    submit_input(server, content, message->header);
}

/* ---- requests ---- */

static json_t *refusal(int32_t code, const char *msg_type, const char *why)
{
    char evalue[256];
    const char *ename = "UnknownMessage";
    if (why) {
        ename = "InvalidMessage";
        snprintf(evalue, sizeof evalue, "the content of %.64s is not a JSON object: %s", msg_type,
                 why);
    } else if (code == LLMSPELL_EBUSY) {
        ename = "ShuttingDown";
        snprintf(evalue, sizeof evalue, "the kernel is shutting down and takes no more requests");
    } else if (code == LLMSPELL_EUNAVAILABLE) { /* as what was on its way is answered */
        ename = llmspell_error_name(code);
        snprintf(evalue, sizeof evalue, "the protocol plugin is stopped or replaced: ask again");
    } else if (code == LLMSPELL_EINVAL) {
        snprintf(evalue, sizeof evalue, "this kernel does not know %.64s", msg_type);
    } else {
        ename = llmspell_error_name(code);
        snprintf(evalue, sizeof evalue, "%.64s was not taken: %s", msg_type,
                 llmspell_error_text(code));
    }
    return json_pack("{s:s, s:s, s:s, s:[]}", "status", "error", "ename", ename, "evalue", evalue,
                     "traceback");
}

/* The deprecated way to ask for the ports. */
static json_t *connect_reply(const struct server *server)
{
    const int *ports = server->connection.ports;
    return json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "status", "ok", "shell_port",
                     ports[TRANSPORT_SHELL], "iopub_port", ports[TRANSPORT_IOPUB], "stdin_port",
                     ports[TRANSPORT_STDIN], "control_port", ports[TRANSPORT_CONTROL], "hb_port",
                     ports[TRANSPORT_HB]);
}

static void answer_request(struct origin *origin, const char *msg_type, json_t *reply)
{
    char reply_type[WIRE_NAME_MAX];
    snprintf(reply_type, sizeof reply_type, "%.*s_reply", (int)request_stem(msg_type), msg_type);
    on_reply(origin, reply_type, reply);
}

/* Answers what the kernel did not take: clients wait for the reply and for idle. */
static void refuse(struct origin *origin, const struct wire_message *message, int32_t code,
                   const char *why)
{
    struct server *server = origin->server;
    const char *msg_type = message->msg_type;
    publish_new(server, "status", origin->header, json_pack("{s:s}", "execution_state", "busy"));
    if (code == LLMSPELL_EINVAL && !why && strcmp(msg_type, "connect_request") == 0) {
        answer_request(origin, msg_type, connect_reply(server));
    } else {
        json_t *reply = refusal(code, msg_type, why);
        const char *evalue = llmspell_string(reply, "evalue");
        server_warn(server, "jupyter: a message was refused: %s",
                    evalue ? evalue : "out of memory");
        answer_request(origin, msg_type, reply);
    }
    if (!why && strcmp(msg_type, "comm_open") == 0) { /* nobody here has that target */
        const char *unused;
        json_t *content = scan_json(message->content, &unused);
        json_t *id = json_object_get(content, "comm_id");
        publish_new(server, "comm_close", origin->header,
                    json_pack("{s:O?, s:{}}", "comm_id", id, "data"));
        json_decref(content);
    }
    publish_new(server, "status", origin->header, json_pack("{s:s}", "execution_state", "idle"));
}

/* Submits a message of a comm: with its metadata and buffers, at which nobody looks in others. */
static int32_t submit_comm(struct server *server, struct llmspell_request *request,
                           const struct wire_message *message)
{
    struct llmspell_buffer buffers[WIRE_FRAMES_MAX];
    const char *unused;
    LLMSPELL_CLEANUP_JSON json_t *metadata = scan_json(message->metadata, &unused);
    for (size_t i = 0; i < message->buffer_count; i++)
        buffers[i] = (struct llmspell_buffer){message->buffers[i].data, message->buffers[i].size};
    request->metadata = metadata;
    request->buffers = buffers;
    request->buffer_count = (uint32_t)message->buffer_count;
    return server->kernel->submit(server->ctx, request);
}

static void receive_request(struct server *server, enum transport_channel channel,
                            const struct wire_message *message)
{
    const char *why = "it is another value";
    json_t *content = scan_json(message->content, &why);
    struct origin *origin = origin_new(server, channel, message);
    if (!origin) {
        json_decref(content);
        server_warn(server, "jupyter: %.64s was dropped: out of memory", message->msg_type);
        return;
    }
    if (!json_is_object(content)) {
        json_decref(content);
        refuse(origin, message, LLMSPELL_EINVAL, why);
        origin_unref(origin, 2);
        return;
    }
    struct llmspell_request request = {
        .size = sizeof request,
        .flags = channel == TRANSPORT_CONTROL ? LLMSPELL_REQUEST_CONTROL : 0,
        .msg_type = message->msg_type,
        .content = content,
        .parent = origin->header.data,
        .parent_size = (uint32_t)origin->header.size,
        .data = origin,
        .reply = on_reply,
        .input = !origin->unanswered && !json_is_false(json_object_get(content, "allow_stdin"))
                     ? on_input
                     : NULL,
        .done = on_done,
    };
    int32_t result = !origin->unanswered ? server->kernel->submit(server->ctx, &request)
                                         : submit_comm(server, &request, message);
    if (result < 0)
        refuse(origin, message, result, NULL);
    origin_unref(origin, result < 0 ? 2 : 1);
}

/* Tells a subscriber that it hears: what it sees from now on is complete. */
static void welcome(struct server *server, struct span frame)
{
    if (frame.size < 1 || frame.size > TOPIC_MAX || frame.data[0] != 1)
        return; /* an unsubscription, or no business of anybody's */
    struct span topic = {frame.data + 1, frame.size - 1};
    struct text name;
    char buffer[64];
    const char *why;
    text_init(&name, buffer, sizeof buffer);
    text_add_string(&name, topic.data, topic.size);
    json_t *subscription =
        name.failed ? NULL : scan_json((struct span){name.data, name.size}, &why);
    json_t *content = json_pack("{s:o}", "subscription", subscription);
    if (content)
        server_send(server, TRANSPORT_IOPUB, &topic, 1, "iopub_welcome", SPAN_LITERAL("{}"),
                    content);
    json_decref(content);
    text_clear(&name);
}

void server_receive(void *data, enum transport_channel channel, const struct span *frames,
                    size_t count)
{
    struct server *server = data;
    struct wire_message message;
    const char *why;
    if (channel == TRANSPORT_IOPUB) {
        if (count == 1)
            welcome(server, frames[0]);
        return;
    }
    if (wire_decode(server->signer, server->connection.key_size ? server->replay : NULL, frames,
                    count, &message, &why) < 0) {
        server_warn(server, "jupyter: a message on port %d was dropped: %s",
                    server->connection.ports[channel], why);
        return;
    }
    if (channel == TRANSPORT_STDIN)
        receive_stdin(server, &message);
    else
        receive_request(server, channel, &message);
}
