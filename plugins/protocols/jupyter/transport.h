/* SPDX-License-Identifier: Apache-2.0
 * The five sockets of a kernel, their locks, and the one thread that receives. Any thread may send:
 * a reply costs no hop. Used by serve.c. */
#ifndef JUPYTER_TRANSPORT_H
#define JUPYTER_TRANSPORT_H

#include "curve.h"
#include "wire.h"

enum transport_channel {
    TRANSPORT_SHELL,
    TRANSPORT_CONTROL,
    TRANSPORT_STDIN,
    TRANSPORT_IOPUB,
    TRANSPORT_HB,
    TRANSPORT_CHANNELS
};

/* Names of the ports in connection files, by channel. */
extern const char *const transport_port_names[TRANSPORT_CHANNELS];

struct transport_wish {
    const char *transport; /* "tcp" or "ipc" */
    const char *ip; /* an address, or for ipc the first part of the path; "" = a private one */
    int ports[TRANSPORT_CHANNELS]; /* 0 = a free one */
    const struct curve *curve;     /* keys of the encryption; zeros: none */
};

struct transport;

/* A message came on shell, control, stdin or (subscriptions, raw) iopub. Frames are borrowed.
 * [the transport's thread] */
typedef void (*transport_receive_fn)(void *data, enum transport_channel channel,
                                     const struct span *frames, size_t count);

/* Makes the sockets and binds them. EINVAL, EBUSY (a port is in use), EPERM, ENOMEM, EIO; message
 * (of size bytes) says what, where and the cure. */
int transport_open(const struct transport_wish *wish, char *message, size_t size,
                   struct transport **ret_transport);

/* Starts the thread; clients are answered from now on. */
int transport_start(struct transport *transport, transport_receive_fn receive, void *data);

/* What was really bound; ip borrowed from transport. */
const char *transport_ip(const struct transport *transport);
int transport_port(const struct transport *transport, enum transport_channel channel);

/* Clients that are connected now. [any-thread] */
int transport_clients(const struct transport *transport);

/* Sends message behind prefix and clears it, in every case; on iopub it may be held until the first
 * client has subscribed (hold.h). EUNAVAILABLE: the peer is not there (stdin only), or the
 * transport is closed. [any-thread] */
int transport_send(struct transport *transport, enum transport_channel channel,
                   const struct span *prefix, size_t count, struct wire_outgoing *message);

/* What is published from now on finds no subscriber, or is sent at once; nobody waits for one any
 * more. Before transport_close. [any-thread] */
void transport_hurry(struct transport *transport);

/* Joins the thread, sends what is queued (at most a second) and closes. transport_send may still be
 * called after it. */
void transport_close(struct transport *transport);

/* After transport_close; NULL is fine. */
void transport_free(struct transport *transport);

#endif
