/* SPDX-License-Identifier: Apache-2.0
 * random_generator: the source of random words and what its operations share. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <llmspell/tool.h>

#define BLOCK 256       /* words that one getrandom(2) fetches */
#define WORD_COUNT 2048 /* words of passphrases */
#define WORD_BITS 11

/* xoshiro256** if seeded, else getrandom(2). Lives for one call. */
struct source {
    bool seeded;
    int error;         /* errno of getrandom; from then on all words are 0 */
    uint64_t state[4]; /* seeded */
    uint64_t block[BLOCK];
    size_t left; /* words of block that are not used yet */
};

void source_init(struct source *source, const json_t *seed);
void source_clear(struct source *source); /* leaves nothing of a password behind */
uint64_t source_next(struct source *source);

/* A number below n without bias; n = 0 stands for 2^64. */
uint64_t source_below(struct source *source, uint64_t n);

/* 53 random bits in [0, 1). */
double source_fraction(struct source *source);

/* One call. An operation fills values, and adds the members it has to extra. */
struct task {
    struct llmspell_call *call;
    const json_t *params;
    struct source source;
    size_t count;
    json_t *values;
    json_t *extra;
};

/* Appends a new value; takes it over. NULL: out of memory. */
int32_t task_add(struct task *task, json_t *value);

/* 0, or the code to return: cancelled, timed out, or getrandom failed. Cheap. */
int32_t task_check(struct task *task);

int32_t no_memory(struct llmspell_call *call);

/* A whole double as an integer, also -0; others as they are. */
json_t *number_json(double value);

int32_t random_integer(struct task *task);
int32_t random_float(struct task *task);
int32_t random_boolean(struct task *task);
int32_t random_string(struct task *task);
int32_t random_bytes(struct task *task);
int32_t random_password(struct task *task);
int32_t random_passphrase(struct task *task);
int32_t random_choice(struct task *task);
int32_t random_sample(struct task *task);
int32_t random_shuffle(struct task *task);
int32_t random_dice(struct task *task);

extern const char *const random_words[WORD_COUNT];

#endif
