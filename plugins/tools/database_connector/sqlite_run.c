/* SPDX-License-Identifier: Apache-2.0
 * The operations on a SQLite database: query, execute, explain, script. */
#include "sqlite_task.h"

/* ---- one statement ---- */

/* Compiles the first statement of sql; NULL if there are only blanks. */
static int32_t prepare(struct sqlite *sqlite, const char *sql, const char *prefix,
                       sqlite3_stmt **ret_statement, const char **ret_rest)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t n = strlen(prefix);
    if (asprintf(&text, "%s%s", prefix, sql) < 0)
        return llmspell_fail(sqlite->task->call, LLMSPELL_ENOMEM, "out of memory");
    const char *rest = text;
    sqlite->base = sql - sqlite->task->sql - (ptrdiff_t)n;
    int code = sqlite3_prepare_v2(sqlite->handle, text, -1, ret_statement, &rest);
    *ret_rest = sql + (rest > text + n ? rest - text - (ptrdiff_t)n : 0);
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, SQLITE_STAGE_COMPILE);
}

/* The only statement of task->sql. */
static int32_t prepare_only(struct sqlite *sqlite, const char *prefix, sqlite3_stmt **ret_statement)
{
    struct llmspell_call *call = sqlite->task->call;
    const char *rest = NULL;
    int32_t rc = prepare(sqlite, sql_skip_blank(sqlite->task->sql), prefix, ret_statement, &rest);
    if (rc < 0)
        return rc;
    if (!*ret_statement)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/sql", "there is no statement");
    if (*sql_skip_blank(rest))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/sql",
                                "there is more than one statement; operation script runs several");
    return 0;
}

/* ---- parameters ---- */

static int32_t bind(struct sqlite *sqlite, sqlite3_stmt *statement, int at, const json_t *value)
{
    CLEANUP_PARAMETER struct parameter parameter = {.owned = NULL};
    const char *name = sqlite3_bind_parameter_name(statement, at);
    char pointer[96];
    if (json_is_array(json_object_get(sqlite->task->params, "parameters")))
        snprintf(pointer, sizeof pointer, "/parameters/%d", at - 1);
    else
        snprintf(pointer, sizeof pointer, "/parameters/%.64s", name ? name + 1 : "");
    int32_t rc = parameter_read(sqlite->task, value, pointer, &parameter);
    int code = SQLITE_OK;
    if (rc < 0)
        return rc;
    if (parameter.kind == PARAMETER_INTEGER)
        code = sqlite3_bind_int64(statement, at, parameter.integer);
    else if (parameter.kind == PARAMETER_REAL)
        code = sqlite3_bind_double(statement, at, parameter.real);
    else if (parameter.kind == PARAMETER_TEXT)
        code = sqlite3_bind_text64(statement, at, parameter.text, parameter.size, SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    else if (parameter.kind == PARAMETER_BLOB)
        code = sqlite3_bind_blob64(statement, at, parameter.size ? parameter.text : "",
                                   parameter.size, SQLITE_TRANSIENT);
    return code == SQLITE_OK ? 0 : sqlite_fail(sqlite, SQLITE_STAGE_RUN);
}

static int32_t bind_named(struct sqlite *sqlite, sqlite3_stmt *statement, const json_t *parameters)
{
    struct task *task = sqlite->task;
    int count = sqlite3_bind_parameter_count(statement);
    int32_t rc = 0;
    for (int i = 1; rc == 0 && i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i);
        const json_t *value = name ? json_object_get(parameters, name + 1) : NULL;
        if (!name || *name == '?')
            return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/parameters",
                                    "the statement has parameters without a name; give a list");
        if (!value)
            return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/parameters",
                                    "the statement needs a parameter \"%.100s\"", name + 1);
        rc = bind(sqlite, statement, i, value);
    }
    return rc == 0 && (size_t)count != json_object_size(parameters)
               ? parameters_differ(task, (size_t)count)
               : rc;
}

static int32_t bind_all(struct sqlite *sqlite, sqlite3_stmt *statement)
{
    const json_t *parameters = json_object_get(sqlite->task->params, "parameters");
    int count = sqlite3_bind_parameter_count(statement);
    int32_t rc = 0;
    if (json_is_object(parameters) && json_object_size(parameters) > 0)
        return bind_named(sqlite, statement, parameters);
    if (parameters_count(sqlite->task) != (size_t)count)
        return parameters_differ(sqlite->task, (size_t)count);
    for (int i = 1; rc == 0 && i <= count; i++)
        rc = bind(sqlite, statement, i, json_array_get(parameters, (size_t)i - 1));
    return rc;
}

