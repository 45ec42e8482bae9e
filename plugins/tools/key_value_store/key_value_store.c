/* SPDX-License-Identifier: Apache-2.0
 * key_value_store: JSON values by key and namespace, kept in a SQLite file that several processes
 * may use at once. Each call is one transaction. Called by the host's tool registry. */
#include <math.h>

#include <llmspell/clock.h>

#include "../shared/json_change.h"
#include "pairs.h"

#define EXPIRY_MAX 253402300799999.0 /* ms: the end of the year 9999 */

typedef int32_t (*operation_fn)(struct store *store, const json_t *params, json_t **ret_result);

static int32_t give(struct store *store, json_t **ret_result, json_t *result)
{
    return llmspell_return(store->database.call, ret_result, result);
}

/* ---- parameters ---- */

/* ttl_seconds as the time when it is over; fallback if it is not given. */
static int32_t expiry(const struct store *store, const json_t *params, int64_t fallback,
                      int64_t *ret_expires)
{
    const json_t *ttl = json_object_get(params, "ttl_seconds");
    *ret_expires = fallback;
    if (!ttl)
        return 0;
    double until = (double)store->now + ceil(json_number_value(ttl) * 1000);
    if (!(until <= EXPIRY_MAX))
        return llmspell_fail_at(store->database.call, LLMSPELL_EINVAL, "/ttl_seconds",
                                "the time to live ends after the year 9999; leave it out for keys "
                                "that stay");
    *ret_expires = (int64_t)until;
    return 0;
}

static int32_t write_value(struct store *store, const json_t *params, json_t *value,
                           int64_t fallback, const char *pointer, struct pair *pair)
{
    int64_t expires = NO_EXPIRY;
    int32_t rc = expiry(store, params, fallback, &expires);
    if (rc < 0)
        return rc;
    return pair_write(store, llmspell_string(params, "key"), value, expires, pointer, pair);
}

/* ---- operations on one key ---- */

static int32_t get(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    const char *key = llmspell_string(params, "key");
    int32_t rc = pair_read(store, key, &pair);
    if (rc < 0)
        return rc;
    json_t *expires = pair.expires == NO_EXPIRY ? NULL : expiry_json(pair.expires);
    return give(store, ret_result,
                json_pack("{s:s, s:b, s:O?, s:I, s:o*}", "key", key, "found", pair.value != NULL,
                          "value", pair.value, "version",
                          (json_int_t)(pair.value ? pair.version : 0), "expires_at", expires));
}

static int32_t set(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    const char *key = llmspell_string(params, "key");
    int32_t rc = pair_read(store, key, &pair);
    if (rc < 0)
        return rc;
    int created = pair.value == NULL;
    if (!created && llmspell_bool(params, "if_absent", 0))
        return llmspell_fail_at(store->database.call, LLMSPELL_EFAILED, "/key",
                                "the key \"%.200s\" exists already, with version %lld", key,
                                (long long)pair.version);
    rc = write_value(store, params, json_object_get(params, "value"), NO_EXPIRY, "/value", &pair);
    if (rc < 0)
        return rc;
    return give(store, ret_result,
                json_pack("{s:s, s:I, s:b}", "key", key, "version", (json_int_t)pair.version,
                          "created", created));
}

/* A key whose time is over is not there: its removal deletes nothing. */
static int32_t delete_key(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    const char *key = llmspell_string(params, "key");
    int32_t rc = pair_read(store, key, &pair);
    if (rc == 0 && pair.value)
        rc = pair_delete(store, key);
    return rc < 0 ? rc : give(store, ret_result, json_pack("{s:b}", "deleted", rc));
}

static int32_t exists(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    int32_t rc = pair_read(store, llmspell_string(params, "key"), &pair);
    return rc < 0 ? rc : give(store, ret_result, json_pack("{s:b}", "exists", pair.value != NULL));
}

static int32_t ttl(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    int32_t rc = pair_read(store, llmspell_string(params, "key"), &pair);
    if (rc < 0)
        return rc;
    int64_t left = pair.expires - store->now;
    json_t *seconds = left % 1000 ? json_real((double)left / 1000) : json_integer(left / 1000);
    if (pair.expires == NO_EXPIRY) {
        json_decref(seconds);
        seconds = json_null();
    }
    return give(store, ret_result, json_pack("{s:o}", "ttl_seconds", seconds));
}

