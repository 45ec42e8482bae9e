/* SPDX-License-Identifier: Apache-2.0
 * The operation schema on an ODBC data source, by the catalogue functions. What a driver does not
 * tell is left empty. */
#include "odbc.h"

/* Columns of the results of the catalogue functions. */
enum {
    TABLES_NAME = 3,
    TABLES_TYPE = 4,
    COLUMNS_NAME = 4,
    COLUMNS_TYPE = 6,
    COLUMNS_NULLABLE = 11,
    COLUMNS_DEFAULT = 13,
    KEYS_COLUMN = 4,
    STATISTICS_NON_UNIQUE = 4,
    STATISTICS_INDEX = 6,
    STATISTICS_COLUMN = 9,
    FOREIGN_TABLE = 3,
    FOREIGN_COLUMN = 4,
    FOREIGN_OWN_COLUMN = 8,
    FOREIGN_SEQUENCE = 9
};

/* A cell as text or null, a new reference; null if the driver lacks it. */
static json_t *text_at(struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column)
{
    size_t bytes = 0;
    int32_t rc = 0;
    json_t *cell = odbc_cell(odbc, statement, column, SQL_WVARCHAR, &bytes, &rc);
    return cell ? cell : json_null();
}

static json_int_t number_at(struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column,
                            json_int_t fallback)
{
    size_t bytes = 0;
    int32_t rc = 0;
    LLMSPELL_CLEANUP_JSON json_t *cell =
        odbc_cell(odbc, statement, column, SQL_BIGINT, &bytes, &rc);
    return json_is_integer(cell) ? json_integer_value(cell) : fallback;
}

static bool same_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool is_in(const json_t *names, const json_t *name)
{
    size_t i;
    json_t *other;
    json_array_foreach(names, i, other)
    {
        if (json_equal(other, name))
            return true;
    }
    return false;
}

/* ---- of one table ---- */

static json_t *primary_key(struct odbc *odbc, SQLCHAR *table)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    json_t *names = json_array();
    if (odbc_statement(odbc, &statement) == 0 &&
        SQL_SUCCEEDED(SQLPrimaryKeys(statement, NULL, 0, NULL, 0, table, SQL_NTS))) {
        while (SQL_SUCCEEDED(SQLFetch(statement)))
            json_array_append_new(names, text_at(odbc, statement, KEYS_COLUMN));
    }
    return names;
}

/* The name of a table is a pattern here: what belongs to others is passed over. */
static json_t *columns(struct odbc *odbc, SQLCHAR *table)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *keys = primary_key(odbc, table);
    json_t *list = json_array();
    if (odbc_statement(odbc, &statement) < 0 ||
        !SQL_SUCCEEDED(SQLColumns(statement, NULL, 0, NULL, 0, table, SQL_NTS, NULL, 0)))
        return list;
    while (SQL_SUCCEEDED(SQLFetch(statement))) {
        LLMSPELL_CLEANUP_JSON json_t *owner = text_at(odbc, statement, TABLES_NAME);
        if (!same_text(owner, (const char *)table))
            continue;
        json_t *name = text_at(odbc, statement, COLUMNS_NAME);
        json_t *type = text_at(odbc, statement, COLUMNS_TYPE);
        int nullable = number_at(odbc, statement, COLUMNS_NULLABLE, 1) != SQL_NO_NULLS;
        json_array_append_new(list, json_pack("{s:o, s:o, s:b, s:o, s:b}", "name", name, "type",
                                              type, "nullable", nullable, "default",
                                              text_at(odbc, statement, COLUMNS_DEFAULT),
                                              "primary_key", is_in(keys, name)));
    }
    return list;
}

static json_t *find_index(json_t *list, const json_t *name)
{
    size_t i;
    json_t *index;
    json_array_foreach(list, i, index)
    {
        if (json_equal(json_object_get(index, "name"), name))
            return index;
    }
    return NULL;
}

static json_t *indexes(struct odbc *odbc, SQLCHAR *table)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    json_t *list = json_array();
    if (odbc_statement(odbc, &statement) < 0 ||
        !SQL_SUCCEEDED(
            SQLStatistics(statement, NULL, 0, NULL, 0, table, SQL_NTS, SQL_INDEX_ALL, SQL_QUICK)))
        return list;
    while (SQL_SUCCEEDED(SQLFetch(statement))) {
        int unique = number_at(odbc, statement, STATISTICS_NON_UNIQUE, 1) == 0;
        LLMSPELL_CLEANUP_JSON json_t *name = text_at(odbc, statement, STATISTICS_INDEX);
        if (!json_is_string(name)) /* the row about the table itself */
            continue;
        if (!find_index(list, name))
            json_array_append_new(
                list, json_pack("{s:O, s:b, s:[]}", "name", name, "unique", unique, "columns"));
        json_array_append_new(json_object_get(find_index(list, name), "columns"),
                              text_at(odbc, statement, STATISTICS_COLUMN));
    }
    return list;
}

