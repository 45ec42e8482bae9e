/* SPDX-License-Identifier: Apache-2.0
 * The operations frequency and keywords. */
#include "analyzer.h"

#define STOP_WORD_MAX 64 /* bytes; no list has a longer word */

enum unit { UNIT_WORD, UNIT_CHARACTER, UNIT_BIGRAM };

struct counter {
    const struct task *task;
    struct folder folder;
    struct table counted, stops;
    enum unit unit;
    bool case_sensitive;
    size_t min_length;
    char *before; /* the word before, as it is counted; NULL: none that counts */
    size_t before_size, before_room;
    char *pair;
    size_t pair_room;
};

/* ---- which words count ---- */

/* Is a folded word one of the list, which is written with the straight apostrophe? */
static bool is_stop(const struct table *stops, struct span key)
{
    char plain[STOP_WORD_MAX];
    size_t size = 0;
    if (key.size > sizeof plain)
        return false;
    for (size_t i = 0; i < key.size; i++) {
        bool curved = key.size - i >= 3 && memcmp(key.data + i, "\xE2\x80\x99", 3) == 0;
        plain[size++] = curved ? '\'' : key.data[i];
        i += curved ? 2 : 0;
    }
    return table_find(stops, (struct span){plain, size}) != NULL;
}

/* Below the letters that a language needs: the list with the most of the words, if any. */
static int32_t guess_list(const struct task *task, const struct table *words, char *ret_language)
{
    size_t best = 0;
    const char *language;
    for (size_t i = 0; (language = stop_words_language(i)); i++) {
        CLEANUP_TABLE struct table list = {0};
        size_t hits = 0;
        int32_t rc = stop_words_load(task->call, language, &list);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < words->count; k++)
            hits += is_stop(&list, words->entries[k].key) ? words->entries[k].count : 0;
        if (hits > best)
            snprintf(ret_language, LANGUAGE_CODE, "%s", language);
        best = hits > best ? hits : best;
    }
    return 0;
}

static int32_t find_list(const struct task *task, char *ret_language)
{
    CLEANUP_TABLE struct table words = {0};
    char language[LANGUAGE_CODE + 1] = "";
    int32_t rc = language_guess(task, language);
    if (rc < 0)
        return rc;
    if (strcmp(language, "und") != 0) {
        snprintf(ret_language, LANGUAGE_CODE, "%.2s", language);
        return 0;
    }
    rc = count_words(task, task->text, &words);
    return rc < 0 ? rc : guess_list(task, &words, ret_language);
}

static int32_t load_stops(struct counter *counter, const char *fallback)
{
    const char *choice = llmspell_string(counter->task->params, "stop_words");
    char language[LANGUAGE_CODE] = "";
    if (!choice)
        choice = fallback;
    if (strcmp(choice, "auto") == 0) {
        int32_t rc = find_list(counter->task, language);
        if (rc < 0)
            return rc;
        choice = language;
    }
    return stop_words_load(counter->task->call, choice, &counter->stops);
}

/* ---- counting ---- */

static int32_t copy_to(struct llmspell_call *call, char **buffer, size_t *room, struct span text)
{
    if (*room < text.size) {
        char *grown = realloc(*buffer, text.size * 2);
        if (!grown)
            return no_memory(call);
        *buffer = grown;
        *room = text.size * 2;
    }
    memcpy(*buffer, text.data, text.size);
    return 0;
}

/* The word before and this one with a space between. */
static int32_t count_pair(struct counter *counter, struct span word)
{
    struct llmspell_call *call = counter->task->call;
    size_t size = counter->before_size + 1 + word.size;
    int32_t rc = 0;
    if (counter->before_size) {
        if (counter->pair_room < size) {
            char *grown = realloc(counter->pair, size * 2);
            if (!grown)
                return no_memory(call);
            counter->pair = grown;
            counter->pair_room = size * 2;
        }
        memcpy(counter->pair, counter->before, counter->before_size);
        counter->pair[counter->before_size] = ' ';
        memcpy(counter->pair + counter->before_size + 1, word.data, word.size);
        struct span pair = {counter->pair, size};
        rc = table_add(call, &counter->counted, pair, pair);
    }
    if (rc == 0)
        rc = copy_to(call, &counter->before, &counter->before_room, word);
    counter->before_size = word.size;
    return rc;
}