/* ---- query ---- */

static json_t *cell(sqlite3_stmt *statement, int column, size_t *bytes)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return cell_integer(sqlite3_column_int64(statement, column), bytes);
    case SQLITE_FLOAT:
        return cell_real(sqlite3_column_double(statement, column), bytes);
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return text ? cell_text(text, (size_t)sqlite3_column_bytes(statement, column), bytes)
                    : NULL;
    }
    case SQLITE_BLOB: {
        const void *blob = sqlite3_column_blob(statement, column);
        return cell_blob(blob ? blob : "", (size_t)sqlite3_column_bytes(statement, column), bytes);
    }
    default:
        *bytes += 5;
        return json_null();
    }
}

static int32_t add_row(struct rows *rows, sqlite3_stmt *statement)
{
    size_t bytes = 2;
    json_t *row = json_array();
    for (int i = 0; row && i < sqlite3_column_count(statement); i++) {
        if (json_array_append_new(row, cell(statement, i, &bytes)) != 0) {
            json_decref(row);
            row = NULL;
        }
    }
    return rows_add(rows, row, bytes);
}

static int32_t run_to_end(struct sqlite *sqlite, sqlite3_stmt *statement)
{
    int32_t rc;
    while ((rc = sqlite_step(sqlite, statement)) > 0)
        ;
    return rc;
}

/* Rows up to the limit. A statement that writes is run to its end, as its changes are. */
static int32_t add_rows(struct sqlite *sqlite, sqlite3_stmt *statement, struct rows *rows)
{
    int32_t rc;
    while ((rc = sqlite_step(sqlite, statement)) > 0) {
        rc = add_row(rows, statement);
        int32_t stopped = task_check(sqlite->task);
        if (stopped < 0)
            return task_stop(sqlite->task, stopped);
        if (rc != 0)
            break;
    }
    if (rc > 0)
        rc = sqlite3_stmt_readonly(statement) ? 0 : run_to_end(sqlite, statement);
    return rc;
}

static int32_t query(struct sqlite *sqlite, json_t **ret_result)
{
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = NULL;
    CLEANUP_ROWS struct rows rows = {.task = NULL};
    int32_t rc = rows_init(&rows, sqlite->task);
    if (rc == 0)
        rc = prepare_only(sqlite, "", &statement);
    if (rc == 0)
        rc = bind_all(sqlite, statement);
    for (int i = 0; rc == 0 && i < sqlite3_column_count(statement); i++)
        rc = rows_add_column(&rows, sqlite3_column_name(statement, i),
                             sqlite3_column_decltype(statement, i));
    if (rc == 0)
        rc = add_rows(sqlite, statement, &rows);
    return rc < 0 ? rc : rows_result(&rows, ret_result);
}

/* ---- execute ---- */

/* Rows that the last statement, sql, changed; sqlite3_changes keeps what an earlier one did. What a
 * new virtual table writes into its own tables is no row of anyone. */
static json_int_t changes_since(struct sqlite *sqlite, const char *sql, sqlite3_int64 total_before)
{
    if (sql_begins_with(sql, "CREATE"))
        return 0;
    return sqlite3_total_changes64(sqlite->handle) > total_before
               ? (json_int_t)sqlite3_changes64(sqlite->handle)
               : 0;
}

/* For these too a module of virtual tables may insert rows of its own. */
static bool never_inserts(const char *sql)
{
    static const char *const words[] = {"UPDATE", "DELETE", "CREATE", "DROP", "ALTER"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (sql_begins_with(sql, words[i]))
            return true;
    }
    return false;
}

static int32_t execute(struct sqlite *sqlite, json_t **ret_result)
{
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = prepare_only(sqlite, "", &statement);
    if (rc == 0)
        rc = bind_all(sqlite, statement);
    if (rc == 0)
        rc = run_to_end(sqlite, statement);
    if (rc < 0)
        return rc;
    const char *sql = sqlite->task->sql;
    sqlite3_int64 id = never_inserts(sql) ? 0 : sqlite3_last_insert_rowid(sqlite->handle);
    size_t bytes = 0;
    return llmspell_return(sqlite->task->call, ret_result,
                           json_pack("{s:I, s:o}", "rows_affected", changes_since(sqlite, sql, 0),
                                     "last_insert_id",
                                     id ? cell_integer(id, &bytes) : json_null()));
}

