/* SPDX-License-Identifier: Apache-2.0
 * The digests behind digest.h. Methods are fetched from OpenSSL once (a fetch takes locks and walks
 * its providers); every computation has a context of its own, so that threads share nothing. */
#include "digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <xxhash.h>
#include <zlib.h>

#include <llmspell/error.h>

const struct algorithm digest_algorithms[] = {
    {"blake2b", "BLAKE2B-512", 512, true},
    {"blake2s", "BLAKE2S-256", 256, true},
    {"crc32", NULL, 32, false},
    {"md5", "MD5", 128, true},
    {"sha1", "SHA1", 160, true},
    {"sha224", "SHA2-224", 224, true},
    {"sha256", "SHA2-256", 256, true},
    {"sha384", "SHA2-384", 384, true},
    {"sha3_224", "SHA3-224", 224, true},
    {"sha3_256", "SHA3-256", 256, true},
    {"sha3_384", "SHA3-384", 384, true},
    {"sha3_512", "SHA3-512", 512, true},
    {"sha512", "SHA2-512", 512, true},
    {"sha512_256", "SHA2-512/256", 256, true},
    {"xxh3_128", NULL, 128, false},
    {"xxh3_64", NULL, 64, false},
};

#define COUNT (sizeof digest_algorithms / sizeof digest_algorithms[0])

const size_t digest_algorithm_count = COUNT;

struct digest_methods {
    EVP_MD *digests[COUNT]; /* NULL: not OpenSSL's, or not offered (a FIPS provider has no MD5) */
    EVP_MAC *hmac;
};

const struct algorithm *digest_find(const char *name)
{
    for (size_t i = 0; name && i < COUNT; i++)
        if (strcmp(digest_algorithms[i].name, name) == 0)
            return &digest_algorithms[i];
    return NULL;
}

int32_t digest_methods_new(struct digest_methods **ret_methods)
{
    struct digest_methods *methods = calloc(1, sizeof *methods);
    if (!methods)
        return LLMSPELL_ENOMEM;
    ERR_set_mark();
    for (size_t i = 0; i < COUNT; i++)
        if (digest_algorithms[i].openssl)
            methods->digests[i] = EVP_MD_fetch(NULL, digest_algorithms[i].openssl, NULL);
    methods->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ERR_pop_to_mark(); /* what is missing is told when it is asked for */
    *ret_methods = methods;
    return 0;
}

void digest_methods_free(struct digest_methods *methods)
{
    if (!methods)
        return;
    for (size_t i = 0; i < COUNT; i++)
        EVP_MD_free(methods->digests[i]);
    EVP_MAC_free(methods->hmac);
    free(methods);
}

static int32_t init_mac(struct digest *digest, const struct digest_methods *methods,
                        const unsigned char *key, size_t key_size)
{
    if (!methods->hmac || !methods->digests[digest->algorithm - digest_algorithms])
        return LLMSPELL_EUNAVAILABLE;
    char name[32];
    size_t size = strlen(digest->algorithm->openssl);
    memcpy(name, digest->algorithm->openssl, size + 1); /* OSSL_PARAM takes no const */
    const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, size),
                                 OSSL_PARAM_END};
    digest->mac = true;
    digest->context = EVP_MAC_CTX_new(methods->hmac);
    if (!digest->context)
        return LLMSPELL_ENOMEM;
    return EVP_MAC_init(digest->context, key, key_size, params) ? 0 : LLMSPELL_EFAILED;
}

static int32_t init_openssl(struct digest *digest, const struct digest_methods *methods)
{
    const EVP_MD *method = methods->digests[digest->algorithm - digest_algorithms];
    if (!method)
        return LLMSPELL_EUNAVAILABLE;
    digest->context = EVP_MD_CTX_new();
    if (!digest->context)
        return LLMSPELL_ENOMEM;
    return EVP_DigestInit_ex2(digest->context, method, NULL) ? 0 : LLMSPELL_EFAILED;
}

static bool is_xxh3(const struct digest *digest)
{
    return !digest->algorithm->openssl && digest->algorithm->bits >= 64;
}

int32_t digest_init(struct digest *digest, const struct digest_methods *methods,
                    const struct algorithm *algorithm, const unsigned char *key, size_t key_size)
{
    digest->algorithm = algorithm;
    if (key)
        return algorithm->openssl ? init_mac(digest, methods, key, key_size) : LLMSPELL_EINVAL;
    if (algorithm->openssl)
        return init_openssl(digest, methods);
    digest->crc = crc32_z(0, NULL, 0);
    if (!is_xxh3(digest))
        return 0;
    digest->context = XXH3_createState();
    if (!digest->context)
        return LLMSPELL_ENOMEM;
    if (algorithm->bits == 64)
        return XXH3_64bits_reset(digest->context) == XXH_OK ? 0 : LLMSPELL_EFAILED;
    return XXH3_128bits_reset(digest->context) == XXH_OK ? 0 : LLMSPELL_EFAILED;
}

int32_t digest_update(struct digest *digest, const void *data, size_t size)
{
    int ok = 1;
    if (size == 0)
        return 0; /* zlib takes a NULL buffer as "start anew" */
    if (digest->mac)
        ok = EVP_MAC_update(digest->context, data, size);
    else if (digest->algorithm->openssl)
        ok = EVP_DigestUpdate(digest->context, data, size);
    else if (!is_xxh3(digest))
        digest->crc = crc32_z(digest->crc, data, size);
    else if (digest->algorithm->bits == 64)
        ok = XXH3_64bits_update(digest->context, data, size) == XXH_OK;
    else
        ok = XXH3_128bits_update(digest->context, data, size) == XXH_OK;
    return ok ? 0 : LLMSPELL_EFAILED;
}

/* The 32 or 64 bits of value, most significant byte first. */
static void put_big_endian(unsigned char *bytes, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--, value >>= 8)
        bytes[i - 1] = (unsigned char)value;
}

int32_t digest_final(struct digest *digest, unsigned char ret_bytes[DIGEST_MAX], size_t *ret_size)
{
    size_t size = digest->algorithm->bits / 8;
    int ok = 1;
    if (digest->mac) {
        ok = EVP_MAC_final(digest->context, ret_bytes, &size, DIGEST_MAX);
    } else if (digest->algorithm->openssl) {
        ok = EVP_DigestFinal_ex(digest->context, ret_bytes, NULL);
    } else if (!is_xxh3(digest)) {
        put_big_endian(ret_bytes, digest->crc, size);
    } else if (size == 8) {
        put_big_endian(ret_bytes, XXH3_64bits_digest(digest->context), size);
    } else {
        XXH128_hash_t hash = XXH3_128bits_digest(digest->context);
        put_big_endian(ret_bytes, hash.high64, 8);
        put_big_endian(ret_bytes + 8, hash.low64, 8);
    }
    *ret_size = size;
    return ok ? 0 : LLMSPELL_EFAILED;
}

void digest_clear(struct digest *digest)
{
    if (!digest->context)
        return;
    if (digest->mac)
        EVP_MAC_CTX_free(digest->context);
    else if (digest->algorithm->openssl)
        EVP_MD_CTX_free(digest->context);
    else
        XXH3_freeState(digest->context);
    digest->context = NULL;
}
