/* SPDX-License-Identifier: Apache-2.0
 * An ODBC data source for one call. All functions that return int32_t return 0, or a negative code
 * with the error of the call set. */
#ifndef ODBC_H
#define ODBC_H

#include <pthread.h>

#include <sql.h>
#include <sqlext.h>

#include "task.h"

struct odbc {
    struct task *task;
    SQLHENV environment;
    SQLHDBC connection;
    bool connected;
    char dbms[64]; /* "SQLite", "PostgreSQL" … */
};

enum odbc_stage { ODBC_STAGE_CONNECT, ODBC_STAGE_RUN };

static inline void odbc_statement_clear(SQLHSTMT *statement)
{
    if (*statement)
        SQLFreeHandle(SQL_HANDLE_STMT, *statement);
}

#define CLEANUP_ODBC_STATEMENT __attribute__((cleanup(odbc_statement_clear)))

/* ---- odbc_source.c ---- */

int32_t odbc_open(struct odbc *odbc, struct task *task);
void odbc_clear(struct odbc *odbc);
bool odbc_is(const struct odbc *odbc, const char *dbms); /* is it in the name of the DBMS? */

/* ---- odbc_error.c ---- */

/* The error that the driver tells of the handle. */
int32_t odbc_fail(const struct odbc *odbc, SQLSMALLINT type, SQLHANDLE handle,
                  enum odbc_stage stage);

/* ---- odbc_watch.c ---- */

/* Cancels a statement from another thread when the call is to end. */
struct watch {
    struct task *task;
    SQLHSTMT statement;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running, done;
    int32_t stopped; /* the code, once it was cancelled */
};

int32_t watch_start(struct watch *watch, struct task *task, SQLHSTMT statement);
/* 0, or the code that the statement was stopped with. */
int32_t watch_end(struct watch *watch);

/* ---- odbc_cell.c ---- */

/* The cell of the current row; NULL with *ret_rc set. */
json_t *odbc_cell(const struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column,
                  SQLSMALLINT type, size_t *bytes, int32_t *ret_rc);

/* ---- odbc_run.c, odbc_schema.c ---- */

int32_t odbc_statement(const struct odbc *odbc, SQLHSTMT *ret_statement);
int32_t odbc_schema(struct odbc *odbc, json_t **ret_result);

/* ---- utf16.c ---- */

/* malloc'ed with a zero behind; NULL out of memory. Lone surrogates become U+FFFD. */
char *utf16_to_utf8(const SQLWCHAR *text, size_t count, size_t *ret_size);
SQLWCHAR *utf16_from_utf8(const char *text, size_t size, size_t *ret_count);

#endif
