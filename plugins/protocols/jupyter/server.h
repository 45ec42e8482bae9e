/* SPDX-License-Identifier: Apache-2.0
 * The insides of the serving half, shared by serve.c and receive.c only. */
#ifndef JUPYTER_SERVER_H
#define JUPYTER_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <llmspell/kernel.h>

#include "connection.h"
#include "scan.h"
#include "transport.h"
#include "wire.h"

struct server {
    atomic_uint refs; /* server_start's and one of each request on its way */
    const struct llmspell_host *host;
    struct llmspell_ctx *ctx;
    const struct llmspell_kernel *kernel;
    struct transport *transport;
    struct signer *signer;
    struct replay *replay; /* [transport's thread] */
    struct wire_session session;
    struct connection connection;
    uint64_t subscription;
    int subscribed;

    pthread_mutex_t warn_lock; /* guards what follows */
    time_t warn_second;
    unsigned warn_count, warn_hidden;
};

/* ---- serve.c ---- */

/* Counts one holder less; the last one frees it. [any-thread] */
void server_unref(struct server *server);

/* Logs one line at warn, but only a few a second. [any-thread] */
__attribute__((format(printf, 2, 3))) void server_warn(struct server *server, const char *format,
                                                       ...);

/* Signs and sends a message; prefix: identities, or the topic. LLMSPELL_EUNAVAILABLE: nobody is
 * there. [any-thread] */
int server_send(struct server *server, enum transport_channel channel, const struct span *prefix,
                size_t count, const char *msg_type, struct span parent, const json_t *content);

/* ---- receive.c ---- */

/* A message from a client, for transport_start: data is the server. [transport's thread] */
void server_receive(void *data, enum transport_channel channel, const struct span *frames,
                    size_t count);

#endif
