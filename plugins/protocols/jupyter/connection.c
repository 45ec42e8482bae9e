/* SPDX-License-Identifier: Apache-2.0
 * Reads and writes connection objects. Called when a kernel starts to serve and when a client
 * connects. */
#include "connection.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/error.h>

/* By channel, as in transport.h; the pointer is what an error is blamed on. */
static const char *const port_paths[TRANSPORT_CHANNELS] = {
    "/shell_port", "/control_port", "/stdin_port", "/iopub_port", "/hb_port"};

void connection_init(struct connection *connection)
{
    *connection = (struct connection){.transport = "tcp", .ip = "127.0.0.1"};
}

static int read_text(const json_t *object, const char *name, char *out, size_t room, char *message,
                     size_t size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = json_string_length(value);
    if (!value)
        return 0;
    if (!json_is_string(value) || length >= room || memchr(json_string_value(value), 0, length)) {
        snprintf(message, size, "%s must be a string of less than %zu bytes", name, room);
        return LLMSPELL_EINVAL;
    }
    memcpy(out, json_string_value(value), length + 1);
    return 1;
}

/* "port" (of `kernel start --port`) numbers them from there on, in the order of a connection file;
 * ports that are named one by one win. */
static void number_ports(struct connection *connection, const json_t *object)
{
    static const enum transport_channel order[] = {
        TRANSPORT_SHELL, TRANSPORT_IOPUB, TRANSPORT_STDIN, TRANSPORT_CONTROL, TRANSPORT_HB};
    int first = (int)json_integer_value(json_object_get(object, "port"));
    for (int i = 0; first > 0 && i < TRANSPORT_CHANNELS; i++)
        connection->ports[order[i]] = first + i;
}

static int read_ports(struct connection *connection, const json_t *object, char *message,
                      size_t size, const char **ret_path)
{
    number_ports(connection, object);
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        const json_t *value = json_object_get(object, transport_port_names[i]);
        if (!value)
            continue;
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > 65535) {
            snprintf(message, size, "%s must be an integer from 0 to 65535 (0: a free port)",
                     transport_port_names[i]);
            *ret_path = port_paths[i];
            return LLMSPELL_EINVAL;
        }
        connection->ports[i] = (int)json_integer_value(value);
    }
    return 0;
}

static int read_key(struct connection *connection, const json_t *object, char *message, size_t size,
                    const char **ret_path)
{
    char scheme[32] = SIGN_SCHEME;
    *ret_path = "/key";
    int result = read_text(object, "key", connection->key, sizeof connection->key, message, size);
    if (result < 0)
        return result;
    if (result > 0) {
        connection->has_key = 1;
        connection->key_size = strlen(connection->key);
    }
    *ret_path = "/signature_scheme";
    result = read_text(object, "signature_scheme", scheme, sizeof scheme, message, size);
    if (result < 0)
        return result;
    if (scheme[0] && strcmp(scheme, SIGN_SCHEME) != 0) {
        snprintf(message, size, "signature_scheme is \"%s\"; only " SIGN_SCHEME " is supported",
                 scheme);
        return LLMSPELL_EUNAVAILABLE;
    }
    return 0;
}

int connection_read(struct connection *connection, const json_t *object, char *message, size_t size,
                    const char **ret_path)
{
    *ret_path = "/transport";
    int result = read_text(object, "transport", connection->transport, sizeof connection->transport,
                           message, size);
    if (result >= 0) {
        *ret_path = "/ip";
        result = read_text(object, "ip", connection->ip, sizeof connection->ip, message, size);
        connection->has_ip |= result > 0;
    }
    if (result >= 0)
        result = read_ports(connection, object, message, size, ret_path);
    if (result >= 0)
        result = read_key(connection, object, message, size, ret_path);
    if (result >= 0)
        result = curve_read(&connection->curve, object, message, size, ret_path);
    return result < 0 ? result : 0;
}

int connection_is_local(const struct connection *connection)
{
    struct in_addr four;
    struct in6_addr six;
    char bare[sizeof connection->ip];
    const char *ip = connection->ip;
    if (strcmp(connection->transport, "ipc") == 0 || strcmp(ip, "localhost") == 0)
        return 1;
    if (inet_pton(AF_INET, ip, &four) == 1)
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET;
    int bracket = *ip == '[';
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(ip + bracket, "]"), ip + bracket);
    if (inet_pton(AF_INET6, bare, &six) != 1)
        return 0;
    return IN6_IS_ADDR_LOOPBACK(&six) ||
           (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == IN_LOOPBACKNET);
}

int connection_names_ports(const json_t *object)
{
    int named = 0;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        named |= json_integer_value(json_object_get(object, transport_port_names[i])) > 0;
    return named;
}

void connection_wipe(struct connection *connection)
{
    explicit_bzero(connection->key, sizeof connection->key);
    curve_clear(&connection->curve);
}

json_t *connection_write(const struct connection *connection)
{
    const int *ports = connection->ports;
    const struct curve *curve = &connection->curve;
    const char *public_key = curve->secret_key[0] ? curve->public_key : NULL;
    const char *secret_key = curve->secret_key[0] ? curve->secret_key : NULL;
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s, s:s%, s:s*, s:s*}", "transport",
                     connection->transport, "ip", connection->ip, "shell_port",
                     ports[TRANSPORT_SHELL], "iopub_port", ports[TRANSPORT_IOPUB], "stdin_port",
                     ports[TRANSPORT_STDIN], "control_port", ports[TRANSPORT_CONTROL], "hb_port",
                     ports[TRANSPORT_HB], "signature_scheme", SIGN_SCHEME, "key", connection->key,
                     connection->key_size, "curve_publickey", public_key, "curve_secretkey",
                     secret_key);
}
