/* SPDX-License-Identifier: Apache-2.0
 * The pattern of a search, compiled for the texts that it meets: PCRE2 with its JIT, and watched
 * (by callouts) wherever it might take long. */
#ifndef FILE_SEARCH_MATCHER_H
#define FILE_SEARCH_MATCHER_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>

#include <llmspell/tool.h>

#include "cost.h"
#include "needle.h"

struct matcher {
    struct llmspell_call *call;
    char *text; /* the pattern as PCRE2 gets it */
    size_t size;
    uint32_t options;
    bool literal;   /* no regular expression */
    bool multiline; /* a literal with a line end in it */
    struct cost cost;
    struct needle needle;    /* what is better looked for first; size 0: nothing */
    size_t window;           /* bytes that can be searched at once without a watch */
    pcre2_code *codes[2][2]; /* [beyond ASCII][watched]; made when they are needed */
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *data;
    int32_t stopped;       /* code of a cancelled call */
    size_t start, steps;   /* of the watch: steps from one start */
    size_t position, work; /* work since the last look at the cancel flag */
    bool exhausted;
};

/* parse_error at /pattern if it is no regular expression. */
int32_t matcher_init(struct matcher *matcher, struct llmspell_call *call, const json_t *params);
void matcher_clear(struct matcher *matcher);

/* What to search and how. */
struct subject {
    const char *data; /* valid UTF-8 */
    size_t size;
    bool ascii;   /* of characters below 128 alone */
    bool watched; /* look at the cancel flag within */
};

/* Finds the first match that starts at `from` or behind it; not_empty: and has characters if it
 * starts right there. 1, 0, or a negative code: limit_exceeded at /pattern, cancelled. */
int32_t matcher_find(struct matcher *matcher, const struct subject *subject, size_t from,
                     bool not_empty, size_t *ret_start, size_t *ret_end);

#endif