static json_t *foreign_keys(struct odbc *odbc, SQLCHAR *table)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    json_t *list = json_array();
    if (odbc_statement(odbc, &statement) < 0 ||
        !SQL_SUCCEEDED(
            SQLForeignKeys(statement, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, table, SQL_NTS)))
        return list;
    while (SQL_SUCCEEDED(SQLFetch(statement))) {
        json_t *other = text_at(odbc, statement, FOREIGN_TABLE);
        json_t *reference = text_at(odbc, statement, FOREIGN_COLUMN);
        json_t *own = text_at(odbc, statement, FOREIGN_OWN_COLUMN);
        bool first = number_at(odbc, statement, FOREIGN_SEQUENCE, 1) <= 1;
        if (first || json_array_size(list) == 0) {
            json_array_append_new(list, json_pack("{s:[o], s:o, s:[o]}", "columns", own, "table",
                                                  other, "references", reference));
            continue;
        }
        json_t *last = json_array_get(list, json_array_size(list) - 1);
        json_array_append_new(json_object_get(last, "columns"), own);
        json_array_append_new(json_object_get(last, "references"), reference);
        json_decref(other);
    }
    return list;
}

static json_t *table_json(struct odbc *odbc, const char *name, bool is_view)
{
    SQLCHAR *table = (SQLCHAR *)name;
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:n}", "name", name, "type",
                     is_view ? "view" : "table", "columns", columns(odbc, table), "indexes",
                     indexes(odbc, table), "foreign_keys", foreign_keys(odbc, table), "sql");
}

/* ---- all tables ---- */

static int by_name(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    return strcmp(llmspell_string(x, "name"), llmspell_string(y, "name"));
}

/* {name, view} of each, in order. Owned; *ret_count of them. */
static int32_t list_tables(struct odbc *odbc, json_t **ret_list)
{
    CLEANUP_ODBC_STATEMENT SQLHSTMT statement = NULL;
    const char *wanted = llmspell_string(odbc->task->params, "table");
    SQLCHAR types[] = "TABLE,VIEW";
    int32_t rc = odbc_statement(odbc, &statement);
    *ret_list = json_array();
    if (rc < 0)
        return rc;
    if (!SQL_SUCCEEDED(SQLTables(statement, NULL, 0, NULL, 0, NULL, 0, types, SQL_NTS)))
        return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
    while (SQL_SUCCEEDED(SQLFetch(statement))) {
        json_t *name = text_at(odbc, statement, TABLES_NAME);
        LLMSPELL_CLEANUP_JSON json_t *type = text_at(odbc, statement, TABLES_TYPE);
        if (json_is_string(name) && (!wanted || same_text(name, wanted)))
            json_array_append_new(
                *ret_list, json_pack("{s:O, s:b}", "name", name, "view", same_text(type, "VIEW")));
        json_decref(name);
    }
    if (wanted && json_array_size(*ret_list) == 0)
        return llmspell_fail_at(odbc->task->call, LLMSPELL_ENOTFOUND, "/table",
                                "there is no table or view \"%.200s\"", wanted);
    return 0;
}

int32_t odbc_schema(struct odbc *odbc, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *list = NULL, *tables = json_array();
    int32_t rc = list_tables(odbc, &list);
    size_t n = json_array_size(list);
    LLMSPELL_CLEANUP_FREE json_t **items = calloc(n + 1, sizeof(json_t *));
    if (rc == 0 && !items)
        rc = llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++)
        items[i] = json_array_get(list, i);
    if (rc == 0)
        qsort(items, n, sizeof *items, by_name);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_array_append_new(tables, table_json(odbc, llmspell_string(items[i], "name"),
                                                 llmspell_bool(items[i], "view", 0)));
        rc = task_check(odbc->task);
        if (rc < 0)
            rc = task_stop(odbc->task, rc);
    }
    if (rc < 0)
        return rc;
    return llmspell_return(odbc->task->call, ret_result, json_pack("{s:O}", "tables", tables));
}
