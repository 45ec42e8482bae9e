/* SPDX-License-Identifier: Apache-2.0
 * One key of the store: its row. Rows of deleted keys stay, without value, for their versions. */
#include "pairs.h"

#include "../shared/json_put.h"

#define PURGE_BATCH 100 /* expired keys that one write cleans up */

/* Keys are blobs, compared byte by byte: the order of code points. The trigger keeps count, since
 * counting a million rows at each write would not do. */
const char pairs_schema[] =
    "CREATE TABLE IF NOT EXISTS pair (namespace TEXT NOT NULL, key BLOB NOT NULL, value BLOB, "
    "version INTEGER NOT NULL, expires INTEGER NOT NULL, UNIQUE (namespace, key));"
    "CREATE INDEX IF NOT EXISTS pair_expires ON pair (expires) WHERE expires > 0;"
    "CREATE TABLE IF NOT EXISTS live (count INTEGER NOT NULL);"
    "CREATE TRIGGER IF NOT EXISTS pair_insert AFTER INSERT ON pair BEGIN "
    "UPDATE live SET count = count + (new.value IS NOT NULL); END;"
    "CREATE TRIGGER IF NOT EXISTS pair_update AFTER UPDATE OF value ON pair BEGIN "
    "UPDATE live SET count = count + (new.value IS NOT NULL) - (old.value IS NOT NULL); END;"
    "INSERT INTO live SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM live);";

/* A statement with namespace as ?1 and key as ?2. */
static int32_t prepare(struct store *store, const char *sql, const char *key,
                       sqlite3_stmt **ret_statement)
{
    int32_t rc = state_database_prepare(&store->database, sql, ret_statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(*ret_statement, 1, store->namespace, -1, SQLITE_STATIC);
    sqlite3_bind_blob(*ret_statement, 2, key, (int)strlen(key), SQLITE_STATIC);
    return 0;
}

static int32_t decode(struct store *store, sqlite3_stmt *statement, struct pair *pair)
{
    const char *text = sqlite3_column_blob(statement, 0);
    size_t n = (size_t)sqlite3_column_bytes(statement, 0);
    pair->size = n;
    pair->value = json_loadb(text ? text : "", n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!pair->value)
        return llmspell_fail(store->database.call, LLMSPELL_EIO,
                             "the store holds a value that is not JSON");
    return 0;
}

int32_t pair_read(struct store *store, const char *key, struct pair *ret_pair)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    *ret_pair = (struct pair){.expires = NO_EXPIRY};
    int32_t rc = prepare(store,
                         "SELECT value, version, expires FROM pair WHERE namespace = ?1 AND "
                         "key = ?2",
                         key, &statement);
    if (rc == 0)
        rc = state_database_step(&store->database, statement);
    if (rc <= 0)
        return rc;
    ret_pair->version = sqlite3_column_int64(statement, 1);
    int64_t expires = sqlite3_column_int64(statement, 2);
    bool gone = expires != NO_EXPIRY && expires <= store->now;
    if (gone || sqlite3_column_type(statement, 0) == SQLITE_NULL)
        return 0;
    ret_pair->expires = expires;
    return decode(store, statement, ret_pair);
}

static int32_t live_count(struct store *store, int64_t *ret_count)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = state_database_prepare(&store->database, "SELECT count FROM live", &statement);
    if (rc == 0)
        rc = state_database_step(&store->database, statement);
    if (rc > 0)
        *ret_count = sqlite3_column_int64(statement, 0);
    return rc < 0 ? rc : 0;
}

/* Expired keys do not count against the limit: they are removed before it is said to be reached. */
static int32_t check_room(struct store *store)
{
    int64_t count = 0;
    int32_t rc = live_count(store, &count);
    if (rc == 0 && count >= KEYS_MAX)
        rc = pairs_purge(store, true);
    if (rc == 0 && count >= KEYS_MAX)
        rc = live_count(store, &count);
    if (rc == 0 && count >= KEYS_MAX)
        rc = llmspell_fail(store->database.call, LLMSPELL_ELIMIT,
                           "the store holds %d keys, its limit; delete some first", KEYS_MAX);
    return rc;
}

/* As text with doubles in the shortest form, so that `bytes` is what people expect. */
static int32_t encode(struct store *store, const json_t *value, const char *pointer,
                      struct bounded_text *text)
{
    json_put(text, value, 0, false);
    if (text->error == LLMSPELL_ELIMIT)
        return llmspell_fail_at(store->database.call, LLMSPELL_ELIMIT, pointer,
                                "the value has more bytes as JSON than the limit of %u", VALUE_MAX);
    return bounded_text_check(store->database.call, text);
}

int32_t pair_write(struct store *store, const char *key, json_t *value, int64_t expires,
                   const char *pointer, struct pair *pair)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text text = {.max = VALUE_MAX};
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = encode(store, value, pointer, &text);
    if (rc == 0 && !pair->value)
        rc = check_room(store);
    if (rc == 0)
        rc = prepare(store,
                     "INSERT INTO pair (namespace, key, value, version, expires) VALUES (?1, ?2, "
                     "?3, ?4, ?5) ON CONFLICT (namespace, key) DO UPDATE SET value = "
                     "excluded.value, version = excluded.version, expires = excluded.expires",
                     key, &statement);
    if (rc < 0)
        return rc;
    int64_t until = expires == KEEP_EXPIRY ? pair->expires : expires;
    sqlite3_bind_blob(statement, 3, text.text, (int)text.used, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, pair->version + 1);
    sqlite3_bind_int64(statement, 5, until);
    rc = state_database_step(&store->database, statement);
    if (rc < 0)
        return rc;
    json_incref(value);
    json_decref(pair->value);
    *pair = (struct pair){value, pair->version + 1, until, text.used};
    return 0;
}

int32_t pair_delete(struct store *store, const char *key)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = prepare(store,
                         "UPDATE pair SET value = NULL, expires = 0 WHERE namespace = ?1 AND "
                         "key = ?2 AND value IS NOT NULL",
                         key, &statement);
    if (rc == 0)
        rc = state_database_step(&store->database, statement);
    return rc < 0 ? rc : sqlite3_changes(store->database.sqlite) > 0;
}

int32_t pairs_purge(struct store *store, bool everything)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = state_database_prepare(
        &store->database,
        "UPDATE pair SET value = NULL, expires = 0 WHERE rowid IN (SELECT rowid FROM pair WHERE "
        "expires > 0 AND expires <= ?1 LIMIT ?2)",
        &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(statement, 1, store->now);
    sqlite3_bind_int64(statement, 2, everything ? -1 : PURGE_BATCH);
    return state_database_step(&store->database, statement);
}
