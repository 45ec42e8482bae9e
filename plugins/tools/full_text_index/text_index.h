/* SPDX-License-Identifier: Apache-2.0
 * One call on the store of text indexes. An index is a row of the table catalog and an FTS5 table
 * "docs.NUMBER"; a document is a row of the table document and a row of that table with its
 * number. All functions return 0 (or a count), or a negative code with the error of the call set.
 */
#ifndef TEXT_INDEX_H
#define TEXT_INDEX_H

#include <stdbool.h>

#include "../shared/state_database.h"

#define STORE_MAX (2ll << 30) /* bytes of the file */
#define FIELDS_MAX 16

extern const char text_index_schema[];

/* How a tokenizer of the parameters is written in SQL. */
struct tokenizer {
    const char *name, *sql;
    int snippet_tokens; /* a trigram is one character further */
};

struct text_index {
    struct state_database database;
    const char *doing; /* for the progress while words are counted; NULL: none is told */
    int64_t number;    /* of the index in the catalog */
    const char *name;
    const struct tokenizer *tokenizer;
    json_t *fields; /* names, in order */
};

void text_index_clear(struct text_index *index);

/* ---- catalog.c ---- */

/* 1: the index is there, and *index says what it is; 0: it is not. */
int32_t catalog_find(struct text_index *index);
/* The same, but that it is not there is not_found at /index. */
int32_t catalog_need(struct text_index *index);
/* Makes it, with the fields and the tokenizer of params. */
int32_t catalog_make(struct text_index *index, const json_t *params);

int32_t catalog_create(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t catalog_drop(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t catalog_list(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t catalog_stats(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t catalog_rebuild(struct text_index *index, const json_t *params, json_t **ret_result);

/* The place of a field; -1 if the index has none of that name. */
int catalog_field(const struct text_index *index, const char *name);

/* Prepares SQL in which each %lld is the number of the index. */
int32_t catalog_prepare(struct text_index *index, const char *format, sqlite3_stmt **ret_statement);

/* ---- documents.c ---- */

int32_t documents_add(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t documents_remove(struct text_index *index, const json_t *params, json_t **ret_result);
int32_t documents_get(struct text_index *index, const json_t *params, json_t **ret_result);

/* ---- search.c, expression.c ---- */

int32_t search(struct text_index *index, const json_t *params, json_t **ret_result);

/* The query as an FTS5 expression, which the caller frees with sqlite3_free, also after errors. */
int32_t expression_make(struct text_index *index, const json_t *params, char **ret_expression);

/* ---- tokens.c, score.c, snippet.c: what FTS5 does with the words ---- */

/* Wraps the tokenizers so that they end when the call is cancelled, and adds the functions score
 * and snip, which do what bm25 and snippet of FTS5 do, in linear time and with an ear for that. */
int32_t tokens_register(struct text_index *index);
int score_register(struct text_index *index, fts5_api *api);
int snippet_register(struct text_index *index, fts5_api *api);

/* SQLITE_OK, or SQLITE_INTERRUPT if the call is to end. */
int tokens_check(struct text_index *index);

#endif