static int32_t give_value(struct store *store, const json_t *params, const struct pair *pair,
                          json_t **ret_result)
{
    return give(store, ret_result,
                json_pack("{s:s, s:O, s:I}", "key", llmspell_string(params, "key"), "value",
                          pair->value, "version", (json_int_t)pair->version));
}

static int32_t increment(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    LLMSPELL_CLEANUP_JSON json_t *zero = json_integer(0), *sum = NULL;
    int32_t rc = pair_read(store, llmspell_string(params, "key"), &pair);
    if (rc < 0)
        return rc;
    if (pair.value && !json_is_number(pair.value))
        return llmspell_fail_at(store->database.call, LLMSPELL_EINVAL, "/key",
                                "the value of \"%.200s\" is not a number; set it first",
                                llmspell_string(params, "key"));
    sum = value_sum(pair.value ? pair.value : zero, json_object_get(params, "amount"));
    if (!sum)
        return llmspell_fail_at(store->database.call, LLMSPELL_EFAILED, "/amount",
                                "the sum is out of the range of numbers; use a smaller amount");
    rc = write_value(store, params, sum, KEEP_EXPIRY, "/amount", &pair);
    return rc < 0 ? rc : give_value(store, params, &pair, ret_result);
}

static int32_t append(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    int32_t rc = pair_read(store, llmspell_string(params, "key"), &pair);
    if (rc < 0)
        return rc;
    if (pair.value && !json_is_array(pair.value))
        return llmspell_fail_at(store->database.call, LLMSPELL_EINVAL, "/key",
                                "the value of \"%.200s\" is not an array; set it first",
                                llmspell_string(params, "key"));
    LLMSPELL_CLEANUP_JSON json_t *array = pair.value ? json_incref(pair.value) : json_array();
    if (json_array_append(array, json_object_get(params, "value")) != 0)
        return give(store, ret_result, NULL);
    rc = write_value(store, params, array, KEEP_EXPIRY, "/value", &pair);
    return rc < 0 ? rc : give_value(store, params, &pair, ret_result);
}

/* What the caller gave of expected and expected_version must hold. An absent key has the value null
 * and version 0, as get shows it. */
static bool is_expected(const json_t *params, const struct pair *pair)
{
    const json_t *expected = json_object_get(params, "expected");
    const json_t *version = json_object_get(params, "expected_version");
    json_int_t now = pair->value ? pair->version : 0;
    if (version && llmspell_integer(params, "expected_version", 0) != now)
        return false;
    if (!expected)
        return true;
    return pair->value ? json_same(expected, pair->value) : json_is_null(expected);
}

static int32_t compare_and_set(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    int32_t rc = pair_read(store, llmspell_string(params, "key"), &pair);
    if (rc < 0)
        return rc;
    int swapped = is_expected(params, &pair);
    if (swapped)
        rc = write_value(store, params, json_object_get(params, "value"), KEEP_EXPIRY, "/value",
                         &pair);
    if (rc < 0)
        return rc;
    return give(store, ret_result,
                json_pack("{s:b, s:O?, s:I}", "swapped", swapped, "value", pair.value, "version",
                          (json_int_t)(pair.value ? pair.version : 0)));
}

/* ---- operations on several keys ---- */

static int32_t get_one(struct store *store, const json_t *name, json_t *values, json_t *missing,
                       json_t *seen)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    const char *key = json_string_value(name);
    if (json_object_get(seen, key))
        return 0;
    int32_t rc = pair_read(store, key, &pair);
    if (rc == 0)
        rc = state_database_give(&store->database, pair.size);
    if (rc < 0)
        return rc;
    rc = json_object_set_new(seen, key, json_true());
    if (rc == 0 && pair.value)
        rc = json_object_set(values, key, pair.value);
    else if (rc == 0)
        rc = json_array_append(missing, (json_t *)name);
    return rc == 0 ? llmspell_cancelled(store->database.call)
                   : llmspell_fail(store->database.call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t get_many(struct store *store, const json_t *params, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *values = json_object(), *missing = json_array();
    LLMSPELL_CLEANUP_JSON json_t *seen = json_object();
    int32_t rc = 0;
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(params, "keys"), i, name)
    {
        if (rc == 0)
            rc = get_one(store, name, values, missing, seen);
    }
    if (rc < 0)
        return rc;
    return give(store, ret_result, json_pack("{s:O, s:O}", "values", values, "missing", missing));
}

