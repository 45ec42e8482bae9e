/* SPDX-License-Identifier: Apache-2.0
 * The indexes of the store: made, found, listed, measured, dropped. */
#include "text_index.h"

#include <strings.h>

const char text_index_schema[] =
    "CREATE TABLE IF NOT EXISTS catalog (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT "
    "NULL UNIQUE, tokenizer TEXT NOT NULL, fields TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS document (number INTEGER PRIMARY KEY, catalog INTEGER NOT NULL, id "
    "TEXT NOT NULL, metadata TEXT, UNIQUE (catalog, id));";

static const struct tokenizer tokenizers[] = {
    {"unicode", "unicode61 remove_diacritics 2", 32},
    {"porter", "porter unicode61 remove_diacritics 2", 32},
    {"trigram", "trigram", 64},
};

void text_index_clear(struct text_index *index)
{
    state_database_clear(&index->database);
    json_decref(index->fields);
}

static const struct tokenizer *tokenizer_find(const char *name)
{
    for (size_t i = 0; i < sizeof tokenizers / sizeof *tokenizers; i++) {
        if (strcmp(tokenizers[i].name, name) == 0)
            return &tokenizers[i];
    }
    return NULL;
}

int catalog_field(const struct text_index *index, const char *name)
{
    for (size_t i = 0; i < json_array_size(index->fields); i++) {
        if (strcmp(json_string_value(json_array_get(index->fields, i)), name) == 0)
            return (int)i;
    }
    return -1;
}

/* sql: owned, NULL if there was no memory for it. */
static int32_t prepare_owned(struct text_index *index, char *sql, sqlite3_stmt **ret_statement)
{
    if (!sql)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = state_database_prepare(&index->database, sql, ret_statement);
    sqlite3_free(sql);
    return rc;
}

int32_t catalog_prepare(struct text_index *index, const char *format, sqlite3_stmt **ret_statement)
{
    char *sql = sqlite3_mprintf(format, index->number, index->number, index->number, index->number);
    return prepare_owned(index, sql, ret_statement);
}

/* Runs such a statement to its end. */
static int32_t run_numbered(struct text_index *index, const char *format)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = catalog_prepare(index, format, &statement);
    while (rc == 0 && (rc = state_database_step(&index->database, statement)) > 0)
        rc = 0;
    return rc;
}

/* ---- find ---- */

int32_t catalog_find(struct text_index *index)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = state_database_prepare(
        &index->database, "SELECT number, tokenizer, fields FROM catalog WHERE name = ?1",
        &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(statement, 1, index->name, -1, SQLITE_STATIC);
    rc = state_database_step(&index->database, statement);
    if (rc <= 0)
        return rc;
    index->number = sqlite3_column_int64(statement, 0);
    index->tokenizer = tokenizer_find((const char *)sqlite3_column_text(statement, 1));
    index->fields = json_loads((const char *)sqlite3_column_text(statement, 2), 0, NULL);
    if (!index->tokenizer || !json_is_array(index->fields))
        return llmspell_fail(index->database.call, LLMSPELL_EIO,
                             "the catalog holds an index \"%s\" that this version does not know",
                             index->name);
    return 1;
}

int32_t catalog_need(struct text_index *index)
{
    int32_t rc = catalog_find(index);
    if (rc == 0)
        return llmspell_fail_at(index->database.call, LLMSPELL_ENOTFOUND, "/index",
                                "there is no index \"%s\"; create it, or add documents to it",
                                index->name);
    return rc < 0 ? rc : 0;
}

/* ---- make ---- */

/* Members of a document that are no fields, and columns that FTS5 has already. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {"id", "metadata", "rank", "rowid"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcasecmp(reserved[i], name) == 0)
            return true;
    }
    return false;
}

static int32_t check_field(struct text_index *index, const json_t *fields, size_t i)
{
    char pointer[32];
    const char *name = json_string_value(json_array_get(fields, i));
    snprintf(pointer, sizeof pointer, "/fields/%zu", i);
    if (is_reserved(name))
        return llmspell_fail_at(index->database.call, LLMSPELL_EINVAL, pointer,
                                "\"%s\" cannot be the name of a field; choose another", name);
    for (size_t k = 0; k < i; k++) {
        if (strcasecmp(json_string_value(json_array_get(fields, k)), name) == 0)
            return llmspell_fail_at(index->database.call, LLMSPELL_EINVAL, pointer,
                                    "the field \"%s\" is there already; capitals do not make "
                                    "another",
                                    name);
    }
    return 0;
}

static int32_t insert(struct text_index *index)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_FREE char *fields = json_dumps(index->fields, JSON_COMPACT);
    int32_t rc = state_database_prepare(
        &index->database, "INSERT INTO catalog (name, tokenizer, fields) VALUES (?1, ?2, ?3)",
        &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(statement, 1, index->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, index->tokenizer->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, fields, -1, SQLITE_STATIC);
    rc = state_database_step(&index->database, statement);
    index->number = sqlite3_last_insert_rowid(index->database.sqlite);
    return rc;
}

/* The name has a dot, so that no field is called like the table's own column. */
static int32_t make_table(struct text_index *index)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    sqlite3_str *sql = sqlite3_str_new(index->database.sqlite);
    sqlite3_str_appendf(sql, "CREATE VIRTUAL TABLE \"docs.%lld\" USING fts5(", index->number);
    for (size_t i = 0; i < json_array_size(index->fields); i++)
        sqlite3_str_appendf(sql, "\"%w\", ", json_string_value(json_array_get(index->fields, i)));
    sqlite3_str_appendf(sql, "tokenize = '%q')", index->tokenizer->sql);
    int32_t rc = prepare_owned(index, sqlite3_str_finish(sql), &statement);
    return rc < 0 ? rc : state_database_step(&index->database, statement);
}

