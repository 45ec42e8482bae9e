/* SPDX-License-Identifier: Apache-2.0
 * Signing and checking with Nettle's HMAC: the key is taken in once, and each message begins with a
 * copy of that state, so that threads sign side by side. Called by wire.c for every message. */
#include "sign.h"

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <llmspell/error.h>

struct signer {
    int keyed;
    struct hmac_sha256_ctx begun; /* has taken the key */
};

int signer_new(struct span key, struct signer **ret_signer)
{
    struct signer *signer = calloc(1, sizeof *signer);
    if (!signer)
        return LLMSPELL_ENOMEM;
    signer->keyed = key.size > 0;
    if (signer->keyed)
        hmac_sha256_set_key(&signer->begun, key.size, (const uint8_t *)key.data);
    *ret_signer = signer;
    return 0;
}

void signer_free(struct signer *signer)
{
    if (signer)
        explicit_bzero(signer, sizeof *signer);
    free(signer);
}

int signer_sign(struct signer *signer, const struct span *parts, size_t count,
                char ret_signature[SIGN_SIZE], size_t *ret_size)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    if (!signer->keyed) {
        *ret_size = 0;
        return 0;
    }
    struct hmac_sha256_ctx mac = signer->begun;
    for (size_t i = 0; i < count; i++)
        if (parts[i].size)
            hmac_sha256_update(&mac, parts[i].size, (const uint8_t *)parts[i].data);
    hmac_sha256_digest(&mac, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        ret_signature[2 * i] = hex[digest[i] >> 4];
        ret_signature[2 * i + 1] = hex[digest[i] & 15];
    }
    *ret_size = SIGN_SIZE;
    return 0;
}

int signer_check(struct signer *signer, struct span signature, const struct span *parts,
                 size_t count)
{
    char right[SIGN_SIZE];
    size_t size = 0;
    int result = signer_sign(signer, parts, count, right, &size);
    if (result < 0)
        return result;
    if (!signer->keyed)
        return 0;
    if (signature.size != size || !memeql_sec(signature.data, right, size))
        return LLMSPELL_EPERM;
    return 0;
}

/* ---- replay: a ring of the last signatures (their first 64 bits) with a hash table over it ----
 */

#define TABLE_SIZE (2 * SIGN_HISTORY) /* a power of two */

struct replay {
    uint32_t next; /* slot of the ring that is written next */
    uint64_t ring[SIGN_HISTORY];
    uint32_t table[TABLE_SIZE]; /* slot of the ring + 1; 0 is free */
};

int replay_new(struct replay **ret_replay)
{
    void *pages = mmap(NULL, sizeof(struct replay), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* 1 MiB, paid for page by page */
    if (pages == MAP_FAILED)
        return LLMSPELL_ENOMEM;
    *ret_replay = pages;
    return 0;
}

void replay_free(struct replay *replay)
{
    if (replay)
        munmap(replay, sizeof *replay);
}

/* The place of key in the table, or the free place where it belongs. Signatures are random bits, so
 * the low ones are the hash. */
static uint32_t replay_find(const struct replay *replay, uint64_t key)
{
    uint32_t at = (uint32_t)key % TABLE_SIZE;
    while (replay->table[at] && replay->ring[replay->table[at] - 1] != key)
        at = (at + 1) % TABLE_SIZE;
    return at;
}

/* Takes out an entry and closes the gap, so that chains through it stay whole. */
static void replay_forget(struct replay *replay, uint64_t key)
{
    uint32_t gap = replay_find(replay, key);
    if (!replay->table[gap])
        return;
    for (uint32_t at = (gap + 1) % TABLE_SIZE; replay->table[at]; at = (at + 1) % TABLE_SIZE) {
        uint32_t home = (uint32_t)replay->ring[replay->table[at] - 1] % TABLE_SIZE;
        if ((at - home) % TABLE_SIZE >= (at - gap) % TABLE_SIZE) {
            replay->table[gap] = replay->table[at];
            gap = at;
        }
    }
    replay->table[gap] = 0;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

int replay_check(struct replay *replay, struct span signature)
{
    uint64_t key = 0;
    if (signature.size != SIGN_SIZE)
        return 0;
    for (int i = 0; i < 16; i++)
        key = key << 4 | (uint64_t)(nibble(signature.data[i]) & 15);
    key += key == 0; /* 0 marks a slot that was never used */
    uint32_t at = replay_find(replay, key);
    if (replay->table[at])
        return LLMSPELL_EPERM;
    if (replay->ring[replay->next]) {
        replay_forget(replay, replay->ring[replay->next]);
        at = replay_find(replay, key); /* the gap may have moved the free place */
    }
    replay->ring[replay->next] = key;
    replay->table[at] = replay->next + 1;
    replay->next = (replay->next + 1) % SIGN_HISTORY;
    return 0;
}
