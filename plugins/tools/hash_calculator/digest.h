/* SPDX-License-Identifier: Apache-2.0
 * One interface over OpenSSL's digests and HMAC, xxHash and zlib's CRC-32. Used by
 * hash_calculator.c. Functions return 0 or a negative code of llmspell/error.h. */
#ifndef HASH_CALCULATOR_DIGEST_H
#define HASH_CALCULATOR_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_MAX 64 /* bytes of the longest digest */

struct algorithm {
    const char *name;    /* as in the manifest */
    const char *openssl; /* its name for EVP_MD_fetch; NULL: not from OpenSSL */
    unsigned bits;
    bool cryptographic; /* these, and only these, make an HMAC */
};

/* All of them, sorted by name. */
extern const struct algorithm digest_algorithms[];
extern const size_t digest_algorithm_count;

const struct algorithm *digest_find(const char *name); /* NULL if there is none */

/* What OpenSSL hands out once; shared by all threads, which only read it. */
struct digest_methods;

int32_t digest_methods_new(struct digest_methods **ret_methods);
void digest_methods_free(struct digest_methods *methods);

/* One running computation; belongs to one thread. Begin with {0}; clear in every case. */
struct digest {
    const struct algorithm *algorithm;
    void *context; /* EVP_MD_CTX, EVP_MAC_CTX or XXH3_state_t */
    bool mac;
    unsigned long crc;
};

/* key NULL: a plain digest, else an HMAC. EUNAVAILABLE: OpenSSL does not offer the algorithm. */
int32_t digest_init(struct digest *digest, const struct digest_methods *methods,
                    const struct algorithm *algorithm, const unsigned char *key, size_t key_size);
int32_t digest_update(struct digest *digest, const void *data, size_t size);
/* *ret_size is bits / 8. */
int32_t digest_final(struct digest *digest, unsigned char ret_bytes[DIGEST_MAX], size_t *ret_size);
void digest_clear(struct digest *digest);

#endif
