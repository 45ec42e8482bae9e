/* SPDX-License-Identifier: Apache-2.0
 * A SQLite file in the state folder of a tool, for one call: opened with a write-ahead log that
 * several processes may share, closed (and rolled back) when the call ends. Waiting for others and
 * long statements look at the cancel flag. Compiled into the tools that keep such a file. */
#ifndef STATE_DATABASE_H
#define STATE_DATABASE_H

#include <sqlite3.h>

#include <llmspell/fs.h>

struct state_database {
    struct llmspell_call *call;
    sqlite3 *sqlite;
    int32_t stopped; /* what llmspell_cancelled said in a callback */
    uint64_t given;  /* bytes of the result so far */
};

/* Opens or makes NAME in the state folder, at most max_bytes large, and runs schema (statements
 * with IF NOT EXISTS) if the file is new. All functions return 0, or a code with the error of the
 * call set. database must stay where it is until state_database_clear. */
int32_t state_database_open(struct llmspell_call *call, const char *name, const char *schema,
                            int64_t max_bytes, struct state_database *database);
void state_database_clear(struct state_database *database);

/* The error of the statement that just failed. */
int32_t state_database_fail(struct state_database *database);

/* Counts what goes into the result. Beyond what a result may have (64 MiB) it is an error at once:
 * not after gigabytes were read into memory. */
int32_t state_database_give(struct state_database *database, size_t bytes);

/* Statements without parameters and rows: "BEGIN IMMEDIATE", "COMMIT". */
int32_t state_database_run(struct state_database *database, const char *sql);
int32_t state_database_prepare(struct state_database *database, const char *sql,
                               sqlite3_stmt **ret_statement);

/* 1: a row; 0: the end; or a code. */
int32_t state_database_step(struct state_database *database, sqlite3_stmt *statement);

static inline void state_database_finalize(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

#define CLEANUP_DATABASE __attribute__((cleanup(state_database_clear)))
#define CLEANUP_STATEMENT __attribute__((cleanup(state_database_finalize)))

#endif
