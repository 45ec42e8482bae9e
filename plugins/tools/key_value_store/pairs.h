/* SPDX-License-Identifier: Apache-2.0
 * One key of the store: reading and writing its row. And the operations that only read lists. */
#ifndef PAIRS_H
#define PAIRS_H

#include <stdbool.h>

#include "../shared/state_database.h"

#define KEY_MAX 512 /* characters of a key */
#define KEYS_MAX 1000000
#define STORE_MAX (1ll << 30) /* bytes of the file */
#define VALUE_MAX (1u << 20)  /* bytes of a value as compact JSON */
#define KEEP_EXPIRY INT64_MIN /* pair_write: what the key has now */
#define NO_EXPIRY 0

extern const char pairs_schema[];

/* What a call works on. */
struct store {
    struct state_database database;
    const char *namespace;
    int64_t now; /* ms since 1970, one for the whole call */
};

/* A key as it is now. A key that is not there has value NULL and expires NO_EXPIRY, but version
 * still tells what it last had (0: never was). */
struct pair {
    json_t *value; /* owned */
    int64_t version;
    int64_t expires; /* ms since 1970, or NO_EXPIRY */
    size_t size;     /* bytes of the value as text */
};

static inline void pair_clear(struct pair *pair)
{
    json_decref(pair->value);
}

#define CLEANUP_PAIR __attribute__((cleanup(pair_clear)))

int32_t pair_read(struct store *store, const char *key, struct pair *ret_pair);

/* Puts value in place: *pair is then what is stored. The new version is one above the old.
 * pointer: what to blame if value is too large. Within a transaction. */
int32_t pair_write(struct store *store, const char *key, json_t *value, int64_t expires,
                   const char *pointer, struct pair *pair);

/* 1 if the key was there, else 0. Its version stays known. */
int32_t pair_delete(struct store *store, const char *key);

/* Forgets the values of some keys whose time is over; of all with everything. */
int32_t pairs_purge(struct store *store, bool everything);

/* "2026-11-23T10:00:00Z", with milliseconds if they are not zero. */
json_t *expiry_json(int64_t expires);

/* a + b: an integer where the sum is whole and exact. NULL if it is beyond all numbers. */
json_t *value_sum(const json_t *a, const json_t *b);

/* ---- listing.c ---- */

int32_t pairs_list(struct store *store, const json_t *params, json_t **ret_result);
int32_t pairs_clear(struct store *store, const json_t *params, json_t **ret_result);
int32_t pairs_namespaces(struct store *store, json_t **ret_result);
int32_t pairs_stats(struct store *store, json_t **ret_result);

#endif
