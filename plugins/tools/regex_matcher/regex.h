/* SPDX-License-Identifier: Apache-2.0
 * What the sources of regex_matcher share: a compiled pattern, a search through one text, and the
 * replacement. Texts are valid UTF-8 with a length; offsets here are in bytes. */
#ifndef REGEX_MATCHER_REGEX_H
#define REGEX_MATCHER_REGEX_H

#include "../shared/guarded_regex.h"

#define OUTPUT_MAX (64u << 20) /* bytes of text in a result */
#define RESULTS_MAX 2000000u   /* values in a result: matches, groups, names */

struct text {
    const char *data;
    size_t size;
};

/* ---- pattern.c ---- */

/* A compiled pattern and its names, which are sorted. */
struct pattern {
    pcre2_code *code;
    uint32_t group_count;
    uint32_t name_count, name_entry; /* name_entry: bytes of a row: two of a number, the name */
    PCRE2_SPTR names;
};

enum { PATTERN_FOR_SEARCH, PATTERN_FOR_SHOW };

/* Sets *ret_options from the letters of `flags`. */
int32_t pattern_flags(struct llmspell_call *call, const json_t *params, uint32_t *ret_options);

/* Compiles the parameter `pattern`. For a search it has places where search.c can look whether the
 * call was cancelled. */
int32_t pattern_compile(struct llmspell_call *call, const json_t *params, int purpose,
                        struct pattern *ret_pattern);
void pattern_clear(struct pattern *pattern);
#define CLEANUP_PATTERN __attribute__((cleanup(pattern_clear)))

/* The name of row i of the table, and its group. */
const char *pattern_name(const struct pattern *pattern, uint32_t i, uint32_t *ret_group);

/* ---- search.c ---- */

/* One pass over a text. */
struct search {
    struct llmspell_call *call;
    const struct pattern *pattern;
    struct text text;
    pcre2_match_data *data;
    struct regex_guard guard;
    const PCRE2_SIZE *spans;        /* of the match that was found: two offsets for each group */
    size_t at;                      /* where to go on; behind the end: nowhere */
    size_t seen_bytes, seen_points; /* a place whose offset in code points is known */
};

int32_t search_init(struct search *search, struct llmspell_call *call, const json_t *params,
                    const struct pattern *pattern, struct text text);
void search_clear(struct search *search);
#define CLEANUP_SEARCH __attribute__((cleanup(search_clear)))

/* The next match: 1, 0 if there is none, or a negative code with the error set. After an empty
 * match the search goes on one code point later. */
int32_t search_next(struct search *search);

/* The span of a group; false if it took no part in the match. */
bool search_group(const struct search *search, uint32_t group, struct text *ret_text);

/* The offset in code points of an offset in bytes. */
size_t search_points(struct search *search, size_t bytes);

/* ---- replace.c ---- */

int32_t regex_replace(struct llmspell_call *call, const json_t *params,
                      const struct pattern *pattern, struct text text, json_t **ret_result);

/* Text that grows up to OUTPUT_MAX. Zeroed = empty. */
struct output {
    char *data;
    size_t size, room;
};
int32_t output_add(struct llmspell_call *call, struct output *output, struct text text);

#endif
