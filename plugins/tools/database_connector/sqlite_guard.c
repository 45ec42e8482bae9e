/* SPDX-License-Identifier: Apache-2.0
 * What statements may do, how long they may run, and how their errors are told. */
#include "sqlite_task.h"

#include <strings.h>
#include <time.h>

#define STEPS_PER_CHECK 10000 /* of SQLite's machine: below 1 ms */
#define CHECKS_PER_PROGRESS 256
#define PAUSE_NS 2000000     /* between two tries while another process writes */
#define VALUE_MAX (64 << 20) /* bytes of a text, a blob or a row */
#define PATTERN_MAX 1000     /* of LIKE and GLOB, whose time grows with each wildcard */

/* ---- the authorizer ---- */

/* PRAGMAs that only tell something, whatever is behind them. Not database_list: it tells paths. */
static const char *const pragmas_telling[] = {
    "collation_list",  "compile_options", "foreign_key_check", "foreign_key_list",
    "function_list",   "index_info",      "index_list",        "index_xinfo",
    "integrity_check", "module_list",     "pragma_list",       "quick_check",
    "table_info",      "table_list",      "table_xinfo",       NULL};

/* Those that tell something only if nothing is behind them. */
static const char *const pragmas_asking[] = {
    "application_id",     "auto_vacuum",  "cache_size",     "data_version",
    "encoding",           "foreign_keys", "freelist_count", "journal_mode",
    "page_count",         "page_size",    "query_only",     "schema_version",
    "recursive_triggers", "synchronous",  "user_version",   NULL};

static bool is_in(const char *const *list, const char *name)
{
    for (; name && *list; list++) {
        if (strcasecmp(*list, name) == 0)
            return true;
    }
    return false;
}

/* What is never allowed; NULL: nothing against it. */
static const char *find_refusal(int action, const char *first, const char *second, bool in_script)
{
    switch (action) {
    case SQLITE_ATTACH:
        return "ATTACH and VACUUM are not allowed";
    case SQLITE_DETACH:
        return "DETACH is not allowed";
    case SQLITE_PRAGMA:
        return is_in(pragmas_telling, first) || (!second && is_in(pragmas_asking, first))
                   ? NULL
                   : "of the PRAGMAs only those that tell about tables and settings are allowed";
    case SQLITE_FUNCTION:
        return is_in((const char *const[]){"load_extension", "fts3_tokenizer", NULL}, second)
                   ? "functions that load code are not allowed"
                   : NULL;
    case SQLITE_TRANSACTION:
        return "each call is one transaction: leave BEGIN, COMMIT and ROLLBACK out";
    case SQLITE_SAVEPOINT:
        return in_script ? NULL : "savepoints are for operation script";
    default:
        return NULL;
    }
}

/* To declare a table-valued function SQLite asks for an update of its own table of tables, which
 * no statement can change without writable_schema. */
static bool is_reading(int action, const char *first)
{
    static const char *const own[] = {"sqlite_master", "sqlite_temp_master", NULL};
    switch (action) {
    case SQLITE_UPDATE:
        return is_in(own, first);
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
    case SQLITE_PRAGMA:
        return true;
    default:
        return false;
    }
}

static int on_authorize(void *data, int action, const char *first, const char *second,
                        const char *database, const char *trigger)
{
    struct sqlite *sqlite = data;
    (void)database;
    (void)trigger;
    if (sqlite->trusted)
        return SQLITE_OK;
    const char *denied = find_refusal(action, first, second, sqlite->in_script);
    if (!denied && sqlite->task->read_only && !is_reading(action, first))
        denied = "the database is open for reading only: set read_only to false to write";
    if (!denied)
        return SQLITE_OK;
    sqlite->denied = denied;
    return SQLITE_DENY;
}

/* ---- time ---- */

static int on_progress(void *data)
{
    struct sqlite *sqlite = data;
    struct llmspell_call *call = sqlite->task->call;
    sqlite->stopped = task_check(sqlite->task);
    if (++sqlite->checks % CHECKS_PER_PROGRESS == 0)
        call->host->progress(call, 0, 0, "running the statement");
    return sqlite->stopped < 0;
}

/* SQLite's own busy timeout has no ear for cancellation. */
static int on_busy(void *data, int tries)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    struct sqlite *sqlite = data;
    (void)tries;
    sqlite->waiting = on_progress(sqlite) != 0;
    if (sqlite->waiting)
        return 0;
    nanosleep(&pause, NULL);
    return 1;
}

