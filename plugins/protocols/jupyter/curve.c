/* SPDX-License-Identifier: Apache-2.0
 * CurveZMQ: who knows the public key of the kernel may connect, and nobody else reads along. It
 * names no client: the signature of each message still says who may have code run. */
#include "curve.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <llmspell/error.h>

#define RAW_SIZE 32 /* bytes of a key */

static int is_available(char *message, size_t size)
{
    if (zmq_has("curve") == 1)
        return 0;
    snprintf(message, size,
             "encryption (CurveZMQ) is asked for, but this libzmq was built without it; install "
             "one with libsodium, or leave the curve keys out");
    return LLMSPELL_EUNAVAILABLE;
}

static int read_key(const json_t *object, const char *name, char key[CURVE_KEY_SIZE], char *message,
                    size_t size)
{
    uint8_t raw[RAW_SIZE];
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (!value || json_is_null(value) || (text && length == 0))
        return 0;
    int result = is_available(message, size);
    if (result < 0)
        return result;
    if (!text || length != CURVE_KEY_SIZE - 1 || strlen(text) != length ||
        !zmq_z85_decode(raw, text)) {
        snprintf(message, size, "%s must be a key of %d characters in Z85", name,
                 CURVE_KEY_SIZE - 1);
        return LLMSPELL_EINVAL;
    }
    explicit_bzero(raw, sizeof raw);
    memcpy(key, text, CURVE_KEY_SIZE);
    return 0;
}

int curve_read(struct curve *curve, const json_t *object, char *message, size_t size,
               const char **ret_path)
{
    *ret_path = "/curve_publickey";
    int result = read_key(object, "curve_publickey", curve->public_key, message, size);
    if (result < 0)
        return result;
    *ret_path = "/curve_secretkey";
    return read_key(object, "curve_secretkey", curve->secret_key, message, size);
}

int curve_check_pair(struct curve *curve, char *message, size_t size, const char **ret_path)
{
    char derived[CURVE_KEY_SIZE];
    *ret_path = "/curve_secretkey";
    if (!curve->secret_key[0]) {
        snprintf(message, size, "curve_secretkey is missing: a kernel needs both keys, or neither");
        return curve->public_key[0] ? LLMSPELL_EINVAL : 0;
    }
    if (zmq_curve_public(derived, curve->secret_key) < 0) {
        snprintf(message, size, "curve_secretkey is no key: %s", zmq_strerror(zmq_errno()));
        return LLMSPELL_EINVAL;
    }
    *ret_path = "/curve_publickey";
    if (!curve->public_key[0])
        memcpy(curve->public_key, derived, sizeof derived);
    if (strcmp(curve->public_key, derived) == 0)
        return 0;
    snprintf(message, size,
             "curve_publickey does not belong to curve_secretkey, so that no client "
             "could connect");
    return LLMSPELL_EINVAL;
}

int curve_make(struct curve *curve, char *message, size_t size)
{
    int result = is_available(message, size);
    if (result < 0)
        return result;
    if (zmq_curve_keypair(curve->public_key, curve->secret_key) == 0)
        return 0;
    snprintf(message, size, "no keys for encryption could be made: %s", zmq_strerror(zmq_errno()));
    return LLMSPELL_EUNAVAILABLE;
}

int curve_serve(const struct curve *curve, void *socket)
{
    int yes = 1;
    if (!curve->secret_key[0])
        return 0;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, curve->secret_key, CURVE_KEY_SIZE) < 0)
        return LLMSPELL_EIO;
    return 0;
}

int curve_connect(const struct curve *own, const char *server_key, void *socket)
{
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_key, CURVE_KEY_SIZE) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own->public_key, CURVE_KEY_SIZE) < 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, own->secret_key, CURVE_KEY_SIZE) < 0)
        return LLMSPELL_EIO;
    return 0;
}

void curve_clear(struct curve *curve)
{
    explicit_bzero(curve, sizeof *curve);
}
