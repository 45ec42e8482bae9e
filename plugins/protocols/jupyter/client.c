/* SPDX-License-Identifier: Apache-2.0
 * A client channel: sockets, the first contact, sending and receiving. All of it runs on the
 * channel's one thread. Called by jupyter.c and request.c. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "endpoint.h"
#include "scan.h"

#define MONITOR_ADDRESS "inproc://control-events"
#define LINGER_MS 200   /* a last interrupt may leave */
#define ASK_AGAIN_MS 20 /* first wait for an answer to kernel_info_request, then doubled … */
#define ASK_AGAIN_MOST_MS 500 /* … up to this */
#define KEEPALIVE_S 30        /* TCP's own, against a host that vanished: wakes nobody */

int64_t client_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int client_wait(int64_t deadline, int64_t other)
{
    if (deadline < 0 || (other >= 0 && other < deadline))
        deadline = other;
    if (deadline < 0)
        return -1;
    int64_t left = deadline - client_now();
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* ---- messages ---- */

int client_send(struct client *client, enum transport_channel channel, const char *msg_type,
                const json_t *content, char ret_id[WIRE_NAME_MAX], struct text *header)
{
    struct wire_outgoing message;
    int result = wire_encode(&client->session, client->signer, msg_type, (struct span){"", 0},
                             content, &message);
    if (result < 0)
        return result;
    wire_message_id(&message, ret_id);
    if (header)
        text_add(header, message.header.data, message.header.size);
    return wire_send(client->sockets[channel], NULL, 0, &message);
}

int client_receive(struct client *client, enum transport_channel channel,
                   struct client_message *ret_message)
{
    const char *why;
    size_t topics = channel == TRANSPORT_IOPUB;
    struct wire_frames *frames = &client->frames;
    for (;;) {
        int result = wire_receive(client->sockets[channel], frames);
        if (result < 0)
            return result;
        if (frames->count < topics ||
            wire_decode(client->signer, NULL, frames->spans + topics, frames->count - topics,
                        &ret_message->wire, &why) < 0)
            continue; /* not from our kernel: no business of this channel */
        ret_message->content = scan_json(ret_message->wire.content, &why);
        if (json_is_object(ret_message->content))
            return 0;
        json_decref(ret_message->content);
    }
}

void client_watch(struct client *client)
{
    zmq_msg_t event;
    uint16_t number;
    zmq_msg_init(&event);
    while (zmq_msg_recv(&event, client->monitor, ZMQ_DONTWAIT) >= 0) {
        if (!zmq_msg_more(&event) || zmq_msg_size(&event) < sizeof number)
            continue; /* the frame with the address */
        memcpy(&number, zmq_msg_data(&event), sizeof number);
        client->connected = number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        client->losses += number == ZMQ_EVENT_DISCONNECTED;
    }
    zmq_msg_close(&event);
}

/* ---- the sockets ---- */

static void set_option(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static int open_socket(struct client *client, enum transport_channel channel,
                       const struct endpoint_base *base, const struct connection *connection,
                       const struct curve *own)
{
    static const int types[] = {ZMQ_DEALER, ZMQ_DEALER, ZMQ_DEALER, ZMQ_SUB};
    char address[ENDPOINT_MAX];
    void *socket = zmq_socket(client->context, types[channel]);
    client->sockets[channel] = socket;
    if (!socket)
        return LLMSPELL_EIO;
    set_option(socket, ZMQ_LINGER, LINGER_MS);
    set_option(socket, ZMQ_SNDHWM, 0);
    set_option(socket, ZMQ_RCVHWM, 0);
    set_option(socket, ZMQ_IPV6, base->ipv6);
    set_option(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_option(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_S);
    if (channel == TRANSPORT_IOPUB)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    else
        zmq_setsockopt(socket, ZMQ_ROUTING_ID, client->session.id, WIRE_ID_SIZE - 1);
    if (channel == TRANSPORT_CONTROL) {
        client->monitor = zmq_socket(client->context, ZMQ_PAIR);
        if (!client->monitor ||
            zmq_socket_monitor(socket, MONITOR_ADDRESS,
                               ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) < 0 ||
            zmq_connect(client->monitor, MONITOR_ADDRESS) < 0)
            return LLMSPELL_EIO;
        set_option(client->monitor, ZMQ_LINGER, 0);
    }
    if (own->secret_key[0] && curve_connect(own, connection->curve.public_key, socket) < 0)
        return LLMSPELL_EIO;
    if (endpoint_connect_address(base, connection->ports[channel], address) < 0 ||
        zmq_connect(socket, address) < 0)
        return LLMSPELL_EINVAL;
    return 0;
}

/* Our half of the encryption, if the kernel wants one: made for this channel, known to nobody. */
static int32_t make_curve(struct llmspell_call *call, const struct connection *connection,
                          struct curve *ret_own)
{
    char message[256];
    *ret_own = (struct curve){0};
    if (!connection->curve.public_key[0] && connection->curve.secret_key[0])
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/curve_publickey",
                                "the connection file is not usable: curve_publickey is missing");
    int result = connection->curve.public_key[0] ? curve_make(ret_own, message, sizeof message) : 0;
    return result < 0 ? llmspell_fail(call, result, "%s", message) : 0;
}

static int32_t open_sockets(struct llmspell_call *call, struct client *client,
                            const struct connection *connection, const struct curve *own)
{
    struct endpoint_base base;
    char message[256];
    if (!connection->ip[0] || endpoint_base_init(&base, connection->transport, connection->ip,
                                                 message, sizeof message) < 0)
        return llmspell_fail(call, LLMSPELL_EINVAL,
                             "the connection file is not usable: bad "
                             "transport or ip");
    client->context = zmq_ctx_new();
    if (!client->context)
        return llmspell_fail(call, LLMSPELL_EIO, "no ZeroMQ context: %s", strerror(errno));
    for (int i = 0; i <= TRANSPORT_IOPUB; i++) {
        if (connection->ports[i] == 0)
            return llmspell_fail(call, LLMSPELL_EINVAL,
                                 "the connection file is not usable: %s is missing",
                                 transport_port_names[i]);
        int result = open_socket(client, (enum transport_channel)i, &base, connection, own);
        if (result < 0)
            return llmspell_fail(call, result, "cannot connect to %s %d of %s: %s",
                                 transport_port_names[i], connection->ports[i], connection->ip,
                                 zmq_strerror(zmq_errno()));
    }
    return 0;
}

/* ---- first contact ---- */

/* What client_greet has seen so far. */
struct greeting {
    int replied;    /* the kernel answered */
    int subscribed; /* its events arrive */
};

static void greet_receive(struct client *client, enum transport_channel channel,
                          struct greeting *greeting)
{
    struct client_message message;
    while (client_receive(client, channel, &message) == 0) {
        if (channel == TRANSPORT_IOPUB)
            greeting->subscribed = 1; /* signed with our key, so the subscription works */
        else if (strcmp(message.wire.msg_type, "kernel_info_reply") == 0)
            greeting->replied = 1;
        json_decref(message.content);
    }
}

/* The kernel's process is gone and nobody took its port: no use to wait. */
static int is_gone(const struct client *client, const json_t *object)
{
    json_int_t pid = json_integer_value(json_object_get(object, "pid"));
    return !client->connected && pid > 0 && pid <= INT32_MAX && kill((pid_t)pid, 0) < 0 &&
           errno == ESRCH;
}

static int32_t greet_failed(struct llmspell_call *call, const struct client *client,
                            const struct connection *connection, int32_t code)
{
    if (code == LLMSPELL_ENETWORK)
        return llmspell_fail(call, code,
                             "the kernel on %s port %d is gone; its connection file is stale",
                             connection->ip, connection->ports[TRANSPORT_CONTROL]);
    return llmspell_fail(call, code,
                         client->connected
                             ? "the kernel on %s port %d does not answer in time; is the key right?"
                             : "nothing answers on %s port %d; does the kernel run?",
                         connection->ip, connection->ports[TRANSPORT_CONTROL]);
}

/* Waits for messages until the greeting is complete or it is time to ask again. */
static int32_t greet_wait(struct llmspell_call *call, struct client *client,
                          const struct connection *connection, const json_t *object,
                          int64_t deadline, int64_t again, struct greeting *greeting)
{
    do {
        zmq_pollitem_t items[] = {{client->sockets[TRANSPORT_CONTROL], 0, ZMQ_POLLIN, 0},
                                  {client->sockets[TRANSPORT_IOPUB], 0, ZMQ_POLLIN, 0},
                                  {client->monitor, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, 3, client_wait(deadline, again));
        client_watch(client);
        greet_receive(client, TRANSPORT_CONTROL, greeting);
        greet_receive(client, TRANSPORT_IOPUB, greeting);
        if (greeting->replied && greeting->subscribed)
            return 0;
        if (is_gone(client, object))
            return greet_failed(call, client, connection, LLMSPELL_ENETWORK);
        if (deadline >= 0 && client_now() >= deadline)
            return greet_failed(call, client, connection, LLMSPELL_ETIMEOUT);
    } while (client_now() < again);
    return 0;
}

/* Asks until the kernel has answered and its events arrive. A client that was not subscribed yet
 * when the answer's events went out must ask again (a kernel with iopub_welcome spares it that). */
static int32_t client_greet(struct llmspell_call *call, struct client *client,
                            const struct connection *connection, const json_t *object,
                            int32_t timeout_ms)
{
    struct greeting greeting = {0};
    int64_t deadline = timeout_ms < 0 ? -1 : client_now() + timeout_ms;
    int64_t wait = ASK_AGAIN_MS;
    char id[WIRE_NAME_MAX];
    while (!greeting.replied || !greeting.subscribed) {
        if (client_send(client, TRANSPORT_CONTROL, "kernel_info_request", NULL, id, NULL) < 0)
            return llmspell_fail(call, LLMSPELL_ENETWORK,
                                 "what listens on %s port %d refuses the connection: other curve "
                                 "keys, or another protocol; is the connection file the one of "
                                 "the kernel that runs?",
                                 connection->ip, connection->ports[TRANSPORT_CONTROL]);
        int32_t result =
            greet_wait(call, client, connection, object, deadline, client_now() + wait, &greeting);
        if (result < 0)
            return result;
        wait = wait * 2 < ASK_AGAIN_MOST_MS ? wait * 2 : ASK_AGAIN_MOST_MS;
    }
    return 0;
}

int32_t client_connect(struct llmspell_call *call, const struct connection *connection,
                       const json_t *object, int32_t timeout_ms, struct client **ret_client)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    int32_t result = 0;
    struct span key = {connection->key, connection->key_size};
    if (wire_session_init(&client->session) < 0)
        result = llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "no random bytes for a session");
    else if (signer_new(key, &client->signer) < 0)
        result = llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    struct curve own = {0};
    if (result == 0)
        result = make_curve(call, connection, &own);
    if (result == 0)
        result = open_sockets(call, client, connection, &own);
    curve_clear(&own);
    if (result == 0)
        result = client_greet(call, client, connection, object, timeout_ms);
    if (result < 0)
        client_free(client);
    else
        *ret_client = client;
    return result;
}

void client_free(struct client *client)
{
    if (!client)
        return;
    wire_clear(&client->frames);
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        if (client->sockets[i])
            zmq_close(client->sockets[i]);
    if (client->monitor)
        zmq_close(client->monitor);
    if (client->context)
        while (zmq_ctx_term(client->context) < 0 && errno == EINTR)
            ;
    signer_free(client->signer);
    free(client);
}
