/* SPDX-License-Identifier: Apache-2.0
 * What the sources of text_manipulator share: spans of UTF-8, the result buffer, the task of one
 * call, and one declaration for each operation. Every text here is valid UTF-8 with a length
 * (it may hold NUL); offsets are in bytes. */
#ifndef TEXT_MANIPULATOR_TEXT_H
#define TEXT_MANIPULATOR_TEXT_H

#include <stdbool.h>
#include <utf8proc.h>

#include <llmspell/tool.h>

#include "../shared/points.h"

#define RESULT_MAX (10u * 1024 * 1024) /* bytes of a result (TOOLS.md) */

/* A borrowed piece of text. */
struct text {
    const char *data;
    size_t len;
};

/* A growing text. The first failure stays in error and later additions do nothing, so that an
 * operation may add without checks: invoke looks at error in the end. Zeroed = empty. */
struct buffer {
    char *data;
    size_t len;
    size_t room;
    int32_t error; /* 0, LLMSPELL_ELIMIT over RESULT_MAX, LLMSPELL_ENOMEM */
};

/* One call of the tool. */
struct task {
    struct llmspell_call *call;
    const json_t *params;
    struct text input; /* empty if the input is a list */
    struct buffer out; /* the result if it is a text */
    json_t *value;     /* the result if it is a list or an object; else NULL */
};

/* An operation: fills out or value, returns 0 or a negative code with the call's error set. */
typedef int32_t (*operation_fn)(struct task *task);

/* ---- buffer.c ---- */

/* Makes room for more bytes beyond len; the limit is checked before memory is asked for. */
bool buffer_reserve(struct buffer *buffer, size_t more);
void buffer_add(struct buffer *buffer, const char *data, size_t len);
void buffer_add_text(struct buffer *buffer, struct text text);
void buffer_add_point(struct buffer *buffer, int32_t point);
/* unit times over, with separator between; the whole size is checked first. */
void buffer_repeat(struct buffer *buffer, struct text unit, size_t times, struct text separator);
struct text buffer_text(const struct buffer *buffer);
void buffer_free(struct buffer *buffer);
#define CLEANUP_BUFFER __attribute__((cleanup(buffer_free)))

/* Sets the call's error from buffer->error; 0 if there is none. */
int32_t buffer_check(struct llmspell_call *call, const struct buffer *buffer);

int32_t no_memory(struct llmspell_call *call);

/* ---- utf8.c ---- */

/* The code point at offset at (< len); returns the offset of the next one. */
size_t utf8_next(struct text text, size_t at, int32_t *ret_point);
/* The offset of the code point before offset at (> 0). */
size_t utf8_previous(struct text text, size_t at);
/* The offset behind the grapheme cluster (UAX 29, extended) that starts at offset at (< len). */
size_t grapheme_end(struct text text, size_t at);
/* The offset behind the first count clusters, or len. */
size_t grapheme_offset(struct text text, size_t count);
/* The number of clusters; asks for cancellation: negative with the error set. */
int64_t grapheme_count(struct llmspell_call *call, struct text text);
/* Display cells: a cluster is as wide as its base, with 2 for emoji presentation and flags. */
size_t text_width(struct text text);
bool point_is_space(int32_t point);   /* Unicode White_Space */
bool text_is_blank(struct text text); /* nothing but white space */
struct text text_trim(struct text text, bool start, bool end);
/* text[from..to) */
struct text text_part(struct text text, size_t from, size_t to);
/* The string parameter key; fallback if it is absent. */
struct text text_param(const struct task *task, const char *key, const char *fallback);

/* ---- normal.c ---- */

void buffer_add_points(struct buffer *buffer, const struct points *points);
/* Adds the full case folding of one code point. */
void buffer_add_folded(struct buffer *buffer, int32_t point);
/* Adds text in NFC. */
int32_t buffer_add_nfc(struct task *task, struct text text, struct buffer *buffer);

/* ---- case.c ---- */

enum casing { CASING_UPPER, CASING_LOWER, CASING_TITLE_ALL, CASING_TITLE_WORD };
struct UCaseMap;
/* The mapper for a casing in the root locale; freed by case_map_free. */
int32_t case_map_new(struct llmspell_call *call, enum casing casing, struct UCaseMap **ret_map);
void case_map_free(struct UCaseMap **map);
#define CLEANUP_CASE_MAP __attribute__((cleanup(case_map_free)))
int32_t case_map_add(struct task *task, struct UCaseMap *map, enum casing casing, struct text text);

/* ---- search.c ---- */

struct matches {
    struct text *items; /* parts of the text that was searched, in order, not overlapping */
    size_t count;
    size_t room;
};
void matches_free(struct matches *matches);
#define CLEANUP_MATCHES __attribute__((cleanup(matches_free)))

/* Finds needle (not empty) in the input; limit 0 is no limit. Linear time. */
int32_t matches_find(struct task *task, struct text needle, bool ignore_case, size_t limit,
                     struct matches *ret);

/* ---- lines.c ---- */

struct line {
    struct text text; /* without its ending */
    size_t ending;    /* bytes of it: 0 (only the last line), 1 (LF) or 2 (CRLF) */
};
struct lines {
    struct line *items;
    size_t count;
    bool final_newline;
    struct text ending; /* what a line gets that had none and is no longer the last */
};
void lines_free(struct lines *lines);
#define CLEANUP_LINES __attribute__((cleanup(lines_free)))

int32_t lines_split(struct task *task, struct lines *ret);
/* Adds the line that stands at index of the result's count lines. */
void lines_add(struct task *task, const struct lines *lines, size_t index, size_t count,
               const struct line *line);

/* ---- html.c ---- */

/* Adds text without tags, comments, and the contents of script and style elements. */
void html_strip(struct buffer *buffer, struct text text);

/* ---- the operations ---- */

int32_t op_uppercase(struct task *task);
int32_t op_lowercase(struct task *task);
int32_t op_title_case(struct task *task);
int32_t op_capitalize(struct task *task);
int32_t op_case_fold(struct task *task);
int32_t op_snake_case(struct task *task);
int32_t op_kebab_case(struct task *task);
int32_t op_camel_case(struct task *task);
int32_t op_pascal_case(struct task *task);
int32_t op_constant_case(struct task *task);
int32_t op_reverse(struct task *task);
int32_t op_trim(struct task *task);
int32_t op_trim_start(struct task *task);
int32_t op_trim_end(struct task *task);
int32_t op_substring(struct task *task);
int32_t op_truncate(struct task *task);
int32_t op_pad(struct task *task);
int32_t op_repeat(struct task *task);
int32_t op_word_wrap(struct task *task);
int32_t op_replace(struct task *task);
int32_t op_split(struct task *task);
int32_t op_join(struct task *task);
int32_t op_count(struct task *task);
int32_t op_extract(struct task *task);
int32_t op_slugify(struct task *task);
int32_t op_sanitize(struct task *task);
int32_t op_normalize_whitespace(struct task *task);
int32_t op_normalize(struct task *task);
int32_t op_remove_accents(struct task *task);
int32_t op_indent(struct task *task);
int32_t op_dedent(struct task *task);
int32_t op_sort_lines(struct task *task);
int32_t op_dedupe_lines(struct task *task);
int32_t op_reverse_lines(struct task *task);
int32_t op_number_lines(struct task *task);
int32_t op_remove_empty_lines(struct task *task);

/* Calls word for each UAX 29 word with a letter or a digit. */
typedef int32_t (*word_fn)(struct task *task, struct text word, void *data);
int32_t words_each(struct task *task, word_fn word, void *data);

#endif