static int32_t count_segment(void *data, struct span segment)
{
    struct counter *counter = data;
    struct span key = segment, shown = segment;
    int32_t rc = folder_fold(&counter->folder, segment, &key);
    if (rc < 0)
        return rc;
    if (count_points(segment) < counter->min_length || is_stop(&counter->stops, key)) {
        counter->before_size = 0;
        return 0;
    }
    if (counter->case_sensitive)
        key = segment;
    else
        rc = folder_lower(&counter->folder, segment, &shown);
    if (rc < 0)
        return rc;
    if (counter->unit == UNIT_BIGRAM)
        return count_pair(counter, shown);
    return table_add(counter->task->call, &counter->counted, key, shown);
}

static int32_t count_all(struct counter *counter, const char *fallback)
{
    const struct task *task = counter->task;
    counter->case_sensitive = llmspell_bool(task->params, "case_sensitive", 0);
    counter->min_length = (size_t)llmspell_integer(task->params, "min_length", 1);
    int32_t rc = folder_init(&counter->folder, task->call);
    if (rc == 0 && counter->unit != UNIT_CHARACTER)
        rc = load_stops(counter, fallback);
    if (rc < 0)
        return rc;
    rc = counter->unit == UNIT_CHARACTER
             ? segments_each(task, task->text, UBRK_CHARACTER, count_segment, counter)
             : words_each(task, task->text, count_segment, counter);
    table_sort(&counter->counted);
    return rc;
}

static void counter_clear(struct counter *counter)
{
    folder_clear(&counter->folder);
    table_clear(&counter->counted);
    table_clear(&counter->stops);
    free(counter->before);
    free(counter->pair);
}

#define CLEANUP_COUNTER __attribute__((cleanup(counter_clear)))

/* The first entries, each with its share of all. */
static int32_t list_entries(const struct counter *counter, const char *text_key,
                            const char *ratio_key, json_t *list)
{
    size_t limit = (size_t)llmspell_integer(counter->task->params, "limit", 20);
    for (size_t i = 0; i < counter->counted.count && i < limit; i++) {
        const struct entry *entry = &counter->counted.entries[i];
        double ratio = (double)entry->count / (double)counter->counted.total;
        json_t *item = json_pack("{s:s%, s:I, s:o}", text_key, entry->shown.data, entry->shown.size,
                                 "count", (json_int_t)entry->count, ratio_key, number_json(ratio));
        if (json_array_append_new(list, item) != 0)
            return no_memory(counter->task->call);
    }
    return 0;
}

int32_t run_frequency(const struct task *task, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *items = json_array();
    const char *unit = llmspell_string(task->params, "unit");
    CLEANUP_COUNTER struct counter counter = {.task = task,
                                              .unit = strcmp(unit, "bigram") == 0 ? UNIT_BIGRAM
                                                      : strcmp(unit, "character") == 0
                                                          ? UNIT_CHARACTER
                                                          : UNIT_WORD};
    int32_t rc = count_all(&counter, "none");
    if (rc == 0)
        rc = list_entries(&counter, "text", "ratio", items);
    if (rc < 0)
        return rc;
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:s, s:I, s:I, s:O}", "unit", unit, "total",
                                     (json_int_t)counter.counted.total, "unique",
                                     (json_int_t)counter.counted.count, "items", items));
}

int32_t run_keywords(const struct task *task, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *keywords = json_array();
    CLEANUP_COUNTER struct counter counter = {.task = task, .unit = UNIT_WORD};
    int32_t rc = count_all(&counter, "auto");
    if (rc == 0)
        rc = list_entries(&counter, "word", "score", keywords);
    if (rc < 0)
        return rc;
    return llmspell_return(task->call, ret_result, json_pack("{s:O}", "keywords", keywords));
}
