/* SPDX-License-Identifier: Apache-2.0
 * Operations of the store over many keys: list, clear, namespaces, stats. */
#include "pairs.h"

/* A key that is there for its users. */
#define VISIBLE "value IS NOT NULL AND (expires = 0 OR expires > ?2)"

/* A statement with namespace as ?1 and now as ?2. */
static int32_t prepare(struct store *store, const char *sql, sqlite3_stmt **ret_statement)
{
    int32_t rc = state_database_prepare(&store->database, sql, ret_statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(*ret_statement, 1, store->namespace, -1, SQLITE_STATIC);
    sqlite3_bind_int64(*ret_statement, 2, store->now);
    return 0;
}

/* A blob of no bytes is not NULL. */
static void bind_blob(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_blob(statement, index, text, (int)strlen(text), SQLITE_STATIC);
}

/* Where the keys that begin with prefix begin and end, as two parameters from index on: the rest of
 * a large namespace is not gone through. No byte of UTF-8 is 0xFF. */
static void bind_prefix(sqlite3_stmt *statement, int index, const char *prefix)
{
    char end[4 * KEY_MAX + 1] = "\xFF";
    size_t size = strlen(prefix);
    if (size > 0 && size < sizeof end) {
        memcpy(end, prefix, size + 1);
        end[size - 1]++;
    }
    bind_blob(statement, index, prefix);
    sqlite3_bind_blob(statement, index + 1, end, (int)strlen(end), SQLITE_TRANSIENT);
}

static json_t *list_entry(sqlite3_stmt *statement)
{
    int64_t expires = sqlite3_column_int64(statement, 2);
    return json_pack("{s:s%, s:I, s:o*, s:I}", "key", sqlite3_column_blob(statement, 0),
                     (size_t)sqlite3_column_bytes(statement, 0), "version",
                     (json_int_t)sqlite3_column_int64(statement, 1), "expires_at",
                     expires == NO_EXPIRY ? NULL : expiry_json(expires), "bytes",
                     (json_int_t)sqlite3_column_int64(statement, 3));
}

/* Up to limit entries; 1 if there are more. */
static int32_t collect(struct store *store, sqlite3_stmt *statement, json_int_t limit, json_t *keys)
{
    int32_t rc;
    while ((rc = state_database_step(&store->database, statement)) > 0) {
        if ((json_int_t)json_array_size(keys) == limit)
            return 1;
        if (json_array_append_new(keys, list_entry(statement)) != 0)
            return llmspell_fail(store->database.call, LLMSPELL_ENOMEM, "out of memory");
    }
    return rc;
}

int32_t pairs_list(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *keys = json_array();
    const char *after = llmspell_string(params, "after");
    json_int_t limit = llmspell_integer(params, "limit", 100);
    int32_t rc = prepare(store,
                         "SELECT key, version, expires, length(value) FROM pair WHERE "
                         "namespace = ?1 AND " VISIBLE " AND key > ?3 AND key >= ?4 AND "
                         "key < ?5 ORDER BY key LIMIT ?6",
                         &statement);
    if (rc < 0)
        return rc;
    bind_blob(statement, 3, after ? after : "");
    bind_prefix(statement, 4, llmspell_string(params, "prefix"));
    sqlite3_bind_int64(statement, 6, limit + 1);
    rc = collect(store, statement, limit, keys);
    if (rc < 0)
        return rc;
    json_t *last = rc > 0 ? json_array_get(keys, json_array_size(keys) - 1) : NULL;
    return llmspell_return(store->database.call, ret_result,
                           json_pack("{s:O, s:I, s:O?}", "keys", keys, "count",
                                     (json_int_t)json_array_size(keys), "next",
                                     json_object_get(last, "key")));
}

/* Values of keys whose time is over go, too, but do not count. */
int32_t pairs_clear(struct store *store, const json_t *params, json_t **ret_result)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc =
        prepare(store,
                "UPDATE pair SET value = NULL, expires = 0 WHERE namespace = ?1 AND " VISIBLE
                " AND key >= ?3 AND key < ?4",
                &statement);
    if (rc < 0)
        return rc;
    bind_prefix(statement, 3, llmspell_string(params, "prefix"));
    rc = state_database_step(&store->database, statement);
    if (rc < 0)
        return rc;
    return llmspell_return(
        store->database.call, ret_result,
        json_pack("{s:I}", "deleted", (json_int_t)sqlite3_changes64(store->database.sqlite)));
}

int32_t pairs_namespaces(struct store *store, json_t **ret_result)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = prepare(store,
                         "SELECT namespace, count(*) FROM pair WHERE " VISIBLE
                         " GROUP BY namespace ORDER BY namespace",
                         &statement);
    while (rc >= 0 && (rc = state_database_step(&store->database, statement)) > 0) {
        json_t *entry = json_pack("{s:s, s:I}", "name", sqlite3_column_text(statement, 0), "keys",
                                  (json_int_t)sqlite3_column_int64(statement, 1));
        if (json_array_append_new(list, entry) != 0)
            return llmspell_return(store->database.call, ret_result, NULL);
    }
    if (rc < 0)
        return rc;
    return llmspell_return(store->database.call, ret_result,
                           json_pack("{s:O}", "namespaces", list));
}

int32_t pairs_stats(struct store *store, json_t **ret_result)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = prepare(store,
                         "SELECT count(*) FILTER (WHERE namespace = ?1), "
                         "coalesce(sum(length(value)) FILTER (WHERE namespace = ?1), 0), "
                         "count(*) FILTER (WHERE namespace = ?1 AND expires > 0), "
                         "count(DISTINCT namespace), count(*), coalesce(sum(length(value)), 0) "
                         "FROM pair WHERE " VISIBLE,
                         &statement);
    if (rc == 0)
        rc = state_database_step(&store->database, statement);
    if (rc < 0)
        return rc;
    json_int_t column[6];
    for (int i = 0; i < 6; i++)
        column[i] = sqlite3_column_int64(statement, i);
    return llmspell_return(store->database.call, ret_result,
                           json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "namespace",
                                     store->namespace, "keys", column[0], "bytes", column[1],
                                     "expiring", column[2], "namespaces", column[3], "total_keys",
                                     column[4], "total_bytes", column[5]));
}
