/* SPDX-License-Identifier: Apache-2.0
 * The search: all documents that match, by score; then what is shown of those that are asked for.
 */
#include "text_index.h"

#include "../shared/json_change.h"

struct task {
    struct text_index *index;
    const json_t *params;
    char *expression;    /* of FTS5 */
    sqlite3_stmt *shown; /* what is shown of one document */
    json_t *results;
    json_int_t total;
};

static void task_clear(struct task *task)
{
    sqlite3_finalize(task->shown);
    sqlite3_free(task->expression);
    json_decref(task->results);
}

/* ---- the SQL function fits(METADATA) ---- */

/* All members of filter are in metadata, and equal. */
static bool fits(const json_t *filter, const json_t *metadata)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)filter, key, value)
    {
        const json_t *own = json_object_get(metadata, key);
        if (!own || !json_same(own, value))
            return false;
    }
    return true;
}

static void on_fits(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    LLMSPELL_CLEANUP_JSON json_t *metadata = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    (void)count;
    sqlite3_result_int(context, fits(sqlite3_user_data(context), metadata));
}

/* ---- statements ---- */

/* In the raw mode SQLite judges the expression. */
static int32_t step(struct task *task, sqlite3_stmt *statement)
{
    struct text_index *index = task->index;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return code == SQLITE_ROW;
    if (index->database.stopped == 0 && (code & 0xff) == SQLITE_ERROR)
        return llmspell_fail_at(index->database.call, LLMSPELL_EPARSE, "/query",
                                "FTS5 does not understand the query: %.300s",
                                sqlite3_errmsg(index->database.sqlite));
    return state_database_fail(&index->database);
}

static int32_t prepare(struct task *task, sqlite3_str *sql, sqlite3_stmt **ret_statement)
{
    struct text_index *index = task->index;
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = state_database_prepare(&index->database, text, ret_statement);
    sqlite3_free(text);
    if (rc == 0)
        sqlite3_bind_text(*ret_statement, 1, task->expression, -1, SQLITE_STATIC);
    return rc;
}

/* With fields the raw query is put in parentheses, and ") OR (" must not lead out of them. */
static int32_t check_raw(struct task *task)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    if (!llmspell_is(task->params, "mode", "fts5") || !json_object_get(task->params, "fields"))
        return 0;
    int32_t rc = catalog_prepare(task->index,
                                 "SELECT 1 FROM \"docs.%lld\" WHERE \"docs.%lld\" MATCH ?1 LIMIT 1",
                                 &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(statement, 1, llmspell_string(task->params, "query"), -1, SQLITE_STATIC);
    rc = step(task, statement);
    return rc < 0 ? rc : 0;
}

static int32_t prepare_ranking(struct task *task, sqlite3_stmt **ret_statement)
{
    struct text_index *index = task->index;
    const json_t *weights = json_object_get(task->params, "weights");
    json_t *filter = json_object_get(task->params, "filter");
    sqlite3_create_function(index->database.sqlite, "fits", 1, SQLITE_UTF8, filter, on_fits, NULL,
                            NULL);
    sqlite3_str *sql = sqlite3_str_new(index->database.sqlite);
    sqlite3_str_appendf(sql, "SELECT d.id, d.number, score(\"docs.%lld\"", index->number);
    for (size_t i = 0; i < json_array_size(index->fields); i++)
        sqlite3_str_appendf(
            sql, ", %!.17g",
            llmspell_number(weights, json_string_value(json_array_get(index->fields, i)), 1.0));
    /* CROSS JOIN: the words first */
    sqlite3_str_appendf(sql,
                        ") AS points FROM \"docs.%lld\" CROSS JOIN document d ON d.number = "
                        "\"docs.%lld\".rowid WHERE \"docs.%lld\" MATCH ?1%s ORDER BY points DESC, "
                        "d.id",
                        index->number, index->number, index->number,
                        json_object_size(filter) ? " AND fits(d.metadata)" : "");
    return prepare(task, sql, ret_statement);
}

