/* SPDX-License-Identifier: Apache-2.0
 * A SQLite database for one call. */
#ifndef SQLITE_TASK_H
#define SQLITE_TASK_H

#include <stddef.h>

#include <sqlite3.h>

#include "task.h"

struct sqlite {
    struct task *task;
    sqlite3 *handle;
    bool trusted;       /* the statement is ours: the guard lets it through */
    bool in_script;     /* savepoints are fine */
    bool created;       /* the file was not there before */
    const char *denied; /* what the guard said no to, for the message */
    int32_t stopped;    /* of task_check in a callback */
    bool waiting;       /* it stopped while another held the database */
    ptrdiff_t base;     /* of what is compiled, from task->sql on; without a prefix */
    unsigned checks;
};

static inline void sqlite_statement_clear(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

#define CLEANUP_SQLITE_STATEMENT __attribute__((cleanup(sqlite_statement_clear)))

/* ---- sqlite_file.c ---- */

/* Opens what task->database says; clear it also after errors. */
int32_t sqlite_open(struct sqlite *sqlite, struct task *task);
void sqlite_clear(struct sqlite *sqlite);
/* After a failure: closes it, and removes a file that this call made and that is still empty. */
void sqlite_remove_empty(struct sqlite *sqlite);

/* ---- sqlite_guard.c ---- */

/* Authorizer, progress and busy handlers, limits. */
int32_t sqlite_guard(struct sqlite *sqlite);
/* The error of what just failed: a statement of ours, or one of the caller's. */
enum sqlite_stage { SQLITE_STAGE_OWN, SQLITE_STAGE_COMPILE, SQLITE_STAGE_RUN };
int32_t sqlite_fail(struct sqlite *sqlite, enum sqlite_stage stage);
/* 1: a row; 0: the end. */
int32_t sqlite_step(struct sqlite *sqlite, sqlite3_stmt *statement);
/* Our own statements. */
int32_t sqlite_run(struct sqlite *sqlite, const char *sql);
int32_t sqlite_prepare_own(struct sqlite *sqlite, const char *sql, sqlite3_stmt **ret_statement);

/* ---- sqlite_text.c ---- */

/* SQL functions that can be stopped. sqlite must stay where it is. */
int32_t sqlite_text_functions(struct sqlite *sqlite);

/* ---- sqlite_schema.c ---- */

int32_t sqlite_schema(struct sqlite *sqlite, json_t **ret_result);

#endif
