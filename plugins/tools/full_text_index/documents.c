/* SPDX-License-Identifier: Apache-2.0
 * The documents of an index: added, replaced, removed, given back. */
#include "text_index.h"

#include "../shared/text_input.h"

#define FILE_MAX (50ull << 20)

struct added {
    json_int_t added, replaced;
};

/* ---- rows ---- */

/* 1 and the number of the document, or 0. */
static int32_t find(struct text_index *index, const char *id, int64_t *ret_number)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = catalog_prepare(
        index, "SELECT number FROM document WHERE catalog = %lld AND id = ?1", &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    rc = state_database_step(&index->database, statement);
    if (rc > 0)
        *ret_number = sqlite3_column_int64(statement, 0);
    return rc;
}

/* Its words; the row of the table document stays. */
static int32_t delete_words(struct text_index *index, int64_t number)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = catalog_prepare(index, "DELETE FROM \"docs.%lld\" WHERE rowid = ?1", &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(statement, 1, number);
    return state_database_step(&index->database, statement);
}

static int32_t put_row(struct text_index *index, const char *id, const json_t *metadata,
                       int64_t *number)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_FREE char *text =
        metadata ? json_dumps(metadata, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    int32_t rc = catalog_prepare(index,
                                 *number ? "UPDATE document SET metadata = ?2 WHERE number = ?3"
                                         : "INSERT INTO document (catalog, id, metadata) VALUES "
                                           "(%lld, ?1, ?2)",
                                 &statement);
    if (rc < 0)
        return rc;
    if (*number)
        sqlite3_bind_int64(statement, 3, *number);
    else
        sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    rc = state_database_step(&index->database, statement);
    if (rc == 0 && !*number)
        *number = sqlite3_last_insert_rowid(index->database.sqlite);
    return rc;
}

/* rowid is ?1, the fields are ?2 and so on. */
static int32_t prepare_words(struct text_index *index, sqlite3_stmt **ret_statement)
{
    sqlite3_str *sql = sqlite3_str_new(index->database.sqlite);
    sqlite3_str_appendf(sql, "INSERT INTO \"docs.%lld\" (rowid", index->number);
    for (size_t i = 0; i < json_array_size(index->fields); i++)
        sqlite3_str_appendf(sql, ", \"%w\"", json_string_value(json_array_get(index->fields, i)));
    sqlite3_str_appendall(sql, ") VALUES (?1");
    for (size_t i = 0; i < json_array_size(index->fields); i++)
        sqlite3_str_appendf(sql, ", ?%d", (int)i + 2);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    if (!text)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = state_database_prepare(&index->database, text, ret_statement);
    sqlite3_free(text);
    return rc;
}

/* The row that the words go to has the number of the document. */
static int32_t put_words(struct text_index *index, const json_t *document, int64_t number)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int32_t rc = prepare_words(index, &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(statement, 1, number);
    for (size_t i = 0; i < json_array_size(index->fields); i++) {
        const json_t *value =
            json_object_get(document, json_string_value(json_array_get(index->fields, i)));
        sqlite3_bind_text64(statement, (int)i + 2, json_string_value(value),
                            json_string_length(value), SQLITE_STATIC, SQLITE_UTF8);
    }
    return state_database_step(&index->database, statement);
}

/* ---- add ---- */

static int32_t add(struct text_index *index, const json_t *document, struct added *added)
{
    const char *id = llmspell_string(document, "id");
    int64_t number = 0;
    int32_t rc = find(index, id, &number);
    if (rc > 0)
        added->replaced++;
    else if (rc == 0)
        added->added++;
    if (rc > 0)
        rc = delete_words(index, number);
    if (rc == 0)
        rc = put_row(index, id, json_object_get(document, "metadata"), &number);
    if (rc == 0)
        rc = put_words(index, document, number);
    return rc == 0 ? llmspell_cancelled(index->database.call) : rc;
}

/* As a part of a JSON pointer; long names are cut. */
static void escape(const char *name, char *out, size_t size)
{
    size_t n = 0;
    for (; *name && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    out[n] = '\0';
}

static int32_t check_members(struct text_index *index, const json_t *document, size_t i)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)document, name, value)
    {
        char part[256], pointer[300];
        if (strcmp(name, "id") == 0 || strcmp(name, "metadata") == 0 ||
            catalog_field(index, name) >= 0)
            continue;
        escape(name, part, sizeof part);
        snprintf(pointer, sizeof pointer, "/documents/%zu/%s", i, part);
        LLMSPELL_CLEANUP_FREE char *fields = json_dumps(index->fields, JSON_COMPACT);
        return llmspell_fail_at(index->database.call, LLMSPELL_EINVAL, pointer,
                                "the index \"%s\" has no field \"%.100s\"; it has %.300s",
                                index->name, name, fields ? fields : "others");
    }
    return 0;
}

static int32_t add_list(struct text_index *index, const json_t *documents, struct added *added)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(documents); i++)
        rc = check_members(index, json_array_get(documents, i), i);
    for (size_t i = 0; rc == 0 && i < json_array_size(documents); i++)
        rc = add(index, json_array_get(documents, i), added);
    return rc;
}

/* To close a file that another thread has open as the store would end the locks of that one (POSIX
 * locks belong to the process): it is looked at without being opened. */
