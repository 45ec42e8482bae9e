/* SPDX-License-Identifier: Apache-2.0
 * The operation similarity. */
#include "analyzer.h"

#include <math.h>

/* ---- graphemes as numbers ---- */

struct numberer {
    struct llmspell_call *call;
    struct table *table;
    uint32_t *numbers;
    size_t count, room;
};

static int32_t number_grapheme(void *data, struct span grapheme)
{
    struct numberer *numberer = data;
    int32_t rc = table_add(numberer->call, numberer->table, grapheme, grapheme);
    if (rc < 0)
        return rc;
    if (numberer->count == numberer->room) {
        size_t room = numberer->room * 2 + 256;
        uint32_t *grown = realloc(numberer->numbers, room * sizeof *grown);
        if (!grown)
            return no_memory(numberer->call);
        numberer->numbers = grown;
        numberer->room = room;
    }
    const struct entry *entry = table_find(numberer->table, grapheme);
    numberer->numbers[numberer->count++] = (uint32_t)(entry - numberer->table->entries);
    return 0;
}

static int32_t number_text(const struct task *task, struct span text, struct table *table,
                           uint32_t **ret_numbers, size_t *ret_count)
{
    struct numberer numberer = {task->call, table, NULL, 0, 0};
    int32_t rc = segments_each(task, text, UBRK_CHARACTER, number_grapheme, &numberer);
    *ret_numbers = numberer.numbers;
    *ret_count = numberer.count;
    return rc;
}

/* ---- over graphemes ---- */

typedef int32_t (*distance_fn)(struct llmspell_call *call, struct symbols symbols, size_t *ret);

static json_t *result_json(const char *method, double similarity)
{
    return json_pack("{s:s, s:o}", "method", method, "similarity", number_json(similarity));
}

static int32_t by_distance(const struct task *task, const char *method, distance_fn measure,
                           const struct symbols *symbols, json_t **ret_result)
{
    size_t distance = 0;
    size_t longest = symbols->a_count > symbols->b_count ? symbols->a_count : symbols->b_count;
    int32_t rc = measure(task->call, *symbols, &distance);
    if (rc < 0)
        return rc;
    double similarity = longest ? 1 - (double)distance / (double)longest : 1;
    json_t *result = result_json(method, similarity);
    if (result &&
        json_object_set_new(result, "distance", json_integer((json_int_t)distance)) != 0) {
        json_decref(result);
        result = NULL;
    }
    return llmspell_return(task->call, ret_result, result);
}

static int32_t by_symbols(const struct task *task, const char *method, struct span other,
                          json_t **ret_result)
{
    CLEANUP_TABLE struct table table = {0};
    LLMSPELL_CLEANUP_FREE uint32_t *a = NULL, *b = NULL;
    struct symbols symbols = {0};
    double similarity = 0;
    int32_t rc = number_text(task, task->text, &table, &a, &symbols.a_count);
    if (rc == 0)
        rc = number_text(task, other, &table, &b, &symbols.b_count);
    if (rc < 0)
        return rc;
    symbols.a = a;
    symbols.b = b;
    symbols.kinds = table.count;
    if (strcmp(method, "levenshtein") == 0)
        return by_distance(task, method, distance_levenshtein, &symbols, ret_result);
    if (strcmp(method, "damerau") == 0)
        return by_distance(task, method, distance_damerau, &symbols, ret_result);
    rc = similarity_jaro_winkler(task->call, &symbols, &similarity);
    return rc < 0 ? rc : llmspell_return(task->call, ret_result, result_json(method, similarity));
}

/* ---- over sets ---- */

/* Words that are in both, of all. */
static double jaccard(const struct table *a, const struct table *b)
{
    size_t both = 0;
    for (size_t i = 0; i < a->count; i++)
        both += table_find(b, a->entries[i].key) != NULL;
    size_t all = a->count + b->count - both;
    return all ? (double)both / (double)all : 1;
}

static double square_sum(const struct table *table)
{
    double sum = 0;
    for (size_t i = 0; i < table->count; i++)
        sum += (double)table->entries[i].count * (double)table->entries[i].count;
    return sum;
}

/* The angle between the counts of the words. */
static double cosine(const struct table *a, const struct table *b)
{
    double product = 0, lengths = square_sum(a) * square_sum(b);
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *entry = table_find(b, a->entries[i].key);
        product += entry ? (double)entry->count * (double)a->entries[i].count : 0;
    }
    if (a->count == 0 && b->count == 0)
        return 1;
    return lengths > 0 ? fmin(product / sqrt(lengths), 1) : 0;
}

/* Twice what is in both, of all; each as often as it occurs. */
static double dice(const struct table *a, const struct table *b)
{
    size_t both = 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *entry = table_find(b, a->entries[i].key);
        size_t other = entry ? entry->count : 0;
        both += other < a->entries[i].count ? other : a->entries[i].count;
    }
    return 2 * (double)both / (double)(a->total + b->total);
}

static int32_t by_words(const struct task *task, const char *method, struct span other,
                        json_t **ret_result)
{
    CLEANUP_TABLE struct table a = {0}, b = {0};
    int32_t rc = count_words(task, task->text, &a);
    if (rc == 0)
        rc = count_words(task, other, &b);
    if (rc < 0)
        return rc;
    double similarity = strcmp(method, "jaccard") == 0 ? jaccard(&a, &b) : cosine(&a, &b);
    return llmspell_return(task->call, ret_result, result_json(method, similarity));
}

struct bigrams {
    struct llmspell_call *call;
    struct table *table;
    struct span before;
};

/* Neighbouring graphemes lie behind each other in the text. */
static int32_t add_bigram(void *data, struct span grapheme)
{
    struct bigrams *bigrams = data;
    struct span before = bigrams->before;
    struct span pair = {before.data, before.size + grapheme.size};
    bigrams->before = grapheme;
    return before.size ? table_add(bigrams->call, bigrams->table, pair, pair) : 0;
}

static int32_t by_bigrams(const struct task *task, struct span other, json_t **ret_result)
{
    CLEANUP_TABLE struct table a = {0}, b = {0};
    struct bigrams first = {task->call, &a, {NULL, 0}}, second = {task->call, &b, {NULL, 0}};
    int32_t rc = segments_each(task, task->text, UBRK_CHARACTER, add_bigram, &first);
    if (rc == 0)
        rc = segments_each(task, other, UBRK_CHARACTER, add_bigram, &second);
    if (rc < 0)
        return rc;
    bool same =
        task->text.size == other.size && memcmp(task->text.data, other.data, other.size) == 0;
    double similarity = a.total + b.total ? dice(&a, &b) : same;
    return llmspell_return(task->call, ret_result, result_json("dice", similarity));
}

int32_t run_similarity(const struct task *task, json_t **ret_result)
{
    const char *method = llmspell_string(task->params, "method");
    struct span other = {llmspell_string(task->params, "other"),
                         llmspell_string_length(task->params, "other")};
    if (strcmp(method, "jaccard") == 0 || strcmp(method, "cosine") == 0)
        return by_words(task, method, other, ret_result);
    if (strcmp(method, "dice") == 0)
        return by_bigrams(task, other, ret_result);
    return by_symbols(task, method, other, ret_result);
}