int32_t catalog_make(struct text_index *index, const json_t *params)
{
    json_t *fields = json_object_get(params, "fields");
    index->tokenizer = tokenizer_find(llmspell_string(params, "tokenizer"));
    index->fields = fields ? json_incref(fields) : json_pack("[s, s]", "title", "body");
    if (!index->fields)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(index->fields); i++)
        rc = check_field(index, index->fields, i);
    if (rc == 0)
        rc = insert(index);
    return rc == 0 ? make_table(index) : rc;
}

/* ---- operations ---- */

int32_t catalog_create(struct text_index *index, const json_t *params, json_t **ret_result)
{
    int32_t rc = catalog_find(index);
    if (rc > 0)
        return llmspell_fail_at(index->database.call, LLMSPELL_EFAILED, "/index",
                                "the index \"%s\" exists already; drop it first, or use it",
                                index->name);
    if (rc == 0)
        rc = catalog_make(index, params);
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:s, s:O, s:s}", "index", index->name, "fields",
                                     index->fields, "tokenizer", index->tokenizer->name));
}

int32_t catalog_drop(struct text_index *index, const json_t *params, json_t **ret_result)
{
    (void)params;
    int32_t rc = catalog_find(index);
    int dropped = rc > 0;
    if (rc > 0)
        rc = run_numbered(index, "DROP TABLE \"docs.%lld\"");
    if (rc == 0 && dropped)
        rc = run_numbered(index, "DELETE FROM document WHERE catalog = %lld");
    if (rc == 0 && dropped)
        rc = run_numbered(index, "DELETE FROM catalog WHERE number = %lld");
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:b}", "dropped", dropped));
}

int32_t catalog_list(struct text_index *index, const json_t *params, json_t **ret_result)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    (void)params;
    int32_t rc = state_database_prepare(
        &index->database,
        "SELECT name, (SELECT count(*) FROM document WHERE catalog = catalog.number) FROM catalog "
        "ORDER BY name",
        &statement);
    while (rc >= 0 && (rc = state_database_step(&index->database, statement)) > 0) {
        json_t *entry = json_pack("{s:s, s:I}", "name", sqlite3_column_text(statement, 0),
                                  "documents", (json_int_t)sqlite3_column_int64(statement, 1));
        if (json_array_append_new(list, entry) != 0)
            return llmspell_return(index->database.call, ret_result, NULL);
    }
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result, json_pack("{s:O}", "indexes", list));
}

/* The first column of the first row. */
static int32_t one_number(struct text_index *index, const char *format, json_int_t *ret_number)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = catalog_prepare(index, format, &statement);
    if (rc == 0)
        rc = state_database_step(&index->database, statement);
    if (rc > 0)
        *ret_number = sqlite3_column_int64(statement, 0);
    return rc < 0 ? rc : 0;
}

/* What the texts of the documents take, besides the index of their words. */
static int32_t text_bytes(struct text_index *index, json_int_t *ret_bytes)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    sqlite3_str *sql = sqlite3_str_new(index->database.sqlite);
    sqlite3_str_appendall(sql, "SELECT coalesce(sum(0");
    for (size_t i = 0; i < json_array_size(index->fields); i++)
        sqlite3_str_appendf(sql, " + coalesce(length(CAST(c%d AS BLOB)), 0)", (int)i);
    sqlite3_str_appendf(sql, "), 0) FROM \"docs.%lld_content\"", index->number);
    int32_t rc = prepare_owned(index, sqlite3_str_finish(sql), &statement);
    if (rc == 0)
        rc = state_database_step(&index->database, statement);
    if (rc > 0)
        *ret_bytes = sqlite3_column_int64(statement, 0);
    return rc < 0 ? rc : 0;
}

int32_t catalog_stats(struct text_index *index, const json_t *params, json_t **ret_result)
{
    json_int_t documents = 0, terms = 0, blocks = 0, texts = 0;
    (void)params;
    int32_t rc = catalog_need(index);
    if (rc == 0)
        rc = one_number(index, "SELECT count(*) FROM document WHERE catalog = %lld", &documents);
    if (rc == 0)
        rc = run_numbered(index,
                          "CREATE VIRTUAL TABLE temp.term USING fts5vocab('main', 'docs.%lld', "
                          "'row')");
    if (rc == 0)
        rc = one_number(index, "SELECT count(*) FROM temp.term", &terms);
    if (rc == 0)
        rc = one_number(index, "SELECT coalesce(sum(length(block)), 0) FROM \"docs.%lld_data\"",
                        &blocks);
    if (rc == 0)
        rc = text_bytes(index, &texts);
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:s, s:I, s:I, s:I, s:s, s:O}", "index", index->name,
                                     "documents", documents, "terms", terms, "bytes",
                                     blocks + texts, "tokenizer", index->tokenizer->name, "fields",
                                     index->fields));
}

int32_t catalog_rebuild(struct text_index *index, const json_t *params, json_t **ret_result)
{
    json_int_t documents = 0;
    (void)params;
    int32_t rc = catalog_need(index);
    if (rc == 0)
        rc = run_numbered(index, "INSERT INTO \"docs.%lld\" (\"docs.%lld\") VALUES ('rebuild')");
    if (rc == 0)
        rc = run_numbered(index, "INSERT INTO \"docs.%lld\" (\"docs.%lld\") VALUES ('optimize')");
    if (rc == 0)
        rc = one_number(index, "SELECT count(*) FROM document WHERE catalog = %lld", &documents);
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:s, s:I}", "index", index->name, "documents", documents));
}
