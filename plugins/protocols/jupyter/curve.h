/* SPDX-License-Identifier: Apache-2.0
 * CurveZMQ keys of a connection file: read and checked (connection.c), made (jupyter.c), and set on
 * sockets (transport.c, client.c). */
#ifndef JUPYTER_CURVE_H
#define JUPYTER_CURVE_H

#include <jansson.h>

#define CURVE_KEY_SIZE 41 /* Z85 text, terminator included */

/* A pair of keys; "" = not there. All zeros: no encryption. */
struct curve {
    char public_key[CURVE_KEY_SIZE];
    char secret_key[CURVE_KEY_SIZE];
};

/* Takes curve_publickey and curve_secretkey of a connection object; null and "" count as absent.
 * EINVAL: no key; EUNAVAILABLE: this libzmq has no CURVE. path blames the member. */
int curve_read(struct curve *curve, const json_t *object, char *message, size_t size,
               const char **ret_path);

/* For who serves: the pair is whole, and belongs together (a public key alone that is missing is
 * worked out). EINVAL. */
int curve_check_pair(struct curve *curve, char *message, size_t size, const char **ret_path);

/* A new pair. EUNAVAILABLE. */
int curve_make(struct curve *curve, char *message, size_t size);

/* Makes socket a server of curve, before it is bound; without keys nothing is done. EIO. */
int curve_serve(const struct curve *curve, void *socket);

/* Makes socket a client (own: its pair) of the server whose public key it is. EIO. */
int curve_connect(const struct curve *own, const char *server_key, void *socket);

/* Wipes the keys. */
void curve_clear(struct curve *curve);

#endif
