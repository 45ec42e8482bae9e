/* SPDX-License-Identifier: Apache-2.0
 * What the sources of jwt_handler share: the table of algorithms, base64url, tokens, keys and
 * signatures. */
#ifndef JWT_HANDLER_JWT_H
#define JWT_HANDLER_JWT_H

#include <stdbool.h>
#include <time.h>

#include <openssl/evp.h>

#include <llmspell/tool.h>

#include "../shared/json_text.h"

enum family { FAMILY_HMAC, FAMILY_RSA, FAMILY_PSS, FAMILY_EC, FAMILY_EDDSA };

struct algorithm {
    const char *name;
    enum family family;
    const char *digest; /* OpenSSL's name; NULL for EdDSA */
    size_t size;        /* bytes of the digest, or of one half of an ECDSA signature */
    const char *group;  /* OpenSSL's name of the curve for ECDSA */
};

struct bytes {
    unsigned char *data; /* malloc'ed or NULL */
    size_t size;
};
/* Zeroes before it frees: keys go through here. */
void bytes_clear(struct bytes *bytes);
#define CLEANUP_BYTES __attribute__((cleanup(bytes_clear)))

/* ---- jose.c ---- */

const struct algorithm *algorithm_find(const char *name);
void base64url_add(struct text_buffer *out, const unsigned char *data, size_t size);
/* Strict (RFC 7515): no padding, no white space. 0, LLMSPELL_EPARSE, LLMSPELL_ENOMEM, or
 * BASE64URL_LOOSE if only the unused bits at the end are not zero. *ret is cleared by the caller.
 */
#define BASE64URL_LOOSE 1
int32_t base64url_decode(const char *text, size_t size, struct bytes *ret);

/* A compact token in its parts. */
struct token {
    json_t *header;
    json_t *payload;
    struct bytes signature;
    const char *text;           /* borrowed */
    size_t signed_size;         /* bytes of "header.payload" */
    const char *signature_text; /* borrowed: the last part */
};
void token_clear(struct token *token);
#define CLEANUP_TOKEN __attribute__((cleanup(token_clear)))

/* Takes a token apart. LLMSPELL_EPARSE: ret_why says what is wrong with it, as the end of the
 * sentence "the token …". */
#define TOKEN_WHY 128
int32_t token_parse(const char *text, size_t size, struct token *ret, char ret_why[TOKEN_WHY]);

/* ---- key.c ---- */

struct key {
    struct bytes bytes;  /* the text of the parameter, secret or file */
    struct bytes octets; /* "k" of a JWK of kty oct; else empty */
    EVP_PKEY *pkey;      /* for the families with two keys */
    bool is_private;
    const char *pointer; /* the parameter that it came from */
};
void key_clear(struct key *key);
#define CLEANUP_KEY __attribute__((cleanup(key_clear)))

/* Reads the one of key, key_secret and key_path that is given. hmac: an algorithm in question is an
 * HMAC one, for which a key of two-key algorithms is refused. */
int32_t key_read(struct llmspell_call *call, const json_t *params, bool hmac, struct key *ret_key);
/* Makes of what was read the octets or the EVP_PKEY. */
int32_t key_open(struct llmspell_call *call, bool hmac, struct key *key);
/* Does the key suit the algorithm (type, curve)? */
bool key_fits(const struct key *key, const struct algorithm *algorithm);

/* ---- jwk.c ---- */

/* The key of a JWK. LLMSPELL_EPARSE if it is none that we know. */
int32_t jwk_load(const json_t *jwk, EVP_PKEY **ret_pkey, bool *ret_private);

/* ---- signature.c ---- */

/* LLMSPELL_EFAILED if the library fails. */
int32_t signature_make(const struct algorithm *algorithm, const struct key *key, const char *text,
                       size_t size, struct bytes *ret);
bool signature_right(const struct algorithm *algorithm, const struct key *key, const char *text,
                     size_t size, const struct bytes *signature);

/* ---- claims.c ---- */

/* The reason why the claims of payload do not hold, or NULL. */
const char *claims_check(const json_t *payload, const json_t *params, time_t time);
/* True if exp, nbf and iat are numbers where they are there. */
bool claims_well_formed(const json_t *payload);

#endif
