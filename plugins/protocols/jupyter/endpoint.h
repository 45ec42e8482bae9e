/* SPDX-License-Identifier: Apache-2.0
 * ZeroMQ endpoints from the words of a connection file (transport, ip, port), for binding
 * (transport.c) and for connecting (client.c). */
#ifndef JUPYTER_ENDPOINT_H
#define JUPYTER_ENDPOINT_H

#include <stddef.h>

#define ENDPOINT_MAX 300

struct endpoint_base {
    int ipc;      /* else tcp */
    int ipv6;     /* ip is an IPv6 address */
    char ip[256]; /* as it goes into the connection file */
    char *folder; /* of sockets of our own making, removed at the end; or NULL */
};

/* transport: "tcp" or "ipc". ip: an address, or for ipc the start of the socket paths ("IP-PORT");
 * "" with ipc makes a private folder. EINVAL, EIO; message says what and the cure. */
int endpoint_base_init(struct endpoint_base *base, const char *transport, const char *ip,
                       char *message, size_t size);

/* For who binds: sees to the private folder if ip lies in one (a successor gets the path of the
 * kernel before). EPERM: somebody else has it. */
int endpoint_base_adopt(struct endpoint_base *base, char *message, size_t size);

/* Removes the socket file of a port that was bound with ipc; nothing to do for tcp. */
void endpoint_unbound(const struct endpoint_base *base, int port);

/* Removes the private folder; a base of zeros is fine. */
void endpoint_base_clear(struct endpoint_base *base);

/* Where a client connects to. EINVAL: it is too long. */
int endpoint_connect_address(const struct endpoint_base *base, int port,
                             char ret_address[ENDPOINT_MAX]);

/* Binds socket to port (0: a free one) and tells which it was. name: of the port, for the message.
 * EBUSY: in use; EPERM; EINVAL: no such address; EIO. */
int endpoint_bind(const struct endpoint_base *base, void *socket, const char *name, int port,
                  int *ret_port, char *message, size_t size);

#endif
