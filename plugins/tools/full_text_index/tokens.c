/* SPDX-License-Identifier: Apache-2.0
 * The tokenizers of FTS5 with an ear for cancellation: a document may be large, and SQLite itself
 * does not look while it takes one apart. They keep their names: the file stays readable by any
 * program that knows FTS5. */
#include "text_index.h"

#define TOKENS_PER_CHECK 4096

/* One for each name; freed by SQLite. */
struct wrap {
    struct text_index *index;
    fts5_tokenizer inner;
    void *inner_data;
};

struct wrapped {
    struct wrap *wrap;
    Fts5Tokenizer *inner;
};

typedef int (*token_fn)(void *data, int flags, const char *token, int length, int start, int end);

struct relay {
    struct text_index *index;
    token_fn token;
    void *data;
    unsigned count;
};

int tokens_check(struct text_index *index)
{
    struct llmspell_call *call = index->database.call;
    int32_t stopped = llmspell_cancelled(call);
    if (stopped < 0)
        index->database.stopped = stopped;
    else if (index->doing)
        call->host->progress(call, 0, 0, index->doing);
    return stopped < 0 ? SQLITE_INTERRUPT : SQLITE_OK;
}

static int on_token(void *data, int flags, const char *token, int length, int start, int end)
{
    struct relay *relay = data;
    if (++relay->count % TOKENS_PER_CHECK == 0 && tokens_check(relay->index) != SQLITE_OK)
        return SQLITE_INTERRUPT;
    return relay->token(relay->data, flags, token, length, start, end);
}

static int wrap_create(void *data, const char **args, int count, Fts5Tokenizer **ret_tokenizer)
{
    struct wrap *wrap = data;
    struct wrapped *wrapped = calloc(1, sizeof *wrapped);
    if (!wrapped)
        return SQLITE_NOMEM;
    wrapped->wrap = wrap;
    int code = wrap->inner.xCreate(wrap->inner_data, args, count, &wrapped->inner);
    if (code != SQLITE_OK) {
        free(wrapped);
        return code;
    }
    *ret_tokenizer = (Fts5Tokenizer *)wrapped;
    return SQLITE_OK;
}

static void wrap_delete(Fts5Tokenizer *tokenizer)
{
    struct wrapped *wrapped = (struct wrapped *)tokenizer;
    wrapped->wrap->inner.xDelete(wrapped->inner);
    free(wrapped);
}

static int wrap_tokenize(Fts5Tokenizer *tokenizer, void *data, int flags, const char *text,
                         int size, token_fn token)
{
    struct wrapped *wrapped = (struct wrapped *)tokenizer;
    struct relay relay = {wrapped->wrap->index, token, data, 0};
    return wrapped->wrap->inner.xTokenize(wrapped->inner, &relay, flags, text, size, on_token);
}

static int wrap_register(struct text_index *index, fts5_api *api, const char *name)
{
    static const fts5_tokenizer functions = {wrap_create, wrap_delete, wrap_tokenize};
    fts5_tokenizer copy = functions;
    struct wrap *wrap = calloc(1, sizeof *wrap);
    if (!wrap)
        return SQLITE_NOMEM;
    wrap->index = index;
    int code = api->xFindTokenizer(api, name, &wrap->inner_data, &wrap->inner);
    if (code == SQLITE_OK)
        code = api->xCreateTokenizer(api, name, wrap, &copy, free);
    if (code != SQLITE_OK)
        free(wrap);
    return code;
}

static fts5_api *find_api(sqlite3 *sqlite)
{
    CLEANUP_STATEMENT sqlite3_stmt *statement = NULL;
    fts5_api *api = NULL;
    if (sqlite3_prepare_v2(sqlite, "SELECT fts5(?1)", -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step(statement);
    return api;
}

int32_t tokens_register(struct text_index *index)
{
    fts5_api *api = find_api(index->database.sqlite);
    if (!api)
        return llmspell_fail(index->database.call, LLMSPELL_EUNAVAILABLE,
                             "the SQLite library of this system has no FTS5");
    int code = wrap_register(index, api, "unicode61");
    if (code == SQLITE_OK)
        code = wrap_register(index, api, "trigram");
    if (code == SQLITE_OK)
        code = score_register(index, api);
    if (code == SQLITE_OK)
        code = snippet_register(index, api);
    return code == SQLITE_OK ? 0
                             : llmspell_fail(index->database.call, LLMSPELL_EUNAVAILABLE,
                                             "FTS5 of this system's SQLite lacks a tokenizer: %s",
                                             sqlite3_errstr(code));
}