/* Columns: metadata, snippet, the fields that were searched. */
static int32_t prepare_shown(struct task *task)
{
    struct text_index *index = task->index;
    const json_t *fields = json_object_get(task->params, "fields");
    const json_t *marks = json_object_get(task->params, "highlight");
    bool snippet = llmspell_bool(task->params, "snippet", 1);
    sqlite3_str *sql = sqlite3_str_new(index->database.sqlite);
    sqlite3_str_appendall(sql, "SELECT (SELECT metadata FROM document WHERE number = ?2), ");
    if (snippet)
        sqlite3_str_appendf(sql, "snip(\"docs.%lld\", %d, %Q, %Q)", index->number,
                            index->tokenizer->snippet_tokens,
                            json_string_value(json_array_get(marks, 0)),
                            json_string_value(json_array_get(marks, 1)));
    else
        sqlite3_str_appendall(sql, "NULL");
    for (size_t i = 0; i < json_array_size(fields); i++)
        sqlite3_str_appendf(sql, ", \"%w\"", json_string_value(json_array_get(fields, i)));
    sqlite3_str_appendf(sql, " FROM \"docs.%lld\" WHERE \"docs.%lld\" MATCH ?1 AND rowid = ?2",
                        index->number, index->number);
    return prepare(task, sql, &task->shown);
}

/* ---- results ---- */

static json_t *column_json(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t size = (size_t)sqlite3_column_bytes(statement, column);
    return text ? json_stringn(text, size) : NULL;
}

static json_t *fields_json(const json_t *names, sqlite3_stmt *statement)
{
    json_t *fields = names ? json_object() : NULL;
    for (size_t i = 0; i < json_array_size(names); i++) {
        json_t *text = column_json(statement, (int)i + 2);
        if (text)
            json_object_set_new(fields, json_string_value(json_array_get(names, i)), text);
    }
    return fields;
}

static int32_t add_result(struct task *task, sqlite3_stmt *ranking)
{
    const char *id = (const char *)sqlite3_column_text(ranking, 0);
    sqlite3_reset(task->shown);
    sqlite3_bind_int64(task->shown, 2, sqlite3_column_int64(ranking, 1));
    int32_t rc = step(task, task->shown);
    for (int i = 0; rc > 0 && i < sqlite3_column_count(task->shown); i++) {
        int32_t full = state_database_give(&task->index->database,
                                           (size_t)sqlite3_column_bytes(task->shown, i));
        rc = full < 0 ? full : rc;
    }
    if (rc < 0)
        return rc;
    const char *text = (const char *)sqlite3_column_text(task->shown, 0);
    json_t *metadata = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : json_object();
    json_t *fields = fields_json(json_object_get(task->params, "fields"), task->shown);
    json_t *result = json_pack("{s:s, s:f, s:I, s:o*, s:o*, s:o}", "id", id, "score",
                               sqlite3_column_double(ranking, 2), "rank", task->total, "snippet",
                               column_json(task->shown, 1), "fields", fields, "metadata", metadata);
    if (json_array_append_new(task->results, result) != 0)
        return llmspell_fail(task->index->database.call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

static int32_t collect(struct task *task, sqlite3_stmt *ranking)
{
    json_int_t offset = llmspell_integer(task->params, "offset", 0);
    json_int_t limit = llmspell_integer(task->params, "limit", 10);
    int32_t rc;
    while ((rc = step(task, ranking)) > 0) {
        task->total++;
        if (task->total > offset && task->total <= offset + limit)
            rc = add_result(task, ranking);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int32_t check_weights(struct task *task)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(task->params, "weights"), name, value)
    {
        char pointer[128];
        snprintf(pointer, sizeof pointer, "/weights/%s", name);
        if (catalog_field(task->index, name) < 0)
            return llmspell_fail_at(task->index->database.call, LLMSPELL_EINVAL, pointer,
                                    "the index \"%s\" has no field \"%s\"; see stats for its "
                                    "fields",
                                    task->index->name, name);
    }
    return 0;
}

/* The pieces that the statements need; 0, or a code. */
static int32_t set_up(struct task *task, sqlite3_stmt **ret_ranking)
{
    int32_t rc = catalog_need(task->index);
    if (rc == 0)
        rc = check_weights(task);
    if (rc == 0)
        rc = expression_make(task->index, task->params, &task->expression);
    if (rc == 0)
        rc = check_raw(task);
    if (rc == 0)
        rc = prepare_ranking(task, ret_ranking);
    return rc == 0 ? prepare_shown(task) : rc;
}

int32_t search(struct text_index *index, const json_t *params, json_t **ret_result)
{
    __attribute__((cleanup(task_clear))) struct task task = {
        .index = index, .params = params, .results = json_array()};
    CLEANUP_STATEMENT sqlite3_stmt *ranking = NULL;
    int32_t rc = set_up(&task, &ranking);
    if (rc == 0)
        rc = collect(&task, ranking);
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:s, s:I, s:I, s:O}", "query",
                                     llmspell_string(params, "query"), "total", task.total, "count",
                                     (json_int_t)json_array_size(task.results), "results",
                                     task.results));
}
