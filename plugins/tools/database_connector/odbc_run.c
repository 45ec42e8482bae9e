/* SPDX-License-Identifier: Apache-2.0
 * The operations on an ODBC data source: query, execute, script, explain. */
#include "odbc.h"

#define NAME_SIZE 512

int32_t odbc_statement(const struct odbc *odbc, SQLHSTMT *ret_statement)
{
    if (SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_STMT, odbc->connection, ret_statement)))
        return 0;
    return odbc_fail(odbc, SQL_HANDLE_DBC, odbc->connection, ODBC_STAGE_RUN);
}

/* ---- compile ---- */

static int32_t prepare(struct odbc *odbc, const char *prefix, const char *sql, size_t size,
                       SQLHSTMT *ret_statement)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t count = 0;
    if (asprintf(&text, "%s%.*s", prefix, (int)size, sql) < 0)
        return llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    if (odbc_is(odbc, "SQLite") && strcasestr(text, "load_extension")) /* the driver may allow it */
        return llmspell_fail_at(odbc->task->call, LLMSPELL_EPERM, "/sql",
                                "functions that load code are not allowed");
    LLMSPELL_CLEANUP_FREE SQLWCHAR *wide = utf16_from_utf8(text, strlen(text), &count);
    if (!wide)
        return llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = odbc_statement(odbc, ret_statement);
    if (rc == 0 && !SQL_SUCCEEDED(SQLPrepareW(*ret_statement, wide, (SQLINTEGER)count)))
        rc = odbc_fail(odbc, SQL_HANDLE_STMT, *ret_statement, ODBC_STAGE_RUN);
    return rc;
}

/* The only statement of task->sql, one that reads if no more is allowed. */
static int32_t prepare_only(struct odbc *odbc, const char *prefix, SQLHSTMT *ret_statement)
{
    struct task *task = odbc->task;
    const char *sql = sql_skip_blank(task->sql);
    const char *end = sql_statement_end(sql);
    if (!*sql)
        return llmspell_fail_at(task->call, LLMSPELL_EPARSE, "/sql", "there is no statement");
    if (*sql_skip_blank(end))
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/sql",
                                "there is more than one statement; operation script runs several");
    if (task->read_only && !sql_is_read(sql))
        return llmspell_fail_at(task->call, LLMSPELL_EPERM, "/sql",
                                "the database is open for reading only: set read_only to false for "
                                "statements other than SELECT, WITH, VALUES, SHOW, EXPLAIN");
    return prepare(odbc, prefix, sql, (size_t)(end - sql), ret_statement);
}

/* ---- parameters ---- */

/* What must stay in place until the statement has run. */
struct bound {
    struct parameter parameter;
    SQLWCHAR *wide;
    SQLLEN length;
};

struct bounds {
    struct bound *list;
    size_t count;
};

static void bounds_clear(struct bounds *bounds)
{
    for (size_t i = 0; i < bounds->count; i++) {
        parameter_clear(&bounds->list[i].parameter);
        free(bounds->list[i].wide);
    }
    free(bounds->list);
}

static int32_t bind_text(struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT at,
                         struct bound *bound, SQLRETURN *ret_code)
{
    size_t count = 0;
    bound->wide = utf16_from_utf8(bound->parameter.text, bound->parameter.size, &count);
    if (!bound->wide)
        return llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    bound->length = (SQLLEN)(count * sizeof(SQLWCHAR));
    *ret_code = SQLBindParameter(statement, at, SQL_PARAM_INPUT, SQL_C_WCHAR, SQL_WVARCHAR,
                                 count ? count : 1, 0, bound->wide, bound->length, &bound->length);
    return 0;
}