#define ENTRY_POINTER (sizeof "/entries/" + 2 * 4 * KEY_MAX)

/* "/entries/KEY" with ~ and / as ~0 and ~1. */
static void entry_pointer(const char *key, char pointer[ENTRY_POINTER])
{
    char *out = stpcpy(pointer, "/entries/");
    for (; *key; key++) {
        *out++ = *key == '/' ? '~' : *key;
        if (*key == '/' || *key == '~')
            *out++ = *key == '/' ? '1' : '0';
    }
    *out = '\0';
}

/* With if_absent, none is stored if one exists. */
static int32_t set_one(struct store *store, const json_t *params, const char *key, json_t *value,
                       int64_t expires)
{
    CLEANUP_PAIR struct pair pair = {.value = NULL};
    char pointer[ENTRY_POINTER];
    entry_pointer(key, pointer);
    int32_t rc = pair_read(store, key, &pair);
    if (rc == 0 && pair.value && llmspell_bool(params, "if_absent", 0))
        return llmspell_fail_at(store->database.call, LLMSPELL_EFAILED, pointer,
                                "the key \"%.200s\" exists already, with version %lld; nothing was "
                                "stored",
                                key, (long long)pair.version);
    if (rc == 0)
        rc = pair_write(store, key, value, expires, pointer, &pair);
    return rc == 0 ? llmspell_cancelled(store->database.call) : rc;
}

static int32_t set_many(struct store *store, const json_t *params, json_t **ret_result)
{
    json_t *entries = json_object_get(params, "entries"), *value;
    int64_t expires = NO_EXPIRY;
    int32_t rc = expiry(store, params, NO_EXPIRY, &expires);
    const char *key;
    json_object_foreach(entries, key, value)
    {
        if (rc == 0)
            rc = set_one(store, params, key, value, expires);
    }
    if (rc < 0)
        return rc;
    return give(store, ret_result,
                json_pack("{s:I}", "count", (json_int_t)json_object_size(entries)));
}

static int32_t namespaces(struct store *store, const json_t *params, json_t **ret_result)
{
    (void)params;
    return pairs_namespaces(store, ret_result);
}

static int32_t stats(struct store *store, const json_t *params, json_t **ret_result)
{
    (void)params;
    return pairs_stats(store, ret_result);
}

/* ---- the call ---- */

static const struct operation {
    const char *name;
    operation_fn run;
    bool writes;
} operations[] = {
    {"get", get, false},           {"set", set, true},
    {"delete", delete_key, true},  {"exists", exists, false},
    {"list", pairs_list, false},   {"increment", increment, true},
    {"append", append, true},      {"compare_and_set", compare_and_set, true},
    {"get_many", get_many, false}, {"set_many", set_many, true},
    {"clear", pairs_clear, true},  {"namespaces", namespaces, false},
    {"ttl", ttl, false},           {"stats", stats, false},
};

static const struct operation *find(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    }
    return NULL;
}

/* What fails is undone when the database is closed. */
static int32_t run(struct store *store, const struct operation *operation, const json_t *params,
                   json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    int32_t rc =
        state_database_run(&store->database, operation->writes ? "BEGIN IMMEDIATE" : "BEGIN");
    struct timespec now = llmspell_now(store->database.call); /* after the wait for others */
    store->now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (rc == 0 && operation->writes)
        rc = pairs_purge(store, false);
    if (rc == 0)
        rc = operation->run(store, params, &result);
    if (rc == 0)
        rc = state_database_run(&store->database, "COMMIT");
    if (rc == 0)
        *ret_result = llmspell_steal_json(&result);
    return rc;
}

static void store_clear(struct store *store)
{
    state_database_clear(&store->database);
}

static int32_t key_value_store_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    __attribute__((cleanup(store_clear))) struct store store = {
        .namespace = llmspell_string(params, "namespace")};
    const struct operation *operation = find(llmspell_string(params, "operation"));
    if (!operation)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "unknown operation");
    int32_t rc = state_database_open(call, "store.db", pairs_schema, STORE_MAX, &store.database);
    return rc < 0 ? rc : run(&store, operation, params, ret_result);
}

LLMSPELL_TOOL(.invoke = key_value_store_invoke)
