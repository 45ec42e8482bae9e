/* SPDX-License-Identifier: Apache-2.0
 * ODBC data sources: those that the administrator has configured for the whole system, and a
 * connection to one of them. */
#include "odbc.h"

#include <strings.h>

#include <llmspell/secret.h>

#define NAME_MAX_BYTES 256
#define PASSWORD_MAX 1024

/* The handles of ODBC are void pointers: unixODBC wants this one cast. */
static const SQLPOINTER odbc_3 = (SQLPOINTER)SQL_OV_ODBC3;

static int32_t open_environment(struct odbc *odbc)
{
    if (SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &odbc->environment)) &&
        SQL_SUCCEEDED(SQLSetEnvAttr(odbc->environment, SQL_ATTR_ODBC_VERSION, odbc_3, 0)))
        return 0;
    return llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "cannot start ODBC");
}

void odbc_clear(struct odbc *odbc)
{
    if (odbc->connected) {
        SQLEndTran(SQL_HANDLE_DBC, odbc->connection, SQL_ROLLBACK); /* what was not committed */
        SQLDisconnect(odbc->connection);
    }
    if (odbc->connection)
        SQLFreeHandle(SQL_HANDLE_DBC, odbc->connection);
    if (odbc->environment)
        SQLFreeHandle(SQL_HANDLE_ENV, odbc->environment);
}

bool odbc_is(const struct odbc *odbc, const char *dbms)
{
    return strcasestr(odbc->dbms, dbms) != NULL;
}

/* ---- sources ---- */

struct source {
    SQLCHAR name[NAME_MAX_BYTES], driver[NAME_MAX_BYTES];
};

/* The next source; the first one with direction SQL_FETCH_FIRST_SYSTEM or …_USER. */
static bool next_source(struct odbc *odbc, SQLUSMALLINT *direction, struct source *ret_source)
{
    SQLSMALLINT name = 0, driver = 0;
    SQLRETURN code = SQLDataSources(odbc->environment, *direction, ret_source->name, NAME_MAX_BYTES,
                                    &name, ret_source->driver, NAME_MAX_BYTES, &driver);
    *direction = SQL_FETCH_NEXT;
    return SQL_SUCCEEDED(code);
}

static bool has_source(struct odbc *odbc, SQLUSMALLINT direction, const char *name)
{
    struct source source;
    while (next_source(odbc, &direction, &source)) {
        if (strcasecmp((const char *)source.name, name) == 0)
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    return strcmp(llmspell_string(x, "name"), llmspell_string(y, "name"));
}

static json_t *sorted(json_t *list)
{
    size_t n = json_array_size(list);
    LLMSPELL_CLEANUP_FREE json_t **items = calloc(n + 1, sizeof(json_t *));
    json_t *copy = items ? json_array() : NULL;
    for (size_t i = 0; copy && i < n; i++)
        items[i] = json_array_get(list, i);
    if (copy)
        qsort(items, n, sizeof *items, by_name);
    for (size_t i = 0; copy && i < n; i++)
        json_array_append(copy, items[i]);
    return copy;
}

int32_t odbc_data_sources(struct task *task, json_t **ret_result)
{
    __attribute__((cleanup(odbc_clear))) struct odbc odbc = {.task = task};
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    SQLUSMALLINT direction = SQL_FETCH_FIRST_SYSTEM;
    struct source source;
    int32_t rc = open_environment(&odbc);
    if (rc < 0)
        return rc;
    while (next_source(&odbc, &direction, &source)) {
        json_t *item = json_pack("{s:o, s:o}", "name", name_json((const char *)source.name),
                                 "driver", name_json((const char *)source.driver));
        if (json_array_append_new(list, item) != 0)
            return llmspell_fail(task->call, LLMSPELL_ENOMEM, "out of memory");
    }
    return llmspell_return(task->call, ret_result, json_pack("{s:o}", "sources", sorted(list)));
}

/* A source of the user hides one of the system, and whoever may write into a home could make one.
 */
static int32_t check_source(struct odbc *odbc, const char *name)
{
    struct llmspell_call *call = odbc->task->call;
    if (strpbrk(name, "[]{}(),;?*=!@\\") || !*name || strlen(name) > SQL_MAX_DSN_LENGTH)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/database",
                                "\"odbc:\" is followed by the name of a data source, of 1 to %d "
                                "characters; connection strings are not taken",
                                SQL_MAX_DSN_LENGTH);
    if (!has_source(odbc, SQL_FETCH_FIRST_SYSTEM, name))
        return llmspell_fail_at(call, LLMSPELL_ENOTFOUND, "/database",
                                "there is no ODBC data source \"%s\"; operation data_sources lists "
                                "them",
                                name);
    if (has_source(odbc, SQL_FETCH_FIRST_USER, name))
        return llmspell_fail_at(call, LLMSPELL_EPERM, "/database",
                                "a data source of the user hides \"%s\" of the system; only those "
                                "of the system are used",
                                name);
    return 0;
}