static int32_t bind(struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT at, struct bound *bound)
{
    struct parameter *parameter = &bound->parameter;
    SQLRETURN code = SQL_SUCCESS;
    int32_t rc = 0;
    switch (parameter->kind) {
    case PARAMETER_NULL:
        bound->length = SQL_NULL_DATA;
        code = SQLBindParameter(statement, at, SQL_PARAM_INPUT, SQL_C_CHAR, SQL_VARCHAR, 1, 0, NULL,
                                0, &bound->length);
        break;
    case PARAMETER_INTEGER:
        code = SQLBindParameter(statement, at, SQL_PARAM_INPUT, SQL_C_SBIGINT, SQL_BIGINT, 0, 0,
                                &parameter->integer, 0, &bound->length);
        break;
    case PARAMETER_REAL:
        code = SQLBindParameter(statement, at, SQL_PARAM_INPUT, SQL_C_DOUBLE, SQL_DOUBLE, 0, 0,
                                &parameter->real, 0, &bound->length);
        break;
    case PARAMETER_BLOB:
        bound->length = (SQLLEN)parameter->size;
        code = SQLBindParameter(statement, at, SQL_PARAM_INPUT, SQL_C_BINARY, SQL_LONGVARBINARY,
                                parameter->size ? parameter->size : 1, 0, parameter->owned,
                                bound->length, &bound->length);
        break;
    case PARAMETER_TEXT:
        rc = bind_text(odbc, statement, at, bound, &code);
        break;
    }
    if (rc == 0 && !SQL_SUCCEEDED(code))
        rc = odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
    return rc;
}

static int32_t bind_all(struct odbc *odbc, SQLHSTMT statement, struct bounds *bounds)
{
    struct task *task = odbc->task;
    const json_t *parameters = json_object_get(task->params, "parameters");
    size_t count = parameters_count(task);
    SQLSMALLINT wanted = 0;
    int32_t rc = 0;
    if (json_is_object(parameters) && count > 0)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/parameters",
                                "ODBC sources know parameters by place only: write ? and give a "
                                "list");
    if (SQL_SUCCEEDED(SQLNumParams(statement, &wanted)) && (size_t)wanted != count)
        return parameters_differ(task, (size_t)wanted);
    bounds->list = calloc(count + 1, sizeof *bounds->list);
    if (!bounds->list)
        return llmspell_fail(task->call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char pointer[40];
        snprintf(pointer, sizeof pointer, "/parameters/%zu", i);
        bounds->count++;
        rc = parameter_read(task, json_array_get(parameters, i), pointer,
                            &bounds->list[i].parameter);
        if (rc == 0)
            rc = bind(odbc, statement, (SQLUSMALLINT)(i + 1), &bounds->list[i]);
    }
    return rc;
}

/* ---- run ---- */

/* The code of the function or that of the watch, whose doing an error then was. */
static int32_t judge(struct odbc *odbc, SQLHSTMT statement, SQLRETURN code, int32_t stopped)
{
    if (stopped < 0)
        return task_stop(odbc->task, stopped);
    if (SQL_SUCCEEDED(code) || code == SQL_NO_DATA)
        return 0;
    return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
}

static int32_t run(struct odbc *odbc, SQLHSTMT statement)
{
    struct watch watch;
    int32_t rc = watch_start(&watch, odbc->task, statement);
    if (rc < 0)
        return rc;
    SQLRETURN code = SQLExecute(statement);
    return judge(odbc, statement, code, watch_end(&watch));
}

/* ---- query ---- */

struct table {
    struct rows *rows;
    SQLSMALLINT *types; /* of the columns */
    SQLSMALLINT count;
};

static int32_t describe(struct odbc *odbc, SQLHSTMT statement, struct table *table)
{
    int32_t rc = 0;
    if (!SQL_SUCCEEDED(SQLNumResultCols(statement, &table->count)))
        return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
    table->types = calloc((size_t)table->count + 1, sizeof *table->types);
    if (!table->types)
        return llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    for (SQLSMALLINT i = 0; rc == 0 && i < table->count; i++) {
        SQLWCHAR wide[NAME_SIZE];
        SQLCHAR type[NAME_SIZE] = "";
        SQLSMALLINT length = 0, digits = 0, nullable = 0;
        SQLULEN size = 0;
        size_t bytes = 0;
        SQLUSMALLINT at = (SQLUSMALLINT)(i + 1);
        if (!SQL_SUCCEEDED(SQLDescribeColW(statement, at, wide, NAME_SIZE, &length,
                                           &table->types[i], &size, &digits, &nullable)))
            return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
        SQLColAttribute(statement, at, SQL_DESC_TYPE_NAME, type, sizeof type, &length, NULL);
        size_t units = 0;
        while (units < NAME_SIZE && wide[units])
            units++;
        LLMSPELL_CLEANUP_FREE char *name = utf16_to_utf8(wide, units, &bytes);
        rc = rows_add_column(table->rows, name, (const char *)type);
    }
    return rc;
}

