/* SPDX-License-Identifier: Apache-2.0
 * A tool's store: one table in SQLite with a write-ahead log, shared by all processes that run the
 * tool. Loaded and called by tool/extensions.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/state.h"
#include "util/utf8.h"

#define PAGE_SIZE 4096
#define BUSY_WAIT_NS 2000000 /* between two tries while another process writes */
#define BUSY_TRIES 5000      /* ten seconds */
#define LIST_LIMIT 1000
#define ENCODING (JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS)

enum query { GET, SET, REMOVE, LIST, BEGIN, COMMIT, ROLLBACK, QUERIES };

static const char *const SQL[QUERIES] = {
    [GET] = "SELECT value FROM state WHERE key = ?1",
    [SET] = "INSERT INTO state (key, value) VALUES (?1, ?2) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    [REMOVE] = "DELETE FROM state WHERE key = ?1",
    /* Keys are blobs: compared byte by byte. */
    [LIST] = "SELECT key FROM state WHERE key > ?1 AND key >= ?2 AND "
             "substr(key, 1, length(?2)) = ?2 ORDER BY key LIMIT ?3",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

struct state_store {
    pthread_mutex_t lock;
    sqlite3 *database;
    sqlite3_stmt *queries[QUERIES];
    const struct llmspell_call *call; /* of the one who holds the lock; NULL while opening */
    int stopped;                      /* the busy handler gave up: a code */
    char *path;
};

/* ---- errors ---- */

static int fail(struct state_store *store, struct error *ret_error)
{
    int code = sqlite3_errcode(store->database);
    const char *path = store->path;
    if (store->stopped < 0)
        return store->stopped;
    if (code == SQLITE_FULL)
        return error_set(ret_error, LLMSPELL_ELIMIT,
                         "the store of this tool is full: it may have %llu MiB; remove keys",
                         LLMSPELL_STATE_TOTAL_MAX >> 20);
    if (code == SQLITE_NOMEM)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (code == SQLITE_BUSY)
        return error_set(ret_error, LLMSPELL_ETIMEOUT, "another process holds the store %s", path);
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return error_set(ret_error, LLMSPELL_EIO,
                         "the store %s is damaged (%s): move it away, and the tool begins anew",
                         path, sqlite3_errmsg(store->database));
    return error_set(ret_error, LLMSPELL_EIO, "the store %s: %s", path,
                     sqlite3_errmsg(store->database));
}

/* SQLite's own has no ear for cancellation. */
static int on_busy(void *data, int tries)
{
    struct state_store *store = data;
    const struct timespec pause = {.tv_nsec = BUSY_WAIT_NS};
    if (store->call)
        store->stopped = store->call->host->cancelled(store->call);
    if (store->stopped < 0 || tries >= BUSY_TRIES)
        return 0;
    nanosleep(&pause, NULL);
    return 1;
}

/* ---- open ---- */

static int set_up(struct state_store *store)
{
    char pragmas[256];
    sqlite3_busy_handler(store->database, on_busy, store);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
             "PRAGMA max_page_count = %llu; PRAGMA cell_size_check = ON;",
             PAGE_SIZE, LLMSPELL_STATE_TOTAL_MAX / PAGE_SIZE);
    int rc = sqlite3_exec(store->database, pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(store->database,
                          "CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value TEXT NOT "
                          "NULL) WITHOUT ROWID",
                          NULL, NULL, NULL);
    for (int i = 0; rc == SQLITE_OK && i < QUERIES; i++)
        rc = sqlite3_prepare_v3(store->database, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->queries[i], NULL);
    return rc;
}

static void disconnect(struct state_store *store)
{
    for (int i = 0; i < QUERIES; i++) {
        sqlite3_finalize(store->queries[i]);
        store->queries[i] = NULL;
    }
    sqlite3_close(store->database);
    store->database = NULL;
}

static void store_close(struct state_store *store)
{
    if (!store)
        return;
    disconnect(store);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

/* SQLite would make the file readable by all; its log files get the mode of the file. */
static int make_file(const char *path, struct error *ret_error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot open the store %s: %s", path,
                         strerror(errno));
    close(fd);
    return 0;
}

/* Two processes that make the same file may see it locked for a moment without being asked to wait.
 */
static int connect_file(struct state_store *store, struct error *ret_error)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    const struct timespec pause = {.tv_nsec = BUSY_WAIT_NS};
    int code = SQLITE_BUSY;
    for (int tries = 0; tries < BUSY_TRIES && (code & 0xff) == SQLITE_BUSY; tries++) {
        if (tries > 0) {
            disconnect(store);
            nanosleep(&pause, NULL);
        }
        code = sqlite3_open_v2(store->path, &store->database, flags, NULL);
        if (code == SQLITE_OK)
            code = set_up(store);
    }
    return code == SQLITE_OK ? 0 : fail(store, ret_error);
}