int32_t sqlite_guard(struct sqlite *sqlite)
{
    sqlite3 *handle = sqlite->handle;
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_handler(handle, on_busy, sqlite);
    sqlite3_progress_handler(handle, STEPS_PER_CHECK, on_progress, sqlite);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_MAX);
    sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_set_authorizer(handle, on_authorize, sqlite);
    int32_t rc = sqlite_text_functions(sqlite);
    if (rc < 0)
        return rc;
    rc = sqlite_run(sqlite, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; "
                            "PRAGMA mmap_size = 0");
    /* A file that is no database shows it only when it is read. */
    return rc == 0 ? sqlite_run(sqlite, "SELECT 1 FROM sqlite_schema LIMIT 1") : rc;
}

/* ---- errors ---- */

static size_t points_before(const char *text, ptrdiff_t bytes)
{
    size_t points = 0;
    for (ptrdiff_t i = 0; i < bytes; i++)
        points += ((unsigned char)text[i] & 0xC0) != 0x80;
    return points;
}

static int32_t fail_sql(struct sqlite *sqlite, enum sqlite_stage stage)
{
    struct llmspell_call *call = sqlite->task->call;
    const char *text = sqlite3_errmsg(sqlite->handle);
    ptrdiff_t offset = stage == SQLITE_STAGE_COMPILE ? sqlite3_error_offset(sqlite->handle) : -1;
    if (stage == SQLITE_STAGE_OWN)
        return llmspell_fail_at(call, LLMSPELL_EFAILED, "/database", "%.500s", text);
    if (stage == SQLITE_STAGE_RUN)
        return llmspell_fail_at(call, LLMSPELL_EFAILED, "/sql", "%.500s", text);
    if (strstr(text, "may not be modified")) /* tables of SQLite itself */
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/sql", "%.500s", text);
    if (offset < 0 || offset + sqlite->base < 0)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/sql", "%.500s", text);
    return llmspell_fail_at(call, LLMSPELL_EPARSE, "/sql", "%.500s (offset %zu)", text,
                            points_before(sqlite->task->sql, offset + sqlite->base));
}

int32_t sqlite_fail(struct sqlite *sqlite, enum sqlite_stage stage)
{
    struct llmspell_call *call = sqlite->task->call;
    const char *text = sqlite3_errmsg(sqlite->handle);
    if (sqlite->stopped == LLMSPELL_ETIMEOUT && sqlite->waiting && llmspell_cancelled(call) == 0)
        return llmspell_fail(call, LLMSPELL_ETIMEOUT,
                             "another program held the database for all of %lld ms; try again, or "
                             "wait longer with timeout_ms",
                             (long long)llmspell_integer(sqlite->task->params, "timeout_ms", 0));
    if (sqlite->stopped < 0)
        return task_stop(sqlite->task, sqlite->stopped);
    if (sqlite->denied) /* SQLITE_AUTH, but for functions SQLITE_ERROR */
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/sql", "%s", sqlite->denied);
    switch (sqlite3_errcode(sqlite->handle) & 0xff) {
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/sql", "%s", text);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/database",
                                "the file is no SQLite database, or a damaged one: %s", text);
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return llmspell_fail_at(call, LLMSPELL_EFAILED, "/sql", "%.500s", text);
    case SQLITE_TOOBIG:
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/sql",
                                "a value, a row or the statement is too large: %s", text);
    case SQLITE_FULL:
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/database", "%s", text);
    case SQLITE_NOMEM:
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/sql",
                                "the statement needs more memory than there is");
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_PERM:
        return llmspell_fail_at(call, LLMSPELL_EIO, "/database",
                                "the database file cannot be used: %s", text);
    default:
        return fail_sql(sqlite, stage);
    }
}

/* ---- statements ---- */

int32_t sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : sqlite_fail(sqlite, SQLITE_STAGE_RUN);
}

int32_t sqlite_run(struct sqlite *sqlite, const char *sql)
{
    sqlite->trusted = true;
    int code = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);
    sqlite->trusted = false;
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, SQLITE_STAGE_OWN);
}

int32_t sqlite_prepare_own(struct sqlite *sqlite, const char *sql, sqlite3_stmt **ret_statement)
{
    sqlite->trusted = true;
    int code = sqlite3_prepare_v2(sqlite->handle, sql, -1, ret_statement, NULL);
    sqlite->trusted = false;
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, SQLITE_STAGE_OWN);
}
