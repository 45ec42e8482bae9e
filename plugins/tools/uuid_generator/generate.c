/* SPDX-License-Identifier: Apache-2.0
 * The generators of generate.h. v1 is made here and not by libuuid, which puts the machine's MAC
 * address into it; v3 and v5 need no state and come from libuuid (uuid_generator.c). */
#include "generate.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <llmspell/error.h>

#define SECOND_TICKS 10000000 /* of 100 ns */
#define V7_TAIL 74            /* bits behind the 48 of the time, without version and variant */
#define ULID_TAIL 80

struct v1_source {
    pthread_mutex_t lock;
    int64_t last;      /* ticks of the newest UUID */
    unsigned sequence; /* 14 bits */
    unsigned char node[6];
};

static int32_t random_bytes(void *bytes, size_t size)
{
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return LLMSPELL_EIO;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static void set_version(struct id *id, unsigned version)
{
    id->bytes[6] = (unsigned char)((id->bytes[6] & 0x0F) | version << 4);
    id->bytes[8] = (unsigned char)((id->bytes[8] & 0x3F) | 0x80);
}

static void put_number(struct id *id, unsigned __int128 number)
{
    for (int i = 15; i >= 0; i--, number >>= 8)
        id->bytes[i] = (unsigned char)number;
}

int32_t generate_v4(struct id *ret_id)
{
    int32_t rc = random_bytes(ret_id->bytes, sizeof ret_id->bytes);
    set_version(ret_id, 4);
    return rc;
}

/* ---- v1 ---- */

int32_t v1_source_new(struct v1_source **ret_source)
{
    unsigned char seed[8];
    struct v1_source *source = calloc(1, sizeof *source);
    if (!source)
        return LLMSPELL_ENOMEM;
    if (random_bytes(seed, sizeof seed) < 0 || pthread_mutex_init(&source->lock, NULL) != 0) {
        free(source);
        return LLMSPELL_EIO;
    }
    memcpy(source->node, seed, sizeof source->node);
    source->node[0] |= 1; /* multicast: never equal to the address of a network card */
    source->sequence = ((unsigned)seed[6] << 8 | seed[7]) & 0x3FFFu;
    source->last = INT64_MIN;
    *ret_source = source;
    return 0;
}

void v1_source_free(struct v1_source *source)
{
    if (!source)
        return;
    pthread_mutex_destroy(&source->lock);
    free(source);
}

/* Within a tick the time is counted on; if the clock was set back by a second or more, the clock
 * sequence says so (RFC 9562, 6.1 and 6.2). */
static int64_t v1_advance(struct v1_source *source, const struct llmspell_call *call,
                          unsigned *ret_sequence)
{
    struct timespec now = llmspell_now(call);
    int64_t ticks = (int64_t)now.tv_sec * SECOND_TICKS + now.tv_nsec / 100 + GREGORIAN_TICKS;
    pthread_mutex_lock(&source->lock);
    if (ticks <= source->last && source->last - ticks < SECOND_TICKS)
        ticks = source->last + 1;
    else if (ticks <= source->last)
        source->sequence = (source->sequence + 1) & 0x3FFFu;
    source->last = ticks;
    *ret_sequence = source->sequence;
    pthread_mutex_unlock(&source->lock);
    return ticks;
}

int32_t generate_v1(struct v1_source *source, const struct llmspell_call *call, struct id *ret_id)
{
    unsigned sequence;
    uint64_t ticks = (uint64_t)v1_advance(source, call, &sequence);
    uint64_t high = ticks << 32 | (ticks >> 32 & 0xFFFF) << 16 | (ticks >> 48 & 0xFFF);
    put_number(ret_id, (unsigned __int128)high << 64 | (uint64_t)sequence << 48);
    memcpy(ret_id->bytes + 10, source->node, sizeof source->node);
    set_version(ret_id, 1);
    return 0;
}

/* ---- v7 and ULID ---- */

static uint64_t now_ms(const struct llmspell_call *call)
{
    struct timespec now = llmspell_now(call);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A fresh random tail. Its top bit is left clear, so that the tail can be counted up. */
static int32_t start_tail(struct run *run, unsigned bits)
{
    int32_t rc = random_bytes(&run->tail, sizeof run->tail);
    run->tail &= ((unsigned __int128)1 << (bits - 1)) - 1;
    return rc;
}

/* In a new millisecond the tail is drawn anew; in the same one it grows by a random step, so that
 * the next one cannot be guessed ("monotonic random", RFC 9562, 6.2). */
static int32_t run_advance(struct run *run, unsigned bits)
{
    uint64_t now = now_ms(run->call);
    if (!run->started || now > run->ms) {
        run->started = true;
        run->ms = now;
        return start_tail(run, bits);
    }
    uint32_t step;
    int32_t rc = random_bytes(&step, sizeof step);
    run->tail += (unsigned __int128)step + 1;
    if (rc < 0 || run->tail >> bits == 0)
        return rc;
    run->ms++;
    return start_tail(run, bits);
}

int32_t run_next(struct run *run, struct id *ret_id)
{
    int32_t rc = run_advance(run, run->ulid ? ULID_TAIL : V7_TAIL);
    if (rc < 0)
        return rc;
    unsigned __int128 time = (unsigned __int128)(run->ms & 0xFFFFFFFFFFFFull) << 80;
    if (run->ulid) {
        put_number(ret_id, time | run->tail);
        return 0;
    }
    uint64_t high = (uint64_t)(run->tail >> 62), low = (uint64_t)run->tail & ~0ull >> 2;
    put_number(ret_id, time | (unsigned __int128)high << 64 | low);
    set_version(ret_id, 7);
    return 0;
}
