/* SPDX-License-Identifier: Apache-2.0
 * full_text_index: documents in indexes that are searched by their words, kept in a SQLite file
 * (FTS5) that several processes may use at once. Each call is one transaction. Called by the host's
 * tool registry. */
#include "text_index.h"

static const struct operation {
    const char *name;
    int32_t (*run)(struct text_index *index, const json_t *params, json_t **ret_result);
    const char *begin;
    const char *doing;
} operations[] = {
    {"search", search, "BEGIN", NULL},
    {"create", catalog_create, "BEGIN IMMEDIATE", NULL},
    {"add", documents_add, "BEGIN IMMEDIATE", "indexing"},
    {"remove", documents_remove, "BEGIN IMMEDIATE", NULL},
    {"get", documents_get, "BEGIN", NULL},
    {"list", catalog_list, "BEGIN", NULL},
    {"stats", catalog_stats, "BEGIN", NULL},
    {"drop", catalog_drop, "BEGIN IMMEDIATE", NULL},
    {"rebuild", catalog_rebuild, "BEGIN IMMEDIATE", "rebuilding"},
};

static const struct operation *find(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    }
    return NULL;
}

/* What fails is undone when the database is closed. */
static int32_t run(struct text_index *index, const struct operation *operation,
                   const json_t *params, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    int32_t rc = tokens_register(index);
    if (rc == 0)
        rc = state_database_run(&index->database, operation->begin);
    if (rc == 0)
        rc = operation->run(index, params, &result);
    if (rc == 0)
        rc = state_database_run(&index->database, "COMMIT");
    if (rc == 0)
        *ret_result = llmspell_steal_json(&result);
    return rc;
}

static int32_t full_text_index_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    __attribute__((cleanup(text_index_clear))) struct text_index index = {
        .name = llmspell_string(params, "index")};
    const struct operation *operation = find(llmspell_string(params, "operation"));
    if (!operation)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "unknown operation");
    index.doing = operation->doing;
    int32_t rc =
        state_database_open(call, "indexes.db", text_index_schema, STORE_MAX, &index.database);
    return rc < 0 ? rc : run(&index, operation, params, ret_result);
}

LLMSPELL_TOOL(.invoke = full_text_index_invoke)
