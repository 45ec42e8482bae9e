/* SPDX-License-Identifier: Apache-2.0
 * Wire: [<IDS|MSG>, signature, {"kernel_id", "control_port", …}] there, [<IDS|MSG>, signature, ACK]
 * back; each signature is over the one frame behind it. */
#include "register.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "endpoint.h"

/* ---- the file ---- */

static int read_port(struct registration *registration, const json_t *value)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    long long port = text ? strtoll(text, &end, 10) : json_integer_value(value);
    if (text &&
        (text[0] < '0' || text[0] > '9' || *end || strlen(text) != json_string_length(value)))
        return LLMSPELL_EINVAL;
    if (port < 1 || port > 65535)
        return LLMSPELL_EINVAL;
    registration->text_ports = text != NULL;
    snprintf(registration->port, sizeof registration->port, "%d", (int)port);
    return 0;
}

int registration_read(struct registration *registration, const json_t *object, char *message,
                      size_t size, const char **ret_path)
{
    const json_t *port = json_object_get(object, "registration_port");
    const json_t *ip = json_object_get(object, "registration_ip");
    const json_t *id = json_object_get(object, "kernel_id");
    *registration = (struct registration){.wanted = port || ip};
    if (!registration->wanted)
        return 0;
    *ret_path = "/registration_port";
    if (read_port(registration, port) < 0) {
        snprintf(message, size, "registration_port must be a number from 1 to 65535 (or its text)");
        return LLMSPELL_EINVAL;
    }
    *ret_path = "/registration_ip";
    size_t length = json_string_length(ip);
    if (length == 0 || length >= sizeof registration->ip ||
        strlen(json_string_value(ip)) != length) {
        snprintf(message, size, "registration_ip must be a string of less than %zu bytes",
                 sizeof registration->ip);
        return LLMSPELL_EINVAL;
    }
    memcpy(registration->ip, json_string_value(ip), length + 1);
    *ret_path = "/kernel_id";
    if (id && !json_is_null(id) && !json_is_string(id)) {
        snprintf(message, size, "kernel_id must be a string");
        return LLMSPELL_EINVAL;
    }
    registration->kernel_id = json_string_value(id);
    *ret_path = "/key";
    if (!json_is_string(json_object_get(object, "key"))) {
        snprintf(message, size, "a registration file must have a key: it signs the handshake");
        return LLMSPELL_EINVAL;
    }
    return 0;
}

/* ---- the messages ---- */

int registration_write(const struct registration *registration, const struct connection *connection,
                       struct text *text)
{
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s*}", "kernel_id", registration->kernel_id);
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        char digits[16];
        snprintf(digits, sizeof digits, "%d", connection->ports[i]);
        json_object_set_new(content, transport_port_names[i],
                            registration->text_ports ? json_string(digits)
                                                     : json_integer(connection->ports[i]));
    }
    text_add_json(text, content);
    return !content || text->failed ? LLMSPELL_ENOMEM : 0;
}

int registration_check(struct signer *signer, const struct span *frames, size_t count,
                       struct span sent, const char **ret_why)
{
    size_t at = 0;
    while (at < count && at < WIRE_FRAMES_MAX && !span_is(frames[at], WIRE_DELIMITER))
        at++;
    *ret_why = "it is not [<IDS|MSG>, signature, ACK]";
    if (count > WIRE_FRAMES_MAX || count - at != 3)
        return LLMSPELL_EPROTO;
    const struct span *content = frames + at + 2;
    *ret_why = "its signature is wrong";
    if (signer_check(signer, frames[at + 1], content, 1) < 0)
        return LLMSPELL_EPERM;
    *ret_why = "it is our own message";
    if (content->size == sent.size && memcmp(content->data, sent.data, sent.size) == 0)
        return LLMSPELL_EPERM;
    return 0;
}

/* ---- the exchange ---- */

