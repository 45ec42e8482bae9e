/* SPDX-License-Identifier: Apache-2.0
 * The Jupyter protocol plugin: the descriptor, the settings of [protocol.jupyter], and the way into
 * the two halves. Loaded by the host for `kernel start` and by every command with --kernel. */
#include <llmspell/protocol.h>
#include <llmspell/tool.h>

#include "client.h"
#include "serve.h"

struct jupyter {
    struct connection defaults; /* of the configuration */
    int allow_unsigned;
    int curve; /* make keys for the encryption */
    struct server *server;
};

static int32_t jupyter_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    char message[256];
    const char *path;
    struct jupyter *self = calloc(1, sizeof *self);
    if (!self)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    connection_init(&self->defaults);
    int result = connection_read(&self->defaults, config, message, sizeof message, &path);
    if (result < 0) {
        free(self);
        return llmspell_fail_at(call, result, path, "[protocol.jupyter] %s", message);
    }
    self->allow_unsigned = llmspell_bool(config, "allow_unsigned", 0);
    self->curve = llmspell_bool(config, "curve", 0);
    *ret_self = self;
    return 0;
}

/* Whoever reaches the ports of a kernel without a key runs code as its user. */
static int32_t check_key(const struct jupyter *self, struct llmspell_call *call,
                         const struct connection *connection)
{
    if (!connection->has_key || connection->key_size)
        return 0;
    if (!self->allow_unsigned)
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/key",
                                "key is empty, so that anybody could run code here; give a key, "
                                "leave it out, or set allow_unsigned in [protocol.jupyter]");
    if (!connection_is_local(connection))
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/key",
                                "key is empty and ip is %s, so that anybody in the network could "
                                "run code here; give a key, leave it out, or listen on 127.0.0.1 "
                                "(allow_unsigned permits it on this machine only)",
                                connection->ip);
    return 0;
}

/* Both keys, or neither. A client that chose the ports but no keys would never connect to a kernel
 * that makes its own, and without them what it says could be read. */
static int32_t check_curve(const struct jupyter *self, struct llmspell_call *call,
                           const json_t *wanted, int registered, struct connection *connection)
{
    char message[256];
    const char *path = "/curve_publickey";
    int result = curve_check_pair(&connection->curve, message, sizeof message, &path);
    if (result == 0 && self->curve && !connection->curve.secret_key[0]) {
        if (registered || connection_names_ports(wanted))
            return llmspell_fail_at(call, LLMSPELL_EPERM, path,
                                    "[protocol.jupyter] curve asks for encryption, but the file "
                                    "that was given has no curve keys; have the client make them "
                                    "(KernelManager.transport_encryption), or set curve = false");
        result = curve_make(&connection->curve, message, sizeof message);
    }
    return result < 0 ? llmspell_fail_at(call, result, path, "%s", message) : 0;
}

/* Where to listen, if nobody has chosen. */
static void choose_ip(struct connection *connection, const struct registration *registration)
{
    if (registration->wanted) /* it is all about free ones */
        memset(connection->ports, 0, sizeof connection->ports);
    if (strcmp(connection->transport, "ipc") != 0 || connection->has_ip)
        return;
    if (registration->wanted) /* who waits knows no other path */
        snprintf(connection->ip, sizeof connection->ip, "%s", registration->ip);
    else if (strcmp(connection->ip, "127.0.0.1") == 0)
        connection->ip[0] = 0; /* a private path */
}

static int32_t read_wanted(const struct jupyter *self, struct llmspell_call *call,
                           const json_t *wanted, struct connection *connection,
                           struct registration *registration)
{
    char message[256];
    const char *path;
    int32_t result = registration_read(registration, wanted, message, sizeof message, &path);
    if (result == 0)
        result = connection_read(connection, wanted, message, sizeof message, &path);
    if (result < 0)
        return llmspell_fail_at(call, result, path, "%s", message);
    result = check_key(self, call, connection);
    if (result == 0)
        result = check_curve(self, call, wanted, registration->wanted, connection);
    choose_ip(connection, registration);
    return result;
}

static int32_t jupyter_serve(void *data, struct llmspell_call *call, const json_t *wanted,
                             json_t **ret_connection)
{
    struct jupyter *self = data;
    struct connection connection = self->defaults;
    struct registration registration;
    json_t *object = NULL;
    if (self->server)
        return llmspell_fail(call, LLMSPELL_EBUSY, "this kernel is being served already");
    connection.has_ip = 0;
    int32_t result = read_wanted(self, call, wanted, &connection, &registration);
    if (result == 0)
        result = server_start(call, &connection, &registration, &self->server);
    if (result == 0 && !(object = connection_write(&connection))) {
        server_stop(self->server);
        self->server = NULL;
    }
    connection_wipe(&connection);
    return result < 0 ? result : llmspell_return(call, ret_connection, object);
}

static void jupyter_stop(void *data)
{
    struct jupyter *self = data;
    server_stop(self->server);
    self->server = NULL;
}

static int32_t jupyter_status(void *data, json_t **ret_status)
{
    const struct jupyter *self = data;
    if (!self->server)
        return LLMSPELL_EUNAVAILABLE;
    json_t *status = json_pack("{s:i}", "clients", server_clients(self->server));
    if (!status)
        return LLMSPELL_ENOMEM;
    *ret_status = status;
    return 0;
}

static int32_t jupyter_connect(void *data, struct llmspell_call *call, const json_t *object,
                               int32_t timeout_ms, void **ret_channel)
{
    struct connection connection;
    struct client *client = NULL;
    char message[256];
    const char *path;
    (void)data;
    connection_init(&connection);
    int32_t result = connection_read(&connection, object, message, sizeof message, &path);
    if (result < 0) {
        connection_wipe(&connection);
        return llmspell_fail_at(call, result, path, "the connection file is not usable: %s",
                                message);
    }
    result = client_connect(call, &connection, object, timeout_ms, &client);
    connection_wipe(&connection);
    if (result == 0)
        *ret_channel = client;
    return result;
}

static int32_t jupyter_request(void *channel, struct llmspell_call *call,
                               const struct llmspell_client_request *request, json_t **ret_reply)
{
    return client_request(channel, call, request, ret_reply);
}

static void jupyter_disconnect(void *channel)
{
    client_free(channel);
}

static void jupyter_close(void *data)
{
    if (!data)
        return;
    jupyter_stop(data);
    free(data);
}

LLMSPELL_PROTOCOL(.open = jupyter_open, .serve = jupyter_serve, .stop = jupyter_stop,
                  .connect = jupyter_connect, .request = jupyter_request,
                  .disconnect = jupyter_disconnect, .close = jupyter_close,
                  .status = jupyter_status)