static int32_t refuse_store(struct text_index *index, const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct llmspell_call *call = index->database.call;
    const struct llmspell_fs *fs = llmspell_fs_get(call);
    struct stat wanted, own;
    LLMSPELL_CLEANUP_CLOSE int fd = fs->open(call, path, O_PATH, 0, "/path");
    if (fd < 0)
        return fd;
    if (fstat(fd, &wanted) != 0)
        return llmspell_fail_at(call, LLMSPELL_EIO, "/path", "cannot stat the file: %s",
                                strerror(errno));
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name = sqlite3_mprintf("%s%s", sqlite3_db_filename(index->database.sqlite, "main"),
                                     suffixes[i]);
        bool same = name && stat(name, &own) == 0 && own.st_dev == wanted.st_dev &&
                    own.st_ino == wanted.st_ino;
        sqlite3_free(name);
        if (same)
            return llmspell_fail_at(call, LLMSPELL_EPERM, "/path",
                                    "this is the file that the indexes are kept in");
    }
    return 0;
}

/* The text goes to the field body; in an index without one, to its first. */
static int32_t add_file(struct text_index *index, const json_t *params, struct added *added)
{
    CLEANUP_TEXT_INPUT struct text_input text = {NULL, 0, NULL};
    const char *path = llmspell_string(params, "path");
    const char *field = catalog_field(index, "body") >= 0
                            ? "body"
                            : json_string_value(json_array_get(index->fields, 0));
    int32_t rc = refuse_store(index, path);
    if (rc == 0)
        rc = text_input_load(index->database.call, params, "documents", "path", FILE_MAX, &text);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *document =
        json_pack("{s:s, s:s%}", "id", path, field, text.data, text.size);
    if (!document)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    return add(index, document, added);
}

int32_t documents_add(struct text_index *index, const json_t *params, json_t **ret_result)
{
    struct added added = {0, 0};
    const json_t *documents = json_object_get(params, "documents");
    int32_t rc = catalog_find(index);
    if (rc == 0)
        rc = catalog_make(index, params);
    if (rc >= 0)
        rc = documents ? add_list(index, documents, &added) : add_file(index, params, &added);
    if (rc < 0)
        return rc;
    return llmspell_return(
        index->database.call, ret_result,
        json_pack("{s:I, s:I}", "added", added.added, "replaced", added.replaced));
}

/* ---- remove ---- */

static int32_t remove_one(struct text_index *index, const char *id)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    int32_t rc = find(index, id, &number);
    if (rc <= 0)
        return rc;
    rc = delete_words(index, number);
    if (rc == 0)
        rc = catalog_prepare(index, "DELETE FROM document WHERE number = ?1", &statement);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(statement, 1, number);
    rc = state_database_step(&index->database, statement);
    return rc < 0 ? rc : 1;
}

int32_t documents_remove(struct text_index *index, const json_t *params, json_t **ret_result)
{
    const json_t *ids = json_object_get(params, "ids");
    json_int_t removed = 0;
    int32_t rc = catalog_need(index);
    for (size_t i = 0; rc >= 0 && i < json_array_size(ids); i++) {
        rc = remove_one(index, json_string_value(json_array_get(ids, i)));
        removed += rc > 0;
        if (rc >= 0)
            rc = llmspell_cancelled(index->database.call);
    }
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result,
                           json_pack("{s:I}", "removed", removed));
}

/* ---- get ---- */

/* As it was added: fields and metadata that it had. NULL without memory. */
static json_t *document_json(const struct text_index *index, const char *id,
                             sqlite3_stmt *statement)
{
    LLMSPELL_CLEANUP_JSON json_t *document = json_pack("{s:s}", "id", id);
    for (size_t i = 0; document && i < json_array_size(index->fields); i++) {
        const char *text = (const char *)sqlite3_column_text(statement, (int)i + 1);
        size_t size = (size_t)sqlite3_column_bytes(statement, (int)i + 1);
        if (text &&
            json_object_set_new(document, json_string_value(json_array_get(index->fields, i)),
                                json_stringn(text, size)) != 0)
            return NULL;
    }
    const char *metadata = (const char *)sqlite3_column_text(statement, 0);
    if (metadata &&
        json_object_set_new(document, "metadata", json_loads(metadata, JSON_ALLOW_NUL, NULL)) != 0)
        return NULL;
    return llmspell_steal_json(&document);
}

static int32_t get_one(struct text_index *index, sqlite3_stmt *statement, const char *id,
                       json_t *list)
{
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    int32_t rc = state_database_step(&index->database, statement);
    for (int i = 0; rc > 0 && i < sqlite3_column_count(statement); i++) {
        int32_t full =
            state_database_give(&index->database, (size_t)sqlite3_column_bytes(statement, i));
        rc = full < 0 ? full : rc;
    }
    if (rc > 0 && json_array_append_new(list, document_json(index, id, statement)) != 0)
        return llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    return rc < 0 ? rc : llmspell_cancelled(index->database.call);
}

static int32_t get_list(struct text_index *index, const json_t *ids, json_t *list)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    LLMSPELL_CLEANUP_JSON json_t *seen = json_object();
    int32_t rc = catalog_prepare(index,
                                 "SELECT d.metadata, t.* FROM document d JOIN \"docs.%lld\" t ON "
                                 "t.rowid = d.number WHERE d.catalog = %lld AND d.id = ?1",
                                 &statement);
    for (size_t i = 0; rc == 0 && i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (json_object_get(seen, id))
            continue;
        json_object_set_new(seen, id, json_true());
        rc = get_one(index, statement, id, list);
    }
    return rc;
}

int32_t documents_get(struct text_index *index, const json_t *params, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = catalog_need(index);
    if (rc == 0)
        rc = get_list(index, json_object_get(params, "ids"), list);
    if (rc < 0)
        return rc;
    return llmspell_return(index->database.call, ret_result, json_pack("{s:O}", "documents", list));
}