/* A row as an array; NULL with *ret_rc set. */
static json_t *row_json(struct odbc *odbc, SQLHSTMT statement, const struct table *table,
                        size_t *bytes, int32_t *ret_rc)
{
    LLMSPELL_CLEANUP_JSON json_t *row = json_array();
    for (SQLSMALLINT i = 0; i < table->count; i++) {
        json_t *cell =
            odbc_cell(odbc, statement, (SQLUSMALLINT)(i + 1), table->types[i], bytes, ret_rc);
        if (!cell)
            return NULL;
        json_array_append_new(row, cell);
    }
    return llmspell_steal_json(&row);
}

/* One watch for all rows: some drivers compute them only now. */
static int32_t fetch(struct odbc *odbc, SQLHSTMT statement, struct table *table)
{
    struct watch watch;
    SQLRETURN code = SQL_SUCCESS;
    int32_t rc = watch_start(&watch, odbc->task, statement);
    if (rc < 0)
        return rc;
    while (rc == 0 && SQL_SUCCEEDED(code = SQLFetch(statement))) {
        size_t bytes = 2;
        json_t *row = row_json(odbc, statement, table, &bytes, &rc);
        if (row)
            rc = rows_add(table->rows, row, bytes);
    }
    int32_t stopped = watch_end(&watch);
    if (rc == 0)
        rc = judge(odbc, statement, code, stopped);
    return rc > 0 ? 0 : rc;
}

static int32_t collect(struct odbc *odbc, const char *prefix, struct rows *rows)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    __attribute__((cleanup(bounds_clear))) struct bounds bounds = {NULL, 0};
    struct table table = {.rows = rows};
    int32_t rc = rows_init(rows, odbc->task);
    if (rc == 0)
        rc = prepare_only(odbc, prefix, &statement);
    if (rc == 0)
        rc = bind_all(odbc, statement, &bounds);
    if (rc == 0)
        rc = run(odbc, statement);
    if (rc == 0)
        rc = describe(odbc, statement, &table);
    if (rc == 0 && table.count > 0)
        rc = fetch(odbc, statement, &table);
    free(table.types);
    return rc;
}

static int32_t query(struct odbc *odbc, json_t **ret_result)
{
    CLEANUP_ROWS struct rows rows = {.task = NULL};
    int32_t rc = collect(odbc, "", &rows);
    return rc < 0 ? rc : rows_result(&rows, ret_result);
}

/* ---- explain ---- */

/* The cells of a row as one line, each as it is or as JSON. */
static json_t *line_json(const json_t *row)
{
    json_t *line = json_string("");
    for (size_t i = 0; line && i < json_array_size(row); i++) {
        const json_t *cell = json_array_get(row, i);
        LLMSPELL_CLEANUP_FREE char *text =
            json_is_string(cell) ? NULL : json_dumps(cell, JSON_ENCODE_ANY | JSON_COMPACT);
        json_t *longer =
            json_sprintf("%s%s%s", json_string_value(line), i ? " | " : "",
                         json_is_string(cell) ? json_string_value(cell) : (text ? text : ""));
        json_decref(line);
        line = longer;
    }
    return line;
}

