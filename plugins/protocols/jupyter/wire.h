/* SPDX-License-Identifier: Apache-2.0
 * The codec: frames on a ZeroMQ socket <-> a message. Both halves use it (serve.c, client.c).
 * Wire: identities… <IDS|MSG> signature header parent_header metadata content buffers… */
#ifndef JUPYTER_WIRE_H
#define JUPYTER_WIRE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <zmq.h>

#include <llmspell/kernel.h>

#include "sign.h"
#include "../shared/span.h"
#include "../shared/text.h"

#define WIRE_VERSION LLMSPELL_MESSAGES_VERSION /* in headers and kernel_info_reply */
#define WIRE_DELIMITER "<IDS|MSG>"             /* between identities and message */
#define WIRE_FRAMES_MAX 512                    /* of one message, identities and buffers included */
#define WIRE_NAME_MAX 128 /* bytes of msg_type and msg_id, terminator included */
#define WIRE_ID_SIZE 37   /* a UUID as text, terminator included */

/* ---- in ---- */

/* One message as it came from a socket; the frames live until the next wire_receive or clear. */
struct wire_frames {
    zmq_msg_t messages[WIRE_FRAMES_MAX];
    struct span spans[WIRE_FRAMES_MAX];
    size_t count; /* all of them; those above WIRE_FRAMES_MAX were thrown away */
};

/* A decoded message; points into the frames. */
struct wire_message {
    const struct span *identities;
    size_t identity_count;
    struct span header, parent, metadata, content; /* JSON texts; all but content are checked */
    const struct span *buffers;
    size_t buffer_count;
    char msg_type[WIRE_NAME_MAX];
    char msg_id[WIRE_NAME_MAX];
    char parent_id[WIRE_NAME_MAX]; /* msg_id of the parent header, or "" */
};

/* Takes one message off a socket, without waiting. 0; LLMSPELL_EUNAVAILABLE: there is none;
 * LLMSPELL_EIO: the socket is closed. One thread at a time per socket. */
int wire_receive(void *socket, struct wire_frames *frames);
void wire_clear(struct wire_frames *frames);

/* Checks the signature, before anything is parsed, then envelope and headers. replay may be NULL.
 * EPERM: not signed by who knows the key (or played again); EPROTO: not a message; *ret_why is a
 * static phrase. */
int wire_decode(struct signer *signer, struct replay *replay, const struct span *frames,
                size_t count, struct wire_message *ret_message, const char **ret_why);

/* ---- out ---- */

/* Who sends: part of each header. */
struct wire_session {
    char id[WIRE_ID_SIZE];
    atomic_uint_fast64_t count; /* messages so far */
};

/* A message ready to be sent. Its texts start in its own buffers: do not copy the struct. */
struct wire_outgoing {
    char signature[SIGN_SIZE];
    size_t signature_size;
    struct text header, metadata, content;
    struct span parent;
    const struct llmspell_buffer *buffers; /* borrowed until it is sent */
    uint32_t buffer_count;
    char header_buffer[384];
    char metadata_buffer[64];
    char content_buffer[1024];
};

/* A random session. EUNAVAILABLE: no randomness. */
int wire_session_init(struct wire_session *session);

/* size random bytes as lower-case hexadecimal, terminated. EUNAVAILABLE. */
int wire_random_hex(char *ret_text, size_t size);

/* Builds and signs. parent: JSON text, borrowed until it is sent; empty means {}. content:
 * borrowed. EFAILED, ENOMEM; nothing is to be cleared then. [any-thread] */
int wire_encode(struct wire_session *session, struct signer *signer, const char *msg_type,
                struct span parent, const json_t *content, struct wire_outgoing *ret_message);

/* What comes with a message of a comm; all of it borrowed, the buffers until it is sent. */
struct wire_extra {
    const json_t *metadata; /* NULL: {} */
    const struct llmspell_buffer *buffers;
    uint32_t buffer_count;
};

/* wire_encode with metadata and buffers. */
int wire_encode_with(struct wire_session *session, struct signer *signer, const char *msg_type,
                     struct span parent, const json_t *content, const struct wire_extra *extra,
                     struct wire_outgoing *ret_message);

/* Sends and clears message, behind the prefix frames (identities or a topic). 0; EUNAVAILABLE: no
 * such peer (a socket with ZMQ_ROUTER_MANDATORY); EIO. One thread at a time per socket. */
int wire_send(void *socket, const struct span *prefix, size_t count, struct wire_outgoing *message);

void wire_outgoing_clear(struct wire_outgoing *message);

/* The msg_id of a message just built, as text. */
void wire_message_id(const struct wire_outgoing *message, char ret_id[WIRE_NAME_MAX]);

#endif
