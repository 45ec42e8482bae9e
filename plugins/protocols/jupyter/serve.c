/* SPDX-License-Identifier: Apache-2.0
 * The serving half: its life, and what goes out to clients. What they send: receive.c. */
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "server.h"

#define WARNINGS_A_SECOND 5 /* about what peers send: they must not fill the disk */

void server_unref(struct server *server)
{
    if (!server || atomic_fetch_sub(&server->refs, 1) != 1)
        return;
    transport_free(server->transport);
    signer_free(server->signer);
    replay_free(server->replay);
    pthread_mutex_destroy(&server->warn_lock);
    connection_wipe(&server->connection);
    free(server);
}

__attribute__((format(printf, 2, 3))) void server_warn(struct server *server, const char *format,
                                                       ...)
{
    char line[512], hidden[64] = "";
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&server->warn_lock);
    if (now.tv_sec != server->warn_second) {
        if (server->warn_hidden)
            snprintf(hidden, sizeof hidden, " (and %u more that were not logged)",
                     server->warn_hidden);
        server->warn_second = now.tv_sec;
        server->warn_count = server->warn_hidden = 0;
    }
    int show = server->warn_count++ < WARNINGS_A_SECOND;
    server->warn_hidden += !show;
    pthread_mutex_unlock(&server->warn_lock);
    if (!show)
        return;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line - sizeof hidden, format, args);
    va_end(args);
    if (size >= 0)
        strncat(line, hidden, sizeof line - strlen(line) - 1);
    server->host->log(server->ctx, LLMSPELL_LOG_WARN, line);
}

/* ---- out ---- */

static int send_with(struct server *server, enum transport_channel channel,
                     const struct span *prefix, size_t count, const char *msg_type,
                     struct span parent, const json_t *content, const struct wire_extra *extra)
{
    struct wire_outgoing message;
    int result = wire_encode_with(&server->session, server->signer, msg_type, parent, content,
                                  extra, &message);
    if (result == 0)
        result = transport_send(server->transport, channel, prefix, count, &message);
    if (result < 0 && result != LLMSPELL_EUNAVAILABLE)
        server_warn(server, "jupyter: %s could not be sent: %s", msg_type,
                    llmspell_error_text(result));
    return result;
}

int server_send(struct server *server, enum transport_channel channel, const struct span *prefix,
                size_t count, const char *msg_type, struct span parent, const json_t *content)
{
    static const struct wire_extra nothing;
    return send_with(server, channel, prefix, count, msg_type, parent, content, &nothing);
}

static void on_event(void *data, const struct llmspell_message *message)
{
    struct span topic = {message->msg_type, strlen(message->msg_type)};
    struct span parent = {message->parent, message->parent_size};
    struct wire_extra extra = {0};
    if (message->size > offsetof(struct llmspell_message, buffer_count))
        extra = (struct wire_extra){message->metadata, message->buffers, message->buffer_count};
    send_with(data, TRANSPORT_IOPUB, &topic, 1, message->msg_type, parent, message->content,
              &extra);
}

/* ---- start and stop ---- */

static int32_t server_bind(struct llmspell_call *call, struct server *server)
{
    struct connection *connection = &server->connection;
    struct transport_wish wish = {
        .transport = connection->transport, .ip = connection->ip, .curve = &connection->curve};
    char message[512];
    memcpy(wish.ports, connection->ports, sizeof wish.ports);
    int result = transport_open(&wish, message, sizeof message, &server->transport);
    if (result < 0)
        return llmspell_fail(call, result, "%s", message);
    snprintf(connection->ip, sizeof connection->ip, "%s", transport_ip(server->transport));
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        connection->ports[i] = transport_port(server->transport, (enum transport_channel)i);
    return 0;
}

static int32_t server_prepare(struct llmspell_call *call, struct server *server)
{
    struct connection *connection = &server->connection;
    if (!connection->has_key) {
        if (wire_random_hex(connection->key, 32) < 0)
            return llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "no random bytes for a key");
        connection->has_key = 1;
        connection->key_size = 64;
    }
    if (wire_session_init(&server->session) < 0)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "no random bytes for a session");
    int result = signer_new((struct span){connection->key, connection->key_size}, &server->signer);
    if (result == 0)
        result = replay_new(&server->replay);
    if (result < 0)
        return llmspell_fail(call, result, "out of memory");
    return server_bind(call, server);
}

static int32_t server_run(struct llmspell_call *call, struct server *server)
{
    int32_t result =
        server->kernel->subscribe(server->ctx, on_event, server, &server->subscription);
    if (result < 0)
        return llmspell_fail(call, result, "the kernel takes no subscription: %s",
                             llmspell_error_text(result));
    server->subscribed = 1;
    if (transport_start(server->transport, server_receive, server) < 0)
        return llmspell_fail(call, LLMSPELL_EIO, "cannot start a thread for the sockets");
    return 0;
}

int32_t server_start(struct llmspell_call *call, struct connection *connection,
                     const struct registration *registration, struct server **ret_server)
{
    const struct llmspell_kernel *kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    if (!kernel)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "there is no kernel in this process to serve");
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    atomic_init(&server->refs, 1);
    pthread_mutex_init(&server->warn_lock, NULL);
    server->host = call->host;
    server->ctx = call->ctx;
    server->kernel = kernel;
    server->connection = *connection;
    int32_t result = server_prepare(call, server);
    if (result == 0 && registration->wanted)
        result = registration_run(call, registration, &server->connection, server->signer);
    *connection = server->connection;
    connection_wipe(&server->connection); /* signer and sockets have theirs */
    if (result == 0)
        result = server_run(call, server);
    if (result < 0) {
        server_stop(server);
        return result;
    }
    *ret_server = server;
    return 0;
}

int server_clients(const struct server *server)
{
    return transport_clients(server->transport);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    if (server->transport)
        transport_hurry(server->transport);
    if (server->subscribed)
        server->kernel->unsubscribe(server->ctx, server->subscription);
    if (server->transport)
        transport_close(server->transport);
    server_unref(server);
}