/* SQLite has the columns that we want; what others tell comes line by line. */
static int32_t explain(struct odbc *odbc, json_t **ret_result)
{
    CLEANUP_ROWS struct rows rows = {.task = NULL};
    LLMSPELL_CLEANUP_JSON json_t *plan = json_array();
    bool tree = odbc_is(odbc, "SQLite");
    int32_t rc = collect(odbc, tree ? "EXPLAIN QUERY PLAN " : "EXPLAIN ", &rows);
    for (size_t i = 0; rc == 0 && i < json_array_size(rows.list); i++) {
        const json_t *row = json_array_get(rows.list, i);
        json_t *step = tree && json_array_size(row) == 4
                           ? json_pack("{s:O, s:O, s:O}", "id", json_array_get(row, 0), "parent",
                                       json_array_get(row, 1), "detail", json_array_get(row, 3))
                           : json_pack("{s:I, s:i, s:o}", "id", (json_int_t)i + 1, "parent", 0,
                                       "detail", line_json(row));
        if (json_array_append_new(plan, step) != 0)
            rc = llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    }
    if (rc < 0)
        return rc;
    return llmspell_return(odbc->task->call, ret_result, json_pack("{s:O}", "plan", plan));
}

/* ---- execute, script ---- */

static json_int_t affected(SQLHSTMT statement)
{
    SQLLEN rows = 0;
    return SQL_SUCCEEDED(SQLRowCount(statement, &rows)) && rows > 0 ? (json_int_t)rows : 0;
}

static int32_t execute(struct odbc *odbc, json_t **ret_result)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    __attribute__((cleanup(bounds_clear))) struct bounds bounds = {NULL, 0};
    int32_t rc = prepare_only(odbc, "", &statement);
    if (rc == 0)
        rc = bind_all(odbc, statement, &bounds);
    if (rc == 0)
        rc = run(odbc, statement);
    if (rc < 0)
        return rc;
    return llmspell_return(
        odbc->task->call, ret_result,
        json_pack("{s:I, s:n}", "rows_affected", affected(statement), "last_insert_id"));
}

static int32_t run_script(struct odbc *odbc, json_int_t *statements, json_int_t *rows)
{
    const char *sql = sql_skip_blank(odbc->task->sql);
    int32_t rc = 0;
    while (rc == 0 && *sql) {
        CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
        const char *end = sql_statement_end(sql);
        if (odbc->task->read_only && !sql_is_read(sql))
            return llmspell_fail_at(odbc->task->call, LLMSPELL_EPERM, "/sql",
                                    "the database is open for reading only: set read_only to "
                                    "false");
        rc = prepare(odbc, "", sql, (size_t)(end - sql), &statement);
        if (rc == 0)
            rc = run(odbc, statement);
        if (rc == 0) {
            *statements += 1;
            *rows += affected(statement);
        }
        sql = sql_skip_blank(end);
    }
    return rc;
}

/* What fails is undone when the connection is closed. */
static int32_t script(struct odbc *odbc, json_t **ret_result)
{
    json_int_t statements = 0, rows = 0;
    if (parameters_count(odbc->task) > 0)
        return llmspell_fail_at(odbc->task->call, LLMSPELL_EINVAL, "/parameters",
                                "a script takes no parameters; use execute");
    int32_t rc = run_script(odbc, &statements, &rows);
    if (rc == 0 && !SQL_SUCCEEDED(SQLEndTran(SQL_HANDLE_DBC, odbc->connection, SQL_COMMIT)))
        rc = odbc_fail(odbc, SQL_HANDLE_DBC, odbc->connection, ODBC_STAGE_RUN);
    if (rc < 0)
        return rc;
    return llmspell_return(
        odbc->task->call, ret_result,
        json_pack("{s:I, s:I}", "statements", statements, "rows_affected", rows));
}

/* ---- the call ---- */

static const struct {
    const char *name;
    int32_t (*run)(struct odbc *odbc, json_t **ret_result);
} operations[] = {{"query", query},
                  {"execute", execute},
                  {"script", script},
                  {"explain", explain},
                  {"schema", odbc_schema}};

int32_t odbc_call(struct task *task, json_t **ret_result)
{
    __attribute__((cleanup(odbc_clear))) struct odbc odbc = {.task = task};
    int32_t rc = odbc_open(&odbc, task);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(operations[i].name, task->operation) == 0)
            return operations[i].run(&odbc, ret_result);
    }
    return rc < 0
               ? rc
               : llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/operation", "unknown operation");
}