/* ---- connection ---- */

static int32_t open_connection(struct odbc *odbc, const char *name)
{
    struct task *task = odbc->task;
    const char *secret = llmspell_string(task->params, "password_secret");
    char *password = NULL;
    uint64_t size = 0;
    SQLULEN seconds = (SQLULEN)((task->deadline - task_now()) / 1000 + 1);
    int32_t rc =
        secret ? llmspell_secret_get(task->call, secret, "/password_secret", &password, &size) : 0;
    if (rc < 0)
        return rc;
    if (size > PASSWORD_MAX) {
        llmspell_secret_release(task->call, password, size);
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/password_secret",
                                "a password has at most %d bytes", PASSWORD_MAX);
    }
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_DBC, odbc->environment, &odbc->connection))) {
        llmspell_secret_release(task->call, password, size);
        return llmspell_fail(task->call, LLMSPELL_ENOMEM, "cannot make an ODBC connection");
    }
    SQLSetConnectAttr(odbc->connection, SQL_ATTR_LOGIN_TIMEOUT, (SQLPOINTER)seconds,
                      SQL_IS_UINTEGER);
    if (task->read_only)
        SQLSetConnectAttr(odbc->connection, SQL_ATTR_ACCESS_MODE, (SQLPOINTER)SQL_MODE_READ_ONLY,
                          SQL_IS_UINTEGER);
    /* Not SQLDriverConnect: some drivers take a password that holds ; for more attributes. */
    odbc->connected = SQL_SUCCEEDED(SQLConnect(odbc->connection, (SQLCHAR *)name, SQL_NTS, NULL, 0,
                                               (SQLCHAR *)password, (SQLSMALLINT)size));
    if (password)
        llmspell_secret_release(task->call, password, size);
    return odbc->connected ? 0
                           : odbc_fail(odbc, SQL_HANDLE_DBC, odbc->connection, ODBC_STAGE_CONNECT);
}

/* The database itself refuses writes where we know how to ask for it. */
static int32_t make_read_only(struct odbc *odbc)
{
    static const char *const asking[][2] = {
        {"SQLite", "PRAGMA query_only = ON"},
        {"PostgreSQL", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"},
        {"MySQL", "SET SESSION TRANSACTION READ ONLY"},
        {"MariaDB", "SET SESSION TRANSACTION READ ONLY"},
    };
    for (size_t i = 0; i < sizeof asking / sizeof *asking; i++) {
        CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
        if (!odbc_is(odbc, asking[i][0]))
            continue;
        int32_t rc = odbc_statement(odbc, &statement);
        if (rc < 0)
            return rc;
        if (!SQL_SUCCEEDED(SQLExecDirect(statement, (SQLCHAR *)asking[i][1], SQL_NTS)))
            return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
    }
    return 0;
}

int32_t odbc_open(struct odbc *odbc, struct task *task)
{
    const char *name = task->database + strlen(ODBC_PREFIX);
    SQLSMALLINT length = 0;
    *odbc = (struct odbc){.task = task};
    int32_t rc = open_environment(odbc);
    if (rc == 0)
        rc = check_source(odbc, name);
    if (rc == 0)
        rc = open_connection(odbc, name);
    if (rc < 0)
        return rc;
    SQLGetInfo(odbc->connection, SQL_DBMS_NAME, odbc->dbms, sizeof odbc->dbms, &length);
    if (task->read_only)
        rc = make_read_only(odbc);
    if (rc == 0 && (task->read_only || strcmp(task->operation, "script") == 0))
        SQLSetConnectAttr(odbc->connection, SQL_ATTR_AUTOCOMMIT, (SQLPOINTER)SQL_AUTOCOMMIT_OFF,
                          SQL_IS_UINTEGER);
    return rc;
}
