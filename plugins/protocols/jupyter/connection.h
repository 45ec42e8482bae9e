/* SPDX-License-Identifier: Apache-2.0
 * Connection objects ({"transport", "ip", "shell_port", …, "key"}) as serve.c is asked for them and
 * client.c is given them. */
#ifndef JUPYTER_CONNECTION_H
#define JUPYTER_CONNECTION_H

#include <jansson.h>

#include "curve.h"
#include "transport.h"

#define CONNECTION_KEY_MAX 1024

struct connection {
    char transport[8];
    char ip[256];
    int ports[TRANSPORT_CHANNELS];
    int has_ip; /* it was named, not only a default */
    int has_key;
    size_t key_size;
    char key[CONNECTION_KEY_MAX];
    struct curve curve; /* keys of the encryption, or zeros */
};

/* 127.0.0.1 over TCP with free ports and no key. */
void connection_init(struct connection *connection);

/* Takes what object has over what connection holds. EINVAL, EUNAVAILABLE (a scheme or an encryption
 * that is not there); message names the member, path is its JSON pointer. */
int connection_read(struct connection *connection, const json_t *object, char *message, size_t size,
                    const char **ret_path);

/* Whether only programs on this machine can reach it: a loopback address or ipc. A name other than
 * localhost counts as reachable. */
int connection_is_local(const struct connection *connection);

/* Whether object names a port, as a client does that has chosen them. */
int connection_names_ports(const json_t *object);

/* Wipes the keys. */
void connection_wipe(struct connection *connection);

/* The object for clients; a new reference, or NULL: out of memory. */
json_t *connection_write(const struct connection *connection);

#endif