static int store_open(const char *path, struct state_store **ret_store, struct error *ret_error)
{
    int rc = make_file(path, ret_error);
    if (rc < 0)
        return rc;
    struct state_store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        free(store);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    pthread_mutex_init(&store->lock, NULL);
    rc = connect_file(store, ret_error);
    if (rc < 0) {
        store_close(store);
        return rc;
    }
    *ret_store = store;
    return 0;
}

/* ---- one use ---- */

static void enter(struct state_store *store, const struct llmspell_call *call)
{
    pthread_mutex_lock(&store->lock);
    store->call = call;
    store->stopped = 0;
}

static int leave(struct state_store *store, int rc)
{
    pthread_mutex_unlock(&store->lock);
    return rc;
}

static int check_key(const char *key, struct error *ret_error)
{
    size_t n = key ? strlen(key) : 0;
    if (n == 0 || n > LLMSPELL_STATE_KEY_MAX || utf8_valid(key, n) != n)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "a key of the store is UTF-8 text of 1 to %d bytes, this has %zu",
                         LLMSPELL_STATE_KEY_MAX, n);
    return 0;
}

/* The text of a value; the caller frees it. */
static int encode(const json_t *value, char **ret_text, struct error *ret_error)
{
    char *text = json_dumps(value, ENCODING);
    if (!text)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "the value cannot be written as JSON (it holds itself), or memory is out");
    size_t n = strlen(text);
    if (n > LLMSPELL_STATE_VALUE_MAX) {
        free(text);
        return error_set(ret_error, LLMSPELL_ELIMIT,
                         "the value has %zu bytes as JSON, more than the limit of %u", n,
                         LLMSPELL_STATE_VALUE_MAX);
    }
    *ret_text = text;
    return 0;
}

static sqlite3_stmt *bind_key(struct state_store *store, enum query query, const char *key)
{
    sqlite3_stmt *statement = store->queries[query];
    sqlite3_bind_blob(statement, 1, key, (int)strlen(key), SQLITE_STATIC);
    return statement;
}

/* Runs a statement that gives no rows. */
static int run(struct state_store *store, enum query query, struct error *ret_error)
{
    int code = sqlite3_step(store->queries[query]);
    int rc = code == SQLITE_DONE ? 0 : fail(store, ret_error);
    sqlite3_reset(store->queries[query]);
    sqlite3_clear_bindings(store->queries[query]);
    return rc;
}

static int put(struct state_store *store, const char *key, const char *text,
               struct error *ret_error)
{
    sqlite3_stmt *statement = bind_key(store, SET, key);
    sqlite3_bind_text(statement, 2, text, (int)strlen(text), SQLITE_STATIC);
    return run(store, SET, ret_error);
}

static int drop(struct state_store *store, const char *key, struct error *ret_error)
{
    bind_key(store, REMOVE, key);
    int rc = run(store, REMOVE, ret_error);
    return rc < 0 ? rc : sqlite3_changes(store->database) > 0;
}

static int decode(struct state_store *store, sqlite3_stmt *statement, json_t **ret_value,
                  struct error *ret_error)
{
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    size_t n = (size_t)sqlite3_column_bytes(statement, 0);
    *ret_value = text ? json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    return *ret_value ? 1
                      : error_set(ret_error, LLMSPELL_EIO,
                                  "the store %s holds a value that is not JSON", store->path);
}

