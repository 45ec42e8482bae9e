/* SPDX-License-Identifier: Apache-2.0
 * Signatures of RFC 7518 and 8037 by OpenSSL. ECDSA there is two numbers in a row, not DER. */
#include "jwt.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

static const struct bytes *octets_of(const struct key *key)
{
    return key->octets.data ? &key->octets : &key->bytes;
}

static bool make_hmac(const struct algorithm *algorithm, const struct key *key, const char *text,
                      size_t size, unsigned char *ret, size_t *ret_size)
{
    const struct bytes *octets = octets_of(key);
    return EVP_Q_mac(NULL, "HMAC", NULL, algorithm->digest, NULL, octets->data, octets->size,
                     (const unsigned char *)text, size, ret, EVP_MAX_MD_SIZE, ret_size) != NULL;
}

static bool set_padding(const struct algorithm *algorithm, EVP_PKEY_CTX *context)
{
    return algorithm->family != FAMILY_PSS ||
           (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0);
}

/* DER to R || S in place of it. */
static bool raw_of_der(const struct algorithm *algorithm, struct bytes *signature)
{
    const unsigned char *at = signature->data;
    size_t half = algorithm->size;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)signature->size);
    unsigned char *raw = malloc(2 * half);
    bool ok = pair && raw && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, (int)half) >= 0 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + half, (int)half) >= 0;
    ECDSA_SIG_free(pair);
    if (!ok) {
        free(raw);
        return false;
    }
    bytes_clear(signature);
    *signature = (struct bytes){raw, 2 * half};
    return true;
}

static bool der_of_raw(const struct algorithm *algorithm, const struct bytes *raw,
                       struct bytes *ret)
{
    int half = (int)algorithm->size;
    if (raw->size != 2 * algorithm->size)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw->data, half, NULL), *s = BN_bin2bn(raw->data + half, half, NULL);
    ret->data = malloc(2 * raw->size + 16);
    if (!pair || !r || !s || !ret->data || !ECDSA_SIG_set0(pair, r, s)) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return false;
    }
    unsigned char *at = ret->data;
    int size = i2d_ECDSA_SIG(pair, &at);
    ECDSA_SIG_free(pair);
    ret->size = size > 0 ? (size_t)size : 0;
    return size > 0;
}

static bool sign_paired(const struct algorithm *algorithm, const struct key *key, const char *text,
                        size_t size, struct bytes *ret)
{
    const unsigned char *data = (const unsigned char *)text;
    EVP_PKEY_CTX *padding = NULL; /* owned by context */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context &&
              EVP_DigestSignInit_ex(context, &padding, algorithm->digest, NULL, NULL, key->pkey,
                                    NULL) > 0 &&
              set_padding(algorithm, padding) &&
              EVP_DigestSign(context, NULL, &ret->size, data, size) > 0;
    if (ok)
        ret->data = malloc(ret->size + 1);
    ok = ok && ret->data && EVP_DigestSign(context, ret->data, &ret->size, data, size) > 0;
    EVP_MD_CTX_free(context);
    return ok && (algorithm->family != FAMILY_EC || raw_of_der(algorithm, ret));
}

int32_t signature_make(const struct algorithm *algorithm, const struct key *key, const char *text,
                       size_t size, struct bytes *ret)
{
    bool ok;
    ERR_set_mark();
    if (algorithm->family == FAMILY_HMAC) {
        ret->data = malloc(EVP_MAX_MD_SIZE);
        ok = ret->data && make_hmac(algorithm, key, text, size, ret->data, &ret->size);
    } else {
        ok = sign_paired(algorithm, key, text, size, ret);
    }
    ERR_pop_to_mark();
    return ok ? 0 : LLMSPELL_EFAILED;
}

static bool hmac_right(const struct algorithm *algorithm, const struct key *key, const char *text,
                       size_t size, const struct bytes *signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t mac_size = 0;
    bool right = make_hmac(algorithm, key, text, size, mac, &mac_size) &&
                 mac_size == signature->size && CRYPTO_memcmp(mac, signature->data, mac_size) == 0;
    OPENSSL_cleanse(mac, sizeof mac);
    return right;
}

static bool paired_right(const struct algorithm *algorithm, const struct key *key, const char *text,
                         size_t size, const struct bytes *signature)
{
    CLEANUP_BYTES struct bytes der = {0};
    if (algorithm->family == FAMILY_EC) {
        if (!der_of_raw(algorithm, signature, &der))
            return false;
        signature = &der;
    }
    EVP_PKEY_CTX *padding = NULL; /* owned by context */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = context &&
                 EVP_DigestVerifyInit_ex(context, &padding, algorithm->digest, NULL, NULL,
                                         key->pkey, NULL) > 0 &&
                 set_padding(algorithm, padding) &&
                 EVP_DigestVerify(context, signature->data, signature->size,
                                  (const unsigned char *)text, size) == 1;
    EVP_MD_CTX_free(context);
    return right;
}

bool signature_right(const struct algorithm *algorithm, const struct key *key, const char *text,
                     size_t size, const struct bytes *signature)
{
    if (!key_fits(key, algorithm))
        return false;
    ERR_set_mark();
    bool right = algorithm->family == FAMILY_HMAC
                     ? hmac_right(algorithm, key, text, size, signature)
                     : paired_right(algorithm, key, text, size, signature);
    ERR_pop_to_mark();
    return right;
}
