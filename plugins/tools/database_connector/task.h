/* SPDX-License-Identifier: Apache-2.0
 * What a call of database_connector is about, and the values that go in and come out. All
 * functions that return int32_t return 0, or a negative code with the error of the call set. */
#ifndef TASK_H
#define TASK_H

#include <stdbool.h>
#include <stdint.h>

#include <llmspell/fs.h>

struct task {
    struct llmspell_call *call;
    const json_t *params;
    const char *operation, *database, *sql; /* sql: NULL if not given */
    bool read_only;
    int64_t deadline; /* ms of the monotonic clock */
};

int64_t task_now(void);

/* 0; or the code with which the call is to end: cancelled, or time is over. It does not set the
 * error of a timeout that is the caller's own: task_stop does. [any-thread] */
int32_t task_check(const struct task *task);
int32_t task_stop(const struct task *task, int32_t code);

/* ---- values.c: parameters ---- */

enum parameter_kind {
    PARAMETER_NULL,
    PARAMETER_INTEGER,
    PARAMETER_REAL,
    PARAMETER_TEXT,
    PARAMETER_BLOB
};

struct parameter {
    enum parameter_kind kind;
    int64_t integer;
    double real;
    const char *text; /* TEXT, BLOB: of the parameters of the call, or owned */
    size_t size;
    char *owned;
};

int32_t parameter_read(const struct task *task, const json_t *value, const char *pointer,
                       struct parameter *ret_parameter);
static inline void parameter_clear(struct parameter *parameter)
{
    free(parameter->owned);
}

#define CLEANUP_PARAMETER __attribute__((cleanup(parameter_clear)))

/* How many the caller gave; the error of a number that differs. */
size_t parameters_count(const struct task *task);
int32_t parameters_differ(const struct task *task, size_t wanted);

/* ---- values.c: rows ---- */

struct rows {
    const struct task *task;
    json_t *columns, *list; /* owned */
    json_int_t limit;
    size_t bytes; /* of all cells as JSON, roughly */
    bool truncated;
};

int32_t rows_init(struct rows *rows, const struct task *task);
void rows_clear(struct rows *rows);
#define CLEANUP_ROWS __attribute__((cleanup(rows_clear)))

int32_t rows_add_column(struct rows *rows, const char *name, const char *type);

/* Takes over row, NULL if there was no memory for it. 1: no more rows are wanted. */
int32_t rows_add(struct rows *rows, json_t *row, size_t bytes);
/* {columns, rows, row_count, truncated} */
int32_t rows_result(struct rows *rows, json_t **ret_result);

/* Cells. *bytes grows by what they take as JSON. NULL: out of memory. */
json_t *cell_integer(int64_t value, size_t *bytes);
json_t *cell_real(double value, size_t *bytes);
json_t *cell_text(const char *text, size_t size, size_t *bytes); /* not UTF-8: as a blob */
json_t *cell_blob(const void *data, size_t size, size_t *bytes);

/* A name as a string: what is not UTF-8 becomes "?"; NULL becomes null. */
json_t *name_json(const char *name);

/* ---- base64.c ---- */

/* Both malloc'ed; NULL out of memory, or (decode) *ret_size SIZE_MAX: it is none. */
char *base64_write(const void *data, size_t size);
char *base64_read(const char *text, size_t size, size_t *ret_size);

/* ---- sql_text.c ---- */

/* The end of the first statement of sql (its ; or the end of the text): quotes and comments are
 * passed over. For drivers that do not say it themselves. */
const char *sql_statement_end(const char *sql);
/* Behind white space, comments and semicolons. */
const char *sql_skip_blank(const char *sql);
/* Is this word, in any case, the first of sql? */
bool sql_begins_with(const char *sql, const char *word);
/* Does sql begin with one of SELECT, WITH, VALUES, SHOW, EXPLAIN? */
bool sql_is_read(const char *sql);

/* ---- backends ---- */

int32_t sqlite_call(struct task *task, json_t **ret_result);
int32_t odbc_call(struct task *task, json_t **ret_result);
int32_t odbc_data_sources(struct task *task, json_t **ret_result);

#define ODBC_PREFIX "odbc:"

#endif