/* 1, 0 or a code. */
static int fetch(struct state_store *store, const char *key, json_t **ret_value,
                 struct error *ret_error)
{
    sqlite3_stmt *statement = bind_key(store, GET, key);
    int code = sqlite3_step(statement), rc = 0;
    if (code == SQLITE_ROW)
        rc = decode(store, statement, ret_value, ret_error);
    else if (code != SQLITE_DONE)
        rc = fail(store, ret_error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* ---- the functions ---- */

static int store_get(struct state_store *store, const struct llmspell_call *call, const char *key,
                     json_t **ret_value, struct error *ret_error)
{
    int rc = check_key(key, ret_error);
    if (rc < 0)
        return rc;
    enter(store, call);
    return leave(store, fetch(store, key, ret_value, ret_error));
}

static int store_set(struct state_store *store, const struct llmspell_call *call, const char *key,
                     const json_t *value, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    int rc = check_key(key, ret_error);
    if (rc == 0)
        rc = encode(value, &text, ret_error);
    if (rc < 0)
        return rc;
    enter(store, call);
    return leave(store, put(store, key, text, ret_error));
}

/* Within a transaction: 1 done, 0 something else is there. */
static int compare_and_put(struct state_store *store, const char *key, const json_t *expected,
                           const char *text, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *found = NULL;
    int rc = fetch(store, key, &found, ret_error);
    if (rc < 0)
        return rc;
    if (expected ? !found || !json_equal(found, expected) : found != NULL)
        return 0;
    rc = text ? put(store, key, text, ret_error) : drop(store, key, ret_error);
    return rc < 0 ? rc : 1;
}

static int store_swap(struct state_store *store, const struct llmspell_call *call, const char *key,
                      const json_t *expected, const json_t *value, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    int rc = check_key(key, ret_error);
    if (rc == 0 && value)
        rc = encode(value, &text, ret_error);
    if (rc < 0)
        return rc;
    enter(store, call);
    rc = run(store, BEGIN, ret_error);
    if (rc < 0)
        return leave(store, rc);
    rc = compare_and_put(store, key, expected, text, ret_error);
    int ended = run(store, rc == 1 ? COMMIT : ROLLBACK, rc < 0 ? NULL : ret_error);
    if (ended < 0 && rc == 1)
        run(store, ROLLBACK, NULL);
    return leave(store, ended < 0 && rc >= 0 ? ended : rc);
}

static int store_remove(struct state_store *store, const struct llmspell_call *call,
                        const char *key, struct error *ret_error)
{
    int rc = check_key(key, ret_error);
    if (rc < 0)
        return rc;
    enter(store, call);
    return leave(store, drop(store, key, ret_error));
}

static int collect(struct state_store *store, sqlite3_stmt *statement, json_t *keys,
                   struct error *ret_error)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = sqlite3_column_blob(statement, 0);
        size_t n = (size_t)sqlite3_column_bytes(statement, 0);
        if (json_array_append_new(keys, json_stringn(key, n)) != 0)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    return code == SQLITE_DONE ? (int)json_array_size(keys) : fail(store, ret_error);
}

static int store_list(struct state_store *store, const struct llmspell_call *call,
                      const char *prefix, const char *after, unsigned limit, json_t **ret_keys,
                      struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *keys = json_array();
    prefix = prefix ? prefix : "";
    enter(store, call);
    sqlite3_stmt *statement = bind_key(store, LIST, after ? after : "");
    /* A blob of no bytes is not NULL. */
    sqlite3_bind_blob(statement, 2, prefix, (int)strlen(prefix), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, limit ? limit : LIST_LIMIT);
    int rc = collect(store, statement, keys, ret_error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    leave(store, rc);
    if (rc >= 0)
        *ret_keys = llmspell_steal_json(&keys);
    return rc;
}

extern const struct state_module llmspell_state_module;
LLMSPELL_EXPORT const struct state_module llmspell_state_module = {
    .version = LLMSPELL_VERSION,
    .open = store_open,
    .close = store_close,
    .get = store_get,
    .set = store_set,
    .swap = store_swap,
    .remove = store_remove,
    .list = store_list,
};
