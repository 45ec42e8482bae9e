/* SPDX-License-Identifier: Apache-2.0
 * What the sources of diff_calculator share: lines, the comparison of two sequences, the formats.
 * Texts are valid UTF-8 with a length. */
#ifndef DIFF_CALCULATOR_DIFF_H
#define DIFF_CALCULATOR_DIFF_H

#include <stdbool.h>

#include <llmspell/tool.h>

#define SIDE_BYTES_MAX (10u << 20)
#define SIDE_LINES_MAX 200000u
#define OUTPUT_MAX (64u << 20)

struct span {
    const char *data;
    size_t size;
};

/* ---- output.c ---- */

/* A growing text. The first failure stays in error and later additions do nothing. */
struct output {
    char *data;
    size_t size, room;
    int32_t error;
};
void output_add(struct output *output, const char *data, size_t size);
void output_span(struct output *output, struct span span);
void output_text(struct output *output, const char *text);
__attribute__((format(printf, 2, 3))) void output_format(struct output *output, const char *format,
                                                         ...);
/* 0, or the error of the output as the call's. */
int32_t output_check(struct llmspell_call *call, const struct output *output);
void output_clear(struct output *output);
#define CLEANUP_OUTPUT __attribute__((cleanup(output_clear)))

int32_t no_memory(struct llmspell_call *call);

/* ---- lines.c ---- */

/* A text in pieces (lines with their newlines, or words), in order, nothing left out. */
struct pieces {
    struct span *items;
    size_t count, room;
};
int32_t pieces_add(struct llmspell_call *call, struct pieces *pieces, struct span span);
int32_t pieces_lines(struct llmspell_call *call, struct span text, struct pieces *ret);
void pieces_clear(struct pieces *pieces);
#define CLEANUP_PIECES __attribute__((cleanup(pieces_clear)))

/* A line without its newline. */
struct span line_body(struct span line);
bool line_is_complete(struct span line); /* it ends in a newline */

enum whitespace { WHITESPACE_COUNTS, WHITESPACE_TRAILING, WHITESPACE_CHANGE, WHITESPACE_ALL };

/* Gives equal pieces equal numbers: *ret_a for a, *ret_b for b; the caller frees both. */
int32_t pieces_number(struct llmspell_call *call, const struct pieces *a, const struct pieces *b,
                      enum whitespace whitespace, uint32_t **ret_a, uint32_t **ret_b);

/* ---- engine.c, changes.c ---- */

/* Two sequences of numbers, and what of them is no part of the common subsequence. Each flag array
 * has one false element before the first and behind the last. */
struct comparison {
    const uint32_t *a, *b;
    size_t a_count, b_count;
    bool *a_changed, *b_changed;
};

/* Marks what has changed. */
int32_t engine_compare(struct llmspell_call *call, struct comparison *comparison);

/* a[a_from..+a_size) was replaced by b[b_from..+b_size). */
struct change {
    size_t a_from, a_size, b_from, b_size;
};

struct changes {
    struct change *items;
    size_t count;
};

/* The changes that turn a into b, in order; where a change could stand at several places, the last
 * of them, as in GNU diff. */
int32_t changes_find(struct llmspell_call *call, const struct pieces *a, const struct pieces *b,
                     enum whitespace whitespace, struct changes *ret);
void changes_clear(struct changes *changes);
#define CLEANUP_CHANGES __attribute__((cleanup(changes_clear)))

/* ---- the formats ---- */

struct diff {
    struct llmspell_call *call;
    const struct pieces *a, *b;
    const struct changes *changes;
    const json_t *params;
    struct output *out;
};

/* The end of the hunk that begins at change `first`: the index behind its last change. */
size_t hunk_end(const struct diff *diff, size_t first, size_t context);
size_t hunk_count(const struct diff *diff);

int32_t format_unified(const struct diff *diff); /* hunks.c */
int32_t format_context(const struct diff *diff);
int32_t format_simple(const struct diff *diff); /* whole.c */
int32_t format_side_by_side(const struct diff *diff);
int32_t format_inline(const struct diff *diff); /* words.c */

/* The first part of text that fits into so many display cells; tabs go to the next multiple of 8.
 * Adds it to out; returns the cells. (columns.c) */
size_t columns_add(struct output *out, struct span text, size_t cells);

enum whitespace whitespace_of(const json_t *params);

/* ---- operations ---- */

int32_t run_apply_text(struct llmspell_call *call, const json_t *params, json_t **ret_result);

#endif