/* ---- script ---- */

static int32_t run_script(struct sqlite *sqlite, json_int_t *statements, json_int_t *affected)
{
    const char *sql = sql_skip_blank(sqlite->task->sql);
    int32_t rc = 0;
    while (rc == 0 && *sql) {
        CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = NULL;
        sqlite3_int64 before = sqlite3_total_changes64(sqlite->handle);
        const char *rest = sql;
        rc = prepare(sqlite, sql, "", &statement, &rest);
        if (rc < 0 || !statement)
            break;
        if (sqlite3_bind_parameter_count(statement) > 0)
            return llmspell_fail_at(sqlite->task->call, LLMSPELL_EINVAL, "/sql",
                                    "the statements of a script take no parameters");
        rc = run_to_end(sqlite, statement);
        *statements += 1;
        *affected += changes_since(sqlite, sql, before);
        sql = sql_skip_blank(rest);
    }
    return rc;
}

/* What fails is undone when the database is closed. */
static int32_t script(struct sqlite *sqlite, json_t **ret_result)
{
    json_int_t statements = 0, affected = 0;
    if (parameters_count(sqlite->task) > 0)
        return llmspell_fail_at(sqlite->task->call, LLMSPELL_EINVAL, "/parameters",
                                "a script takes no parameters; use execute");
    sqlite->in_script = true;
    int32_t rc = sqlite_run(sqlite, sqlite->task->read_only ? "BEGIN" : "BEGIN IMMEDIATE");
    if (rc == 0)
        rc = run_script(sqlite, &statements, &affected);
    if (rc == 0) /* deferred constraints may fail here: that is the script's doing */
        rc = sqlite_run(sqlite, "COMMIT");
    if (rc < 0)
        return rc;
    return llmspell_return(
        sqlite->task->call, ret_result,
        json_pack("{s:I, s:I}", "statements", statements, "rows_affected", affected));
}

/* ---- explain ---- */

static int32_t add_step(struct sqlite *sqlite, sqlite3_stmt *statement, json_t *plan)
{
    json_t *step = json_pack("{s:i, s:i, s:o}", "id", sqlite3_column_int(statement, 0), "parent",
                             sqlite3_column_int(statement, 1), "detail",
                             name_json((const char *)sqlite3_column_text(statement, 3)));
    if (json_array_append_new(plan, step) != 0)
        return llmspell_fail(sqlite->task->call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

/* Parameters make no difference, but if they are given they must fit. */
static int32_t explain(struct sqlite *sqlite, json_t **ret_result)
{
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *plan = json_array();
    int32_t rc = prepare_only(sqlite, "EXPLAIN QUERY PLAN ", &statement);
    if (rc == 0 && parameters_count(sqlite->task) > 0)
        rc = bind_all(sqlite, statement);
    while (rc == 0 && (rc = sqlite_step(sqlite, statement)) > 0)
        rc = add_step(sqlite, statement, plan);
    if (rc < 0)
        return rc;
    return llmspell_return(sqlite->task->call, ret_result, json_pack("{s:O}", "plan", plan));
}

/* ---- the call ---- */

static const struct {
    const char *name;
    int32_t (*run)(struct sqlite *sqlite, json_t **ret_result);
} operations[] = {{"query", query},
                  {"execute", execute},
                  {"script", script},
                  {"explain", explain},
                  {"schema", sqlite_schema}};

int32_t sqlite_call(struct task *task, json_t **ret_result)
{
    __attribute__((cleanup(sqlite_clear))) struct sqlite sqlite = {.task = task};
    if (json_object_get(task->params, "password_secret"))
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/password_secret",
                                "SQLite files have no password; it is for ODBC sources");
    int32_t rc = sqlite_open(&sqlite, task);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(operations[i].name, task->operation) == 0) {
            rc = operations[i].run(&sqlite, ret_result);
            break;
        }
    }
    if (rc < 0)
        sqlite_remove_empty(&sqlite);
    return rc;
}
