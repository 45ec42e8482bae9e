/* SPDX-License-Identifier: Apache-2.0
 * The connecting half: a channel to a running kernel, for the commands. client.c connects and
 * receives, request.c carries one request through. Called by jupyter.c. */
#ifndef JUPYTER_CLIENT_H
#define JUPYTER_CLIENT_H

#include <llmspell/protocol.h>

#include "connection.h"

struct client {
    void *context;
    void *sockets[TRANSPORT_CHANNELS]; /* DEALER ×3, SUB; no heartbeat */
    void *monitor;                     /* PAIR: events of the control socket */
    struct signer *signer;
    struct wire_session session;
    struct wire_frames frames;
    int connected;   /* the control socket has its peer */
    unsigned losses; /* how often it lost it */
};

/* A message that came, decoded; valid until the next client_receive. */
struct client_message {
    struct wire_message wire;
    json_t *content; /* owned by who called client_receive */
};

/* Monotonic milliseconds; a deadline of -1 is never. */
int64_t client_now(void);

/* Milliseconds until the sooner of two deadlines, for poll; -1: wait for ever. */
int client_wait(int64_t deadline, int64_t other);

/* Waits until the kernel has answered and its events arrive. object: the connection object, for its
 * "pid". ETIMEOUT, ENETWORK (it is gone), EINVAL, EIO; set on call. */
int32_t client_connect(struct llmspell_call *call, const struct connection *connection,
                       const json_t *object, int32_t timeout_ms, struct client **ret_client);
void client_free(struct client *client);

/* Sends; ret_id is the msg_id, the header is added to header (or NULL). ENOMEM, EIO. */
int client_send(struct client *client, enum transport_channel channel, const char *msg_type,
                const json_t *content, char ret_id[WIRE_NAME_MAX], struct text *header);

/* Takes one message that is signed and whole off a socket; 0, or EUNAVAILABLE: none is there. */
int client_receive(struct client *client, enum transport_channel channel,
                   struct client_message *ret_message);

/* Takes what the monitor says into connected and losses. */
void client_watch(struct client *client);

/* llmspell_protocol.request */
int32_t client_request(struct client *client, struct llmspell_call *call,
                       const struct llmspell_client_request *request, json_t **ret_reply);

#endif
