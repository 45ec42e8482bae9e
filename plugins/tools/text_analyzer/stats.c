/* SPDX-License-Identifier: Apache-2.0
 * The operations stats and sentences. */
#include "analyzer.h"

#define SENTENCES_MAX (48u << 20) /* bytes of a list of sentences */
#define WORDS_PER_MINUTE 200

struct stats {
    size_t graphemes, no_spaces, words, word_points, sentences, paragraphs, lines;
    struct span longest;
    size_t longest_points;
    struct folder folder;
    struct table unique;
};

static int32_t count_grapheme(void *data, struct span segment)
{
    struct stats *stats = data;
    size_t at = 0;
    stats->graphemes++;
    stats->no_spaces += !u_isUWhiteSpace(next_point(segment, &at));
    return 0;
}

static int32_t count_word(void *data, struct span word)
{
    struct stats *stats = data;
    struct span key;
    size_t points = count_points(word);
    stats->words++;
    stats->word_points += points;
    if (points > stats->longest_points) {
        stats->longest = word;
        stats->longest_points = points;
    }
    int32_t rc = folder_fold(&stats->folder, word, &key);
    return rc < 0 ? rc : table_add(stats->folder.call, &stats->unique, key, key);
}

static int32_t count_sentence(void *data, struct span sentence)
{
    struct stats *stats = data;
    (void)sentence;
    stats->sentences++;
    return 0;
}

static bool is_blank(struct span text)
{
    for (size_t at = 0; at < text.size;)
        if (!u_isUWhiteSpace(next_point(text, &at)))
            return false;
    return true;
}

/* A paragraph is a run of lines that are not blank. */
static void count_lines(struct stats *stats, struct span text)
{
    bool inside = false;
    for (size_t at = 0; at < text.size; stats->lines++) {
        const char *newline = memchr(text.data + at, '\n', text.size - at);
        size_t end = newline ? (size_t)(newline - text.data) + 1 : text.size;
        bool blank = is_blank((struct span){text.data + at, end - at});
        stats->paragraphs += !blank && !inside;
        inside = !blank;
        at = end;
    }
}

static double ratio(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static json_t *stats_json(const struct task *task, const struct stats *stats)
{
    const char *longest = stats->longest.data ? stats->longest.data : "";
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:s%, s:o}",
                     "characters", (json_int_t)stats->graphemes, "code_points",
                     (json_int_t)count_points(task->text), "bytes", (json_int_t)task->text.size,
                     "characters_no_spaces", (json_int_t)stats->no_spaces, "words",
                     (json_int_t)stats->words, "unique_words", (json_int_t)stats->unique.count,
                     "sentences", (json_int_t)stats->sentences, "paragraphs",
                     (json_int_t)stats->paragraphs, "lines", (json_int_t)stats->lines,
                     "average_word_length", number_json(ratio(stats->word_points, stats->words)),
                     "average_sentence_length", number_json(ratio(stats->words, stats->sentences)),
                     "longest_word", longest, stats->longest.size, "reading_time_seconds",
                     number_json(ratio(stats->words * 60, WORDS_PER_MINUTE)));
}

static void stats_clear(struct stats *stats)
{
    folder_clear(&stats->folder);
    table_clear(&stats->unique);
}

int32_t run_stats(const struct task *task, json_t **ret_result)
{
    __attribute__((cleanup(stats_clear))) struct stats stats = {0};
    int32_t rc = folder_init(&stats.folder, task->call);
    if (rc == 0)
        rc = segments_each(task, task->text, UBRK_CHARACTER, count_grapheme, &stats);
    if (rc == 0)
        rc = words_each(task, task->text, count_word, &stats);
    if (rc == 0)
        rc = sentences_each(task, task->text, count_sentence, &stats);
    if (rc < 0)
        return rc;
    count_lines(&stats, task->text);
    return llmspell_return(task->call, ret_result, stats_json(task, &stats));
}

/* ---- sentences ---- */

struct list {
    struct llmspell_call *call;
    json_t *sentences;
    size_t bytes;
};

static int32_t add_sentence(void *data, struct span sentence)
{
    struct list *list = data;
    list->bytes += sentence.size + 4;
    if (list->bytes > SENTENCES_MAX)
        return llmspell_fail(list->call, LLMSPELL_ELIMIT,
                             "the sentences have more than %u MiB; give a smaller text",
                             SENTENCES_MAX >> 20);
    if (json_array_append_new(list->sentences, json_stringn(sentence.data, sentence.size)) != 0)
        return no_memory(list->call);
    return 0;
}

int32_t run_sentences(const struct task *task, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *sentences = json_array();
    struct list list = {task->call, sentences, 0};
    int32_t rc = sentences_each(task, task->text, add_sentence, &list);
    if (rc < 0)
        return rc;
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:I, s:O}", "count", (json_int_t)json_array_size(sentences),
                                     "sentences", sentences));
}
