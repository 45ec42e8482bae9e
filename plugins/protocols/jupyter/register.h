/* SPDX-License-Identifier: Apache-2.0
 * The start-up handshake of protocol 5.6 (JEP 66): the kernel was given a registration file instead
 * of a connection file, chooses free ports, and tells them to whoever started it. Called by
 * jupyter.c and serve.c. */
#ifndef JUPYTER_REGISTER_H
#define JUPYTER_REGISTER_H

#include <llmspell/protocol.h>

#include "connection.h"

#define REGISTER_WAIT_MS 10000 /* for the acknowledgement */

struct registration {
    int wanted; /* else it is an ordinary connection file */
    char ip[256];
    char port[8];          /* digits */
    int text_ports;        /* the file has its port as a string, so its writer reads strings */
    const char *kernel_id; /* borrowed from the file, or NULL */
};

/* Whether object is a registration file, and what it says. EINVAL; message names the member. */
int registration_read(struct registration *registration, const json_t *object, char *message,
                      size_t size, const char **ret_path);

/* Sends the ports of connection and waits for the signed acknowledgement. EUNAVAILABLE: none came;
 * EPERM: a bad one; EINVAL, EIO, ENOMEM; set on call. */
int32_t registration_run(struct llmspell_call *call, const struct registration *registration,
                         const struct connection *connection, struct signer *signer);

/* The message as text, for connection's ports. */
int registration_write(const struct registration *registration, const struct connection *connection,
                       struct text *text);

/* Whether frames are an acknowledgement: 0, or EPROTO, EPERM and *ret_why is a static phrase. sent:
 * our message; its echo is none. */
int registration_check(struct signer *signer, const struct span *frames, size_t count,
                       struct span sent, const char **ret_why);

#endif
