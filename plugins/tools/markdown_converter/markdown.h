/* SPDX-License-Identifier: Apache-2.0
 * What the sources of markdown_converter share: the document, the walk over what md4c finds in it,
 * and one declaration for each operation. */
#ifndef MARKDOWN_CONVERTER_MARKDOWN_H
#define MARKDOWN_CONVERTER_MARKDOWN_H

#include <md4c.h>
#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/text_buffer.h"

#define OUTPUT_MAX (64u << 20) /* bytes of a result */
#define DEPTH_MAX 100          /* quotes and list items around a block */
#define CELLS_MAX 1000000u     /* of all tables: a short row counts as long as the header */
#define ENTRIES_MAX 200000u    /* links, images, blocks of code, tables, headings of one result */

struct document {
    struct llmspell_call *call;
    const json_t *params;
    const char *text; /* valid UTF-8 */
    size_t size;
    const char *pointer; /* "/input" or "/path" */
    unsigned flags;      /* of md4c's parser */
    bool allow_html;
};

/* ---- walk.c ---- */

/* What is told about a document; members may be NULL. Each returns 0 or a negative code with the
 * error set, which ends the walk. */
struct walker {
    int32_t (*block)(void *self, bool enter, MD_BLOCKTYPE type, const void *detail);
    int32_t (*span)(void *self, bool enter, MD_SPANTYPE type, const void *detail);
    int32_t (*text)(void *self, MD_TEXTTYPE type, const char *text, size_t size);
};

/* Goes through the document under the limits above, and looks at the cancel flag. */
int32_t document_walk(const struct document *document, const struct walker *walker, void *self);

/* ---- inline.c ---- */

/* Adds a text of md4c without marks: entities as characters, raw HTML not at all; line_break
 * stands for soft breaks. */
void inline_add(struct text_buffer *out, MD_TEXTTYPE type, const char *text, size_t size,
                char line_break);
/* The text of an address or a title; NULL if out is in error or out of memory. */
json_t *attribute_json(const MD_ATTRIBUTE *attribute);

/* ---- place.c ---- */

/* Where in the source a walk is: md4c tells no positions, but its texts point into the source. */
struct place {
    const char *text;
    size_t size;
    size_t at;              /* the end of the last text that was told */
    size_t counted, breaks; /* line ends before `counted` */
    bool no_empty;          /* no empty brackets follow */
    size_t scanned;         /* bytes that were searched for marked lines */
};
bool place_has(const struct place *place, const char *text);
size_t place_line(struct place *place, size_t offset);
/* Goes back from *at over marks to the next "[" and returns its offset; SIZE_MAX: there is none. */
size_t place_bracket(const struct place *place, size_t *at);
/* The line of the next "[]"; the place moves behind it. */
size_t place_empty_brackets(struct place *place);
/* The line of the next line that begins with at least count times mark, after marks of lists and
 * quotes. */
size_t place_marked_line(struct place *place, char mark, size_t count);
/* Goes behind the closing fence of a block of code if the next line is one. */
void place_skip_fence(struct place *place, char mark);

/* ---- collect.c ---- */

enum collected {
    COLLECT_LINKS = 1,
    COLLECT_IMAGES = 2,
    COLLECT_CODE = 4,
    COLLECT_TABLES = 8,
    COLLECT_HEADINGS = 16
};

/* The lists of what was asked for, in the order above; NULL where not asked for. */
#define COLLECTED_KINDS 5
struct collection {
    json_t *lists[COLLECTED_KINDS];
};
int32_t document_collect(const struct document *document, unsigned what, struct collection *ret);
void collection_clear(struct collection *collection);
#define CLEANUP_COLLECTION __attribute__((cleanup(collection_clear)))

/* ---- the operations ---- */

int32_t op_to_html(const struct document *document, json_t **ret_result);
int32_t op_to_text(const struct document *document, json_t **ret_result);
int32_t op_toc(const struct document *document, json_t **ret_result);
int32_t op_extract(const struct document *document, json_t **ret_result);
int32_t op_front_matter(const struct document *document, json_t **ret_result);

static inline int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

#endif
