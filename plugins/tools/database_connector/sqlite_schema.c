/* SPDX-License-Identifier: Apache-2.0
 * The operation schema on a SQLite database. */
#include "sqlite_task.h"

/* A statement of ours with one or two texts bound; NULL with the error set. */
static sqlite3_stmt *ask(struct sqlite *sqlite, const char *sql, const char *first, int64_t second,
                         int32_t *ret_rc)
{
    sqlite3_stmt *statement = NULL;
    *ret_rc = sqlite_prepare_own(sqlite, sql, &statement);
    if (*ret_rc < 0)
        return NULL;
    sqlite3_bind_text(statement, 1, first, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 2, second);
    return statement;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text && *text ? text : NULL;
}

/* The list of what make says of each row; NULL with *ret_rc set. */
static json_t *collect(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc,
                       json_t *(*make)(struct sqlite *sqlite, sqlite3_stmt *statement,
                                       int32_t *ret_rc))
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    if (*ret_rc < 0)
        return NULL;
    while ((*ret_rc = sqlite_step(sqlite, statement)) > 0) {
        json_t *item = make(sqlite, statement, ret_rc);
        if (*ret_rc < 0)
            return NULL;
        if (json_array_append_new(list, item) != 0) {
            *ret_rc = llmspell_fail(sqlite->task->call, LLMSPELL_ENOMEM, "out of memory");
            return NULL;
        }
    }
    return *ret_rc < 0 ? NULL : llmspell_steal_json(&list);
}

static json_t *column_item(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc)
{
    (void)sqlite;
    (void)ret_rc;
    return json_pack("{s:o, s:o, s:b, s:o, s:b}", "name",
                     name_json((const char *)sqlite3_column_text(statement, 0)), "type",
                     name_json(text_of(statement, 1)), "nullable",
                     !sqlite3_column_int(statement, 2), "default",
                     name_json((const char *)sqlite3_column_text(statement, 3)), "primary_key",
                     sqlite3_column_int(statement, 4) > 0);
}

static json_t *name_item(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc)
{
    (void)sqlite;
    (void)ret_rc;
    return name_json((const char *)sqlite3_column_text(statement, 0));
}

static json_t *index_item(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *columns =
        ask(sqlite, "SELECT name FROM pragma_index_info(?1) ORDER BY seqno", name, 0, ret_rc);
    json_t *list = collect(sqlite, columns, ret_rc, name_item);
    if (!list)
        return NULL;
    return json_pack("{s:o, s:b, s:o}", "name", name_json(name), "unique",
                     sqlite3_column_int(statement, 1), "columns", list);
}

/* Columns of one side of a foreign key; where the other side's are not written, they are its
 * primary key. */
static json_t *key_side(struct sqlite *sqlite, const char *table, int64_t id, bool references,
                        int32_t *ret_rc)
{
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = ask(
        sqlite,
        references ? "SELECT coalesce(k.\"to\", (SELECT name FROM pragma_table_info(k.\"table\") "
                     "WHERE pk = k.seq + 1)) FROM pragma_foreign_key_list(?1) k WHERE k.id = ?2 "
                     "ORDER BY k.seq"
                   : "SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2 ORDER BY "
                     "seq",
        table, id, ret_rc);
    return collect(sqlite, statement, ret_rc, name_item);
}

static json_t *key_item(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc)
{
    const char *table = (const char *)sqlite3_column_text(statement, 0);
    int64_t id = sqlite3_column_int64(statement, 1);
    LLMSPELL_CLEANUP_JSON json_t *columns = key_side(sqlite, table, id, false, ret_rc);
    LLMSPELL_CLEANUP_JSON json_t *references =
        columns ? key_side(sqlite, table, id, true, ret_rc) : NULL;
    if (!references)
        return NULL;
    return json_pack("{s:O, s:o, s:O}", "columns", columns, "table",
                     name_json((const char *)sqlite3_column_text(statement, 2)), "references",
                     references);
}

/* None where SQLite cannot tell them (a view of a table that is gone, a virtual table whose module
 * is not here): the rest of the schema is told all the same. */
static json_t *columns_of(struct sqlite *sqlite, const char *name, int32_t *ret_rc)
{
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement =
        ask(sqlite,
            "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1) WHERE "
            "hidden <> 1 ORDER BY cid",
            name, 0, ret_rc);
    if (*ret_rc < 0)
        return NULL;
    int code = sqlite3_step(statement) & 0xff;
    if ((code == SQLITE_ERROR || code == SQLITE_AUTH) && sqlite->stopped == 0) {
        sqlite->denied = NULL;
        return json_array();
    }
    sqlite3_reset(statement);
    return collect(sqlite, statement, ret_rc, column_item);
}

static json_t *table_item(struct sqlite *sqlite, sqlite3_stmt *statement, int32_t *ret_rc)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    LLMSPELL_CLEANUP_JSON json_t *column_list = columns_of(sqlite, name, ret_rc);
    if (!column_list)
        return NULL;
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *indexes =
        ask(sqlite, "SELECT name, \"unique\" FROM pragma_index_list(?1) ORDER BY name", name, 0,
            ret_rc);
    LLMSPELL_CLEANUP_JSON json_t *index_list = collect(sqlite, indexes, ret_rc, index_item);
    if (!index_list)
        return NULL;
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *keys =
        ask(sqlite,
            "SELECT ?1, id, \"table\" FROM pragma_foreign_key_list(?1) WHERE seq = 0 ORDER BY id "
            "DESC",
            name, 0, ret_rc);
    LLMSPELL_CLEANUP_JSON json_t *key_list = collect(sqlite, keys, ret_rc, key_item);
    if (!key_list)
        return NULL;
    return json_pack("{s:o, s:o, s:O, s:O, s:O, s:o}", "name", name_json(name), "type",
                     name_json((const char *)sqlite3_column_text(statement, 1)), "columns",
                     column_list, "indexes", index_list, "foreign_keys", key_list, "sql",
                     name_json((const char *)sqlite3_column_text(statement, 2)));
}

int32_t sqlite_schema(struct sqlite *sqlite, json_t **ret_result)
{
    const char *table = llmspell_string(sqlite->task->params, "table");
    int32_t rc = 0;
    CLEANUP_SQLITE_STATEMENT sqlite3_stmt *statement = ask(
        sqlite,
        "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT "
        "LIKE 'sqlite\\_%' ESCAPE '\\' AND (?1 IS NULL OR name = ?1 COLLATE NOCASE) ORDER BY "
        "name",
        table, 0, &rc);
    LLMSPELL_CLEANUP_JSON json_t *tables = collect(sqlite, statement, &rc, table_item);
    if (!tables)
        return rc;
    if (table && json_array_size(tables) == 0)
        return llmspell_fail_at(sqlite->task->call, LLMSPELL_ENOTFOUND, "/table",
                                "there is no table or view \"%.200s\"", table);
    return llmspell_return(sqlite->task->call, ret_result, json_pack("{s:O}", "tables", tables));
}
