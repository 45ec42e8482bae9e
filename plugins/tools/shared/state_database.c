/* SPDX-License-Identifier: Apache-2.0
 * A SQLite file in the state folder of a tool. Used by the tools that keep data from call to call.
 */
#include "state_database.h"

#include <limits.h>
#include <time.h>

#define PAGE_SIZE 4096
#define RESULT_MAX (64u << 20) /* bytes; output_kb of the manifests */
#define PAUSE_NS 2000000       /* between two tries while another process writes */
#define TRIES_MAX 5000         /* ten seconds */
#define STEPS_PER_CHECK                                                                            \
    10000 /* of SQLite's machine between two looks at the cancel flag: < 1 ms                      \
           */

static int on_progress(void *data)
{
    struct state_database *database = data;
    database->stopped = llmspell_cancelled(database->call);
    return database->stopped < 0;
}

/* SQLite's own busy timeout has no ear for cancellation. */
static int on_busy(void *data, int tries)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    if (on_progress(data) || tries >= TRIES_MAX)
        return 0;
    nanosleep(&pause, NULL);
    return 1;
}

int32_t state_database_fail(struct state_database *database)
{
    struct llmspell_call *call = database->call;
    int code = sqlite3_errcode(database->sqlite) & 0xff;
    const char *text = sqlite3_errmsg(database->sqlite);
    if (database->stopped < 0)
        return database->stopped;
    switch (code) {
    case SQLITE_FULL:
        return llmspell_fail(call, LLMSPELL_ELIMIT,
                             "the store has reached its size limit; remove something first");
    case SQLITE_TOOBIG:
        return llmspell_fail(call, LLMSPELL_ELIMIT, "a value is too large for the store");
    case SQLITE_NOMEM:
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return llmspell_fail(call, LLMSPELL_ETIMEOUT,
                             "another process holds the store; try again later");
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return llmspell_fail(call, LLMSPELL_EIO,
                             "the store is damaged (%s); move its file away to begin anew", text);
    default:
        return llmspell_fail(call, LLMSPELL_EIO, "the store cannot be used: %s", text);
    }
}

int32_t state_database_give(struct state_database *database, size_t bytes)
{
    database->given += bytes;
    if (database->given <= RESULT_MAX)
        return 0;
    return llmspell_fail(database->call, LLMSPELL_ELIMIT,
                         "the result would have more than %u MiB; ask for less at a time",
                         RESULT_MAX >> 20);
}

int32_t state_database_run(struct state_database *database, const char *sql)
{
    int code = sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : state_database_fail(database);
}

int32_t state_database_prepare(struct state_database *database, const char *sql,
                               sqlite3_stmt **ret_statement)
{
    int code = sqlite3_prepare_v2(database->sqlite, sql, -1, ret_statement, NULL);
    return code == SQLITE_OK ? 0 : state_database_fail(database);
}

int32_t state_database_step(struct state_database *database, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : state_database_fail(database);
}

/* ---- open and close ---- */

static int is_new(sqlite3 *sqlite)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(sqlite, "PRAGMA user_version", -1, &statement, NULL);
    return sqlite3_step(statement) != SQLITE_ROW || sqlite3_column_int(statement, 0) == 0;
}

/* Somebody else may have made them since: hence IF NOT EXISTS. */
static int make_tables(sqlite3 *sqlite, const char *schema)
{
    int code = sqlite3_exec(sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite, schema, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sqlite, "PRAGMA user_version = 1; COMMIT", NULL, NULL, NULL);
    return code;
}

static int set_up(struct state_database *database, const char *schema, int64_t max_bytes)
{
    sqlite3 *sqlite = database->sqlite;
    char pragmas[256];
    sqlite3_busy_handler(sqlite, on_busy, database);
    sqlite3_progress_handler(sqlite, STEPS_PER_CHECK, on_progress, database);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "PRAGMA temp_store = MEMORY; PRAGMA max_page_count = %lld",
             PAGE_SIZE, (long long)(max_bytes / PAGE_SIZE));
    int code = sqlite3_exec(sqlite, pragmas, NULL, NULL, NULL);
    return code == SQLITE_OK && is_new(sqlite) ? make_tables(sqlite, schema) : code;
}

/* SQLite would make the file readable by all; its log files get the mode of the file. The file is
 * never opened under its own name here: closing that would drop the locks which another thread of
 * this process holds on it (POSIX locks belong to the process). */
static int32_t make_file(struct llmspell_call *call, const char *path)
{
    char draft[PATH_MAX];
    if (access(path, F_OK) == 0)
        return 0;
    if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
        return llmspell_fail(call, LLMSPELL_EIO, "the name of the state folder is too long");
    int fd = mkostemp(draft, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return llmspell_fail(call, LLMSPELL_EIO, "cannot make the store: %s", strerror(errno));
    close(fd);
    int failed = link(draft, path) != 0 && errno != EEXIST ? errno : 0;
    unlink(draft);
    if (failed)
        return llmspell_fail(call, LLMSPELL_EIO, "cannot make the store: %s", strerror(failed));
    return 0;
}

/* Two processes that make the same file may see it locked for a moment without being asked to wait.
 */
static int32_t connect_file(struct state_database *database, const char *path, const char *schema,
                            int64_t max_bytes)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    for (int tries = 0;; tries++) {
        int code = sqlite3_open_v2(path, &database->sqlite, flags, NULL);
        if (code == SQLITE_OK)
            code = set_up(database, schema, max_bytes);
        if (code == SQLITE_OK)
            return 0;
        if ((code & 0xff) != SQLITE_BUSY || !on_busy(database, tries))
            return state_database_fail(database);
        sqlite3_close(database->sqlite);
        database->sqlite = NULL;
    }
}

int32_t state_database_open(struct llmspell_call *call, const char *name, const char *schema,
                            int64_t max_bytes, struct state_database *database)
{
    const struct llmspell_fs *fs = llmspell_fs_get(call);
    const char *folder = NULL;
    char path[PATH_MAX];
    *database = (struct state_database){.call = call};
    if (!fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = fs->state_folder(call, &folder);
    if (rc < 0)
        return rc;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return llmspell_fail(call, LLMSPELL_EIO, "the name of the state folder is too long");
    rc = make_file(call, path);
    return rc < 0 ? rc : connect_file(database, path, schema, max_bytes);
}

/* What was not committed is undone. */
void state_database_clear(struct state_database *database)
{
    if (database->sqlite) { /* the checkpoint of the last one to leave is not to be stopped */
        sqlite3_progress_handler(database->sqlite, 0, NULL, NULL);
        sqlite3_close(database->sqlite);
    }
    database->sqlite = NULL;
}
