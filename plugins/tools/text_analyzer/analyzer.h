/* SPDX-License-Identifier: Apache-2.0
 * What the sources of text_analyzer share: segments of a text by Unicode's rules (UAX 29), a table
 * that counts strings, and the operations. Texts are valid UTF-8 with a length. */
#ifndef TEXT_ANALYZER_ANALYZER_H
#define TEXT_ANALYZER_ANALYZER_H

#include <pthread.h>
#include <stdbool.h>

#include <unicode/ubrk.h>
#include <unicode/uchar.h>

#include <llmspell/tool.h>

struct span {
    const char *data;
    size_t size;
};

/* One call. */
struct task {
    struct llmspell_call *call;
    const json_t *params;
    struct span text;
    const char *pointer; /* of the parameter that has the text */
    struct languages *languages;
};

int32_t no_memory(struct llmspell_call *call);

/* A number as TOOLS.md wants it: whole ones as integers. */
json_t *number_json(double number);

/* ---- segments.c ---- */

/* Called for each segment; a negative code ends the pass. */
typedef int32_t (*segment_fn)(void *data, struct span segment);

/* All segments of text: UBRK_CHARACTER, UBRK_WORD (also white space and punctuation),
 * UBRK_SENTENCE. Looks at the cancel flag. */
int32_t segments_each(const struct task *task, struct span text, UBreakIteratorType type,
                      segment_fn each, void *data);

/* Only words: segments with a letter or digit. */
int32_t words_each(const struct task *task, struct span text, segment_fn each, void *data);

/* Only sentences that are more than white space, trimmed. */
int32_t sentences_each(const struct task *task, struct span text, segment_fn each, void *data);

size_t count_points(struct span text);
/* The code point at *at, which moves behind it. */
UChar32 next_point(struct span text, size_t *at);
bool has_letter_or_digit(struct span text);

/* ---- table.c ---- */

/* A string that was counted; what it looked like where it came first. */
struct entry {
    struct span key, shown;
    size_t count;
    uint64_t hash;
};

/* Counts strings. Zeroed = empty. */
struct table {
    struct entry *entries; /* in the order of their first occurrence */
    size_t count, room;
    size_t total; /* occurrences */
    uint32_t *slots;
    size_t slot_count;
    struct block *blocks; /* where the strings are */
    uint64_t seed;
};
int32_t table_add(struct llmspell_call *call, struct table *table, struct span key,
                  struct span shown);
const struct entry *table_find(const struct table *table, struct span key);
/* By count down, then by what is shown. */
void table_sort(struct table *table);
void table_clear(struct table *table);
#define CLEANUP_TABLE __attribute__((cleanup(table_clear)))

/* Case mappings with a buffer that is used again and again. */
struct folder {
    struct llmspell_call *call;
    struct UCaseMap *map;
    char *buffer, *lower;
    size_t room, lower_room;
};
int32_t folder_init(struct folder *folder, struct llmspell_call *call);
void folder_clear(struct folder *folder);
#define CLEANUP_FOLDER __attribute__((cleanup(folder_clear)))
/* Both results are good until the next call. */
int32_t folder_fold(struct folder *folder, struct span text, struct span *ret);
int32_t folder_lower(struct folder *folder, struct span text, struct span *ret);

/* Counts the case-folded words of a text. */
int32_t count_words(const struct task *task, struct span text, struct table *table);

/* ---- stop_words.c ---- */

/* "en", "de", "fr", "es", "it", "nl", "pt", "ro"; NULL for another index. */
const char *stop_words_language(size_t index);
/* Fills table with the words of a language; with none if language has no list. */
int32_t stop_words_load(struct llmspell_call *call, const char *language, struct table *table);

/* ---- language.c ---- */

#define LANGUAGE_LETTERS_MIN 20
#define LANGUAGE_CODE 3 /* bytes of a code with its NUL */

/* The profiles, loaded at the first use; of the plugin. */
struct languages *languages_new(void);
void languages_free(struct languages *languages);

/* The language of a text, or "und". */
int32_t language_guess(const struct task *task, char *ret_language);

/* ---- operations ---- */

int32_t run_stats(const struct task *task, json_t **ret_result);
int32_t run_sentences(const struct task *task, json_t **ret_result);
int32_t run_frequency(const struct task *task, json_t **ret_result);
int32_t run_keywords(const struct task *task, json_t **ret_result);
int32_t run_readability(const struct task *task, json_t **ret_result);
int32_t run_language(const struct task *task, json_t **ret_result);
int32_t run_similarity(const struct task *task, json_t **ret_result);

/* ---- distance.c ---- */

/* Numbers for the graphemes of two texts: equal graphemes have equal numbers. */
struct symbols {
    uint32_t *a, *b;
    size_t a_count, b_count, kinds;
};
int32_t distance_levenshtein(struct llmspell_call *call, struct symbols symbols, size_t *ret);
/* Also neighbours that have changed places count as one, whatever happens between them. */
int32_t distance_damerau(struct llmspell_call *call, struct symbols symbols, size_t *ret);
int32_t similarity_jaro_winkler(struct llmspell_call *call, const struct symbols *symbols,
                                double *ret);

#endif
