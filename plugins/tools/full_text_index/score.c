/* SPDX-License-Identifier: Apache-2.0
 * The SQL function score(TABLE, WEIGHT …): -bm25 of FTS5, by the same formula. That one lists all
 * places of all phrases in a row first, in time of their product; here each list is walked once. */
#include "text_index.h"

#include <math.h>

#define ROWS_PER_CHECK 1024

/* k1 and b of Okapi BM25. */
static const double saturation = 1.2, length_weight = 0.75;

/* What is the same for all rows of a search. */
struct corpus {
    double average;  /* words of a document */
    double rarity[]; /* of each phrase: its inverse document frequency */
};

struct count {
    struct text_index *index;
    int64_t rows;
};

static int count_row(const Fts5ExtensionApi *api, Fts5Context *context, void *data)
{
    struct count *count = data;
    (void)api;
    (void)context;
    return ++count->rows % ROWS_PER_CHECK == 0 ? tokens_check(count->index) : SQLITE_OK;
}

static int measure(const Fts5ExtensionApi *api, Fts5Context *context, struct corpus *corpus)
{
    sqlite3_int64 rows = 0, words = 0;
    int code = api->xRowCount(context, &rows);
    if (code == SQLITE_OK)
        code = api->xColumnTotalSize(context, -1, &words);
    corpus->average = rows > 0 ? (double)words / (double)rows : 0;
    for (int i = 0; code == SQLITE_OK && i < api->xPhraseCount(context); i++) {
        struct count count = {api->xUserData(context), 0};
        code = api->xQueryPhrase(context, i, &count, count_row);
        double rarity = log(((double)(rows - count.rows) + 0.5) / ((double)count.rows + 0.5));
        corpus->rarity[i] = rarity > 0 ? rarity : 1e-6; /* a word of half of them still counts */
    }
    return code;
}

static int corpus_get(const Fts5ExtensionApi *api, Fts5Context *context, struct corpus **ret_corpus)
{
    struct corpus *corpus = api->xGetAuxdata(context, 0);
    int code = SQLITE_OK;
    if (!corpus) {
        corpus = calloc(1, sizeof *corpus +
                               (size_t)api->xPhraseCount(context) * sizeof corpus->rarity[0]);
        code = corpus ? measure(api, context, corpus) : SQLITE_NOMEM;
        if (code == SQLITE_OK)
            code = api->xSetAuxdata(context, corpus, free); /* frees it if it fails */
        else
            free(corpus);
    }
    *ret_corpus = corpus;
    return code;
}

/* How often the phrase is in the row, each time by the weight of its field. */
static int frequency(const Fts5ExtensionApi *api, Fts5Context *context, int phrase,
                     const double *weights, int columns, double *ret_frequency)
{
    Fts5PhraseIter place;
    int column = 0, offset = 0;
    *ret_frequency = 0;
    int code = api->xPhraseFirst(context, phrase, &place, &column, &offset);
    for (; code == SQLITE_OK && column >= 0; api->xPhraseNext(context, &place, &column, &offset))
        *ret_frequency += column < columns ? weights[column] : 1;
    return code;
}

static void on_score(const Fts5ExtensionApi *api, Fts5Context *context, sqlite3_context *result,
                     int count, sqlite3_value **values)
{
    struct corpus *corpus = NULL;
    double weights[FIELDS_MAX], score = 0, often;
    int words = 0;
    int columns = count < FIELDS_MAX ? count : FIELDS_MAX;
    for (int i = 0; i < columns; i++)
        weights[i] = sqlite3_value_double(values[i]);
    int code = corpus_get(api, context, &corpus);
    if (code == SQLITE_OK)
        code = api->xColumnSize(context, -1, &words);
    for (int i = 0; code == SQLITE_OK && i < api->xPhraseCount(context); i++) {
        code = frequency(api, context, i, weights, columns, &often);
        double length = 1 - length_weight + length_weight * words / corpus->average;
        score += corpus->rarity[i] * often * (saturation + 1) / (often + saturation * length);
    }
    if (code == SQLITE_OK)
        sqlite3_result_double(result, score);
    else
        sqlite3_result_error_code(result, code);
}

int score_register(struct text_index *index, fts5_api *api)
{
    return api->xCreateFunction(api, "score", index, on_score, NULL);
}