struct exchange {
    struct llmspell_call *call;
    struct signer *signer;
    void *context, *socket;
    char address[ENDPOINT_MAX];
    struct text sent;
    struct wire_frames *frames;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int32_t open_socket(struct exchange *x, const struct registration *registration,
                           const char *transport)
{
    struct endpoint_base base;
    char message[256];
    int zero = 0;
    int result = endpoint_base_init(&base, transport, registration->ip, message, sizeof message);
    if (result < 0)
        return llmspell_fail_at(x->call, result, "/registration_ip", "%s", message);
    if (endpoint_connect_address(&base, (int)strtol(registration->port, NULL, 10), x->address) < 0)
        return llmspell_fail_at(x->call, LLMSPELL_EINVAL, "/registration_ip",
                                "registration_ip is too long for a socket: %s", registration->ip);
    x->context = zmq_ctx_new();
    x->socket = x->context ? zmq_socket(x->context, ZMQ_DEALER) : NULL;
    x->frames = calloc(1, sizeof *x->frames);
    if (!x->socket || !x->frames)
        return llmspell_fail(x->call, LLMSPELL_EIO, "no ZeroMQ socket: %s", strerror(errno));
    zmq_setsockopt(x->socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(x->socket, ZMQ_IPV6, &base.ipv6, sizeof base.ipv6);
    if (zmq_connect(x->socket, x->address) < 0)
        return llmspell_fail_at(x->call, LLMSPELL_EINVAL, "/registration_ip",
                                "cannot connect to %s: %s; check transport, registration_ip and "
                                "registration_port",
                                x->address, zmq_strerror(zmq_errno()));
    return 0;
}

static int32_t send_ports(struct exchange *x)
{
    char signature[SIGN_SIZE];
    size_t size = 0;
    struct span content = {x->sent.data, x->sent.size};
    int result = signer_sign(x->signer, &content, 1, signature, &size);
    if (result == 0 &&
        (zmq_send(x->socket, WIRE_DELIMITER, sizeof WIRE_DELIMITER - 1, ZMQ_SNDMORE) < 0 ||
         zmq_send(x->socket, signature, size, ZMQ_SNDMORE) < 0 ||
         zmq_send(x->socket, content.data, content.size, 0) < 0))
        result = LLMSPELL_EIO;
    return result < 0 ? llmspell_fail(x->call, result, "cannot send the ports to %s", x->address)
                      : 0;
}

static int32_t wait_acknowledgement(struct exchange *x)
{
    const char *why;
    int64_t deadline = now_ms() + REGISTER_WAIT_MS;
    int result = LLMSPELL_EUNAVAILABLE;
    while (result == LLMSPELL_EUNAVAILABLE) {
        zmq_pollitem_t item = {x->socket, 0, ZMQ_POLLIN, 0};
        int64_t left = deadline - now_ms();
        if (left <= 0)
            return llmspell_fail(x->call, LLMSPELL_EUNAVAILABLE,
                                 "the ports were sent to %s, but no acknowledgement came within "
                                 "%d s; does what started this kernel still wait for it?",
                                 x->address, REGISTER_WAIT_MS / 1000);
        zmq_poll(&item, 1, (long)left);
        result = wire_receive(x->socket, x->frames);
    }
    if (result == 0)
        result = registration_check(x->signer, x->frames->spans, x->frames->count,
                                    (struct span){x->sent.data, x->sent.size}, &why);
    else
        why = "it cannot be read";
    return result < 0 ? llmspell_fail(x->call, result,
                                      "%s sent a bad acknowledgement (%s), so this kernel ends; is "
                                      "the key of the registration file right?",
                                      x->address, why)
                      : 0;
}

int32_t registration_run(struct llmspell_call *call, const struct registration *registration,
                         const struct connection *connection, struct signer *signer)
{
    char buffer[512];
    struct exchange x = {.call = call, .signer = signer};
    text_init(&x.sent, buffer, sizeof buffer);
    int32_t result = registration_write(registration, connection, &x.sent);
    if (result < 0)
        llmspell_fail(call, result, "out of memory");
    if (result == 0)
        result = open_socket(&x, registration, connection->transport);
    if (result == 0)
        result = send_ports(&x);
    if (result == 0)
        result = wait_acknowledgement(&x);
    if (x.frames)
        wire_clear(x.frames);
    free(x.frames);
    if (x.socket)
        zmq_close(x.socket);
    if (x.context)
        while (zmq_ctx_term(x.context) < 0 && errno == EINTR)
            ;
    text_clear(&x.sent);
    return result;
}
