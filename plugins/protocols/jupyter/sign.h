/* SPDX-License-Identifier: Apache-2.0
 * Signatures of messages: HMAC-SHA256 in hexadecimal over header, parent, metadata and content; and
 * the memory of signatures that were seen, so that a recorded request cannot be played again. */
#ifndef JUPYTER_SIGN_H
#define JUPYTER_SIGN_H

#include <stdint.h>

#include "../shared/span.h"

#define SIGN_SIZE 64       /* characters of a signature */
#define SIGN_HISTORY 65536 /* signatures that are remembered, as in the reference client */
#define SIGN_SCHEME "hmac-sha256"

struct signer;
struct replay;

/* An empty key makes a signer whose signatures are empty (unsigned connections). ENOMEM.
 * [any-thread] */
int signer_new(struct span key, struct signer **ret_signer);
void signer_free(struct signer *signer);

/* Writes the signature of parts, unterminated; *ret_size is 64, or 0 without a key.
 * [any-thread] */
int signer_sign(struct signer *signer, const struct span *parts, size_t count,
                char ret_signature[SIGN_SIZE], size_t *ret_size);

/* 0 if signature is that of parts, compared in constant time; else EPERM. [any-thread] */
int signer_check(struct signer *signer, struct span signature, const struct span *parts,
                 size_t count);

/* The last SIGN_HISTORY signatures. One thread at a time. */
int replay_new(struct replay **ret_replay);
void replay_free(struct replay *replay);

/* Remembers a verified signature; EPERM if it was seen before. An empty one is never seen. */
int replay_check(struct replay *replay, struct span signature);

#endif
