/* SPDX-License-Identifier: Apache-2.0
 * Keys from a parameter, a secret or a file: octets for HMAC, PEM or JWK for the others. A key for
 * two-key algorithms is never taken as an HMAC key: that is the confusion attack. */
#include "jwt.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <llmspell/fs.h>
#include <llmspell/secret.h>

#define FILE_MAX (256u << 10) /* bytes: no key is longer */

void key_clear(struct key *key)
{
    bytes_clear(&key->bytes);
    bytes_clear(&key->octets);
    EVP_PKEY_free(key->pkey);
}

static int32_t copy_bytes(struct llmspell_call *call, const char *data, size_t size,
                          struct bytes *ret)
{
    ret->data = malloc(size + 1);
    if (!ret->data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    memcpy(ret->data, data, size);
    ret->data[size] = '\0';
    ret->size = size;
    return 0;
}

static int32_t read_secret(struct llmspell_call *call, const char *name, struct bytes *ret)
{
    char *value = NULL;
    uint64_t size = 0;
    int32_t rc = llmspell_secret_get(call, name, "/key_secret", &value, &size);
    if (rc < 0)
        return rc;
    rc = copy_bytes(call, value, (size_t)size, ret);
    llmspell_secret_release(call, value, size);
    return rc;
}

static int32_t read_file(struct llmspell_call *call, const json_t *params, struct bytes *ret)
{
    const char *path = llmspell_string(params, "key_path");
    char *data = NULL;
    if (strlen(path) != llmspell_string_length(params, "key_path"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/key_path",
                                "a path holds no NUL character");
    int32_t rc = llmspell_fs_read(call, path, "/key_path", FILE_MAX, &data, &ret->size);
    ret->data = (unsigned char *)data;
    return rc;
}

static int32_t read_bytes(struct llmspell_call *call, const json_t *params, struct key *key)
{
    const char *text = llmspell_string(params, "key");
    const char *secret = llmspell_string(params, "key_secret");
    key->pointer = text ? "/key" : secret ? "/key_secret" : "/key_path";
    if (text)
        return copy_bytes(call, text, llmspell_string_length(params, "key"), &key->bytes);
    return secret ? read_secret(call, secret, &key->bytes) : read_file(call, params, &key->bytes);
}

/* No key is asked for its password: the terminal is not ours. */
static int no_password(char *buffer, int size, int write, void *data)
{
    (void)buffer, (void)size, (void)write, (void)data;
    return -1;
}

typedef EVP_PKEY *(*pem_reader)(BIO *bio);

static EVP_PKEY *pem_private(BIO *bio)
{
    return PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
}

static EVP_PKEY *pem_public(BIO *bio)
{
    return PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
}

static EVP_PKEY *pem_certificate(BIO *bio)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return pkey;
}

static int32_t load_pem(struct key *key)
{
    static const pem_reader readers[] = {pem_private, pem_public, pem_certificate};
    ERR_set_mark();
    for (size_t i = 0; i < 3 && !key->pkey; i++) {
        BIO *bio = BIO_new_mem_buf(key->bytes.data, (int)key->bytes.size);
        key->pkey = bio ? readers[i](bio) : NULL;
        key->is_private = i == 0;
        BIO_free(bio);
    }
    ERR_pop_to_mark();
    return key->pkey ? 0 : LLMSPELL_EPARSE;
}

/* The key as a JWK, or NULL if it is none. */
static json_t *as_jwk(const struct key *key)
{
    json_t *value = json_loadb((const char *)key->bytes.data, key->bytes.size,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (json_is_string(json_object_get(value, "kty")))
        return value;
    json_decref(value);
    return NULL;
}

static bool has_pem(const struct key *key)
{
    return memmem(key->bytes.data, key->bytes.size, "-----BEGIN ", 11) != NULL;
}

static int32_t load_paired(struct llmspell_call *call, const json_t *jwk, struct key *key)
{
    ERR_set_mark();
    int32_t rc = jwk ? jwk_load(jwk, &key->pkey, &key->is_private) : load_pem(key);
    ERR_pop_to_mark();
    if (rc == LLMSPELL_ENOMEM)
        return llmspell_fail(call, rc, "out of memory");
    if (rc < 0)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, key->pointer,
                                "%s holds no key that can be read; give an RSA, EC or Ed25519 key "
                                "without password as PEM or as one JWK",
                                key->pointer + 1);
    return 0;
}

static int32_t load_octets(struct llmspell_call *call, const json_t *jwk, struct key *key)
{
    const json_t *k = json_object_get(jwk, "k");
    if (base64url_decode(json_is_string(k) ? json_string_value(k) : "!",
                         json_is_string(k) ? json_string_length(k) : 1, &key->octets) == 0)
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EPARSE, key->pointer,
                            "the JWK in %s has no member k in base64url", key->pointer + 1);
}

int32_t key_read(struct llmspell_call *call, const json_t *params, bool hmac, struct key *ret_key)
{
    int32_t rc = read_bytes(call, params, ret_key);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *jwk = as_jwk(ret_key);
    if (!hmac || (!has_pem(ret_key) && (!jwk || llmspell_is(jwk, "kty", "oct"))))
        return 0;
    return llmspell_fail_at(call, LLMSPELL_EINVAL, ret_key->pointer,
                            "%s is a PEM or JWK key of an RSA, EC or EdDSA algorithm and is never "
                            "used with HS256, HS384 or HS512; %s",
                            ret_key->pointer + 1,
                            llmspell_is(params, "operation", "sign")
                                ? "give algorithm the name of its own, such as RS256"
                                : "take those out of algorithms");
}

int32_t key_open(struct llmspell_call *call, bool hmac, struct key *key)
{
    LLMSPELL_CLEANUP_JSON json_t *jwk = as_jwk(key);
    bool octets = jwk && llmspell_is(jwk, "kty", "oct");
    if (hmac) /* it is one for HMAC, whatever other families are allowed: key_read saw to that */
        return octets ? load_octets(call, jwk, key) : 0;
    if (octets)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, key->pointer,
                                "a JWK of kty oct is a key for HS256, HS384 and HS512 only");
    return load_paired(call, jwk, key);
}

bool key_fits(const struct key *key, const struct algorithm *algorithm)
{
    char group[64] = "";
    if (algorithm->family == FAMILY_HMAC)
        return !key->pkey;
    if (!key->pkey)
        return false;
    switch (algorithm->family) {
    case FAMILY_EC:
        return EVP_PKEY_is_a(key->pkey, "EC") &&
               EVP_PKEY_get_group_name(key->pkey, group, sizeof group, NULL) > 0 &&
               strcmp(group, algorithm->group) == 0;
    case FAMILY_EDDSA:
        return EVP_PKEY_is_a(key->pkey, "ED25519") || EVP_PKEY_is_a(key->pkey, "ED448");
    case FAMILY_PSS:
        return EVP_PKEY_is_a(key->pkey, "RSA") || EVP_PKEY_is_a(key->pkey, "RSA-PSS");
    default:
        return EVP_PKEY_is_a(key->pkey, "RSA");
    }
}
