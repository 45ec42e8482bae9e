/* SPDX-License-Identifier: Apache-2.0
 * The stream of random words: getrandom(2), or xoshiro256** (Blackman and Vigna) whose state comes
 * from splitmix64, so that a seed gives the same results on every machine. */
#include "random.h"

#include <errno.h>
#include <sys/random.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void source_init(struct source *source, const json_t *seed)
{
    source->seeded = seed != NULL;
    source->error = 0;
    source->left = 0;
    if (!seed)
        return;
    uint64_t state = (uint64_t)(json_is_integer(seed) ? json_integer_value(seed)
                                                      : (json_int_t)json_real_value(seed));
    for (int i = 0; i < 4; i++)
        source->state[i] = splitmix64(&state);
}

void source_clear(struct source *source)
{
    explicit_bzero(source, sizeof *source);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t xoshiro(uint64_t state[4])
{
    uint64_t result = rotate(state[1] * 5, 7) * 9, mixed = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= mixed;
    state[3] = rotate(state[3], 45);
    return result;
}

static void fetch(struct source *source)
{
    unsigned char *at = (unsigned char *)source->block;
    size_t left = sizeof source->block;
    while (left > 0) {
        ssize_t n = getrandom(at, left, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            source->error = n < 0 ? errno : EIO;
            memset(source->block, 0, sizeof source->block);
            break;
        }
        at += n;
        left -= (size_t)n;
    }
    source->left = BLOCK;
}

uint64_t source_next(struct source *source)
{
    if (source->seeded)
        return xoshiro(source->state);
    if (source->left == 0)
        fetch(source);
    return source->block[--source->left];
}

uint64_t source_below(struct source *source, uint64_t n)
{
    uint64_t x = source_next(source);
    if (n == 0)
        return x;
    uint64_t rest =
        (0 - n) % n; /* 2^64 mod n: the words from 2^64 - rest on would favour small results */
    while (rest != 0 && x >= 0 - rest)
        x = source_next(source);
    return x % n;
}

double source_fraction(struct source *source)
{
    return (double)(source_next(source) >> 11) * 0x1p-53;
}
