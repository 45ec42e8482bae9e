/* SPDX-License-Identifier: Apache-2.0
 * The parts of data_converter. Each format has a reader, from text to a JSON value, and a writer
 * back; formats.c knows them all. */
#ifndef DATA_CONVERTER_H
#define DATA_CONVERTER_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/bounded_text.h"
#include "../shared/yaml_read.h"

#define OUTPUT_MAX (60u << 20) /* bytes */
#define NODES_MAX 4000000      /* values of a document */
#define DEPTH_MAX 500          /* levels of a document */

int32_t no_memory(struct llmspell_call *call);

/* ---- reading ---- */

struct reading {
    struct llmspell_call *call;
    const json_t *params;
    const char *text; /* UTF-8, but for binary formats */
    size_t size;
    const char *pointer;            /* the parameter to blame */
    struct yaml_specials *specials; /* what NaN and the infinities become */
    size_t nodes;                   /* counted so far */
};

typedef int32_t (*read_fn)(struct reading *reading, json_t **ret_value);

/* parse_error at the pointer, with the line of a place in the text. */
__attribute__((format(printf, 3, 4))) int32_t
fail_at_text(const struct reading *reading, const char *place, const char *format, ...);
/* limit_exceeded once there are too many values. */
int32_t count_node(struct reading *reading);
json_t *special_json(struct reading *reading, double value); /* of NaN or an infinity */

int32_t read_json(struct reading *reading, json_t **ret_value);
int32_t read_jsonl(struct reading *reading, json_t **ret_value);
int32_t read_yaml(struct reading *reading, json_t **ret_value);
int32_t read_toml(struct reading *reading, json_t **ret_value);
int32_t read_xml(struct reading *reading, json_t **ret_value);
int32_t read_csv(struct reading *reading, json_t **ret_value);
int32_t read_tsv(struct reading *reading, json_t **ret_value);
int32_t read_ini(struct reading *reading, json_t **ret_value);
int32_t read_properties(struct reading *reading, json_t **ret_value);
int32_t read_query(struct reading *reading, json_t **ret_value);
int32_t read_msgpack(struct reading *reading, json_t **ret_value);

/* ---- writing ---- */

/* Where a value stands in the document, from the inside out. */
struct place {
    const struct place *up; /* NULL: the document itself */
    const char *key;        /* NULL: an index */
    size_t index;
};

struct writing {
    struct llmspell_call *call;
    const json_t *params;
    const char *pointer; /* the parameter to blame */
    const char *format;
    bool pretty, sort_keys;
    const struct yaml_specials *specials;
    struct bounded_text out;
    size_t steps; /* since the last look at the cancel flag */
};

typedef int32_t (*write_fn)(struct writing *writing, const json_t *value);

/* failed: `what` is wrong with the value at place. */
int32_t fail_value(const struct writing *writing, const struct place *place, const char *what);
/* Looks at the cancel flag now and then. */
int32_t writing_step(struct writing *writing);
/* The text of a string, number or boolean, as formats without types write it; NULL for all else.
 * scratch: for numbers. */
#define SCALAR_TEXT_MAX 64
const char *scalar_text(const json_t *value, char scratch[SCALAR_TEXT_MAX], size_t *ret_size);
/* NaN, or an infinity, if it is one of the strings that stand for them. */
bool special_number(const struct writing *writing, const json_t *value, double *ret_value);

/* The members of an object, in the order of sort_keys. Clear with members_clear. */
struct members {
    const json_t *object;
    const char **keys; /* sorted, or NULL */
    void *iterator;
    size_t at;
};

int32_t members_begin(const struct writing *writing, const json_t *object, struct members *ret);
bool members_next(struct members *members, const char **ret_key, json_t **ret_value);
void members_clear(struct members *members);
#define CLEANUP_MEMBERS __attribute__((cleanup(members_clear)))

int32_t write_json(struct writing *writing, const json_t *value);
int32_t write_jsonl(struct writing *writing, const json_t *value);
int32_t write_yaml(struct writing *writing, const json_t *value);
int32_t write_toml(struct writing *writing, const json_t *value);
int32_t write_xml(struct writing *writing, const json_t *value);
int32_t write_csv(struct writing *writing, const json_t *value);
int32_t write_tsv(struct writing *writing, const json_t *value);
int32_t write_ini(struct writing *writing, const json_t *value);
int32_t write_properties(struct writing *writing, const json_t *value);
int32_t write_query(struct writing *writing, const json_t *value);
int32_t write_msgpack(struct writing *writing, const json_t *value);

/* ---- formats.c, detect.c ---- */

struct format {
    const char *name;
    read_fn read;
    write_fn write;
    bool binary;
};

extern const struct format formats[]; /* ends with name NULL */
const struct format *format_find(const char *name);
json_t *formats_list(void);

struct guess {
    const struct format *format; /* NULL: none */
    double confidence;
};

/* text_only: the text is not binary. 0 or a negative code with the error set. */
int32_t detect(struct reading *reading, bool text_only, struct guess *ret);

/* ---- base64.c ---- */

/* *ret_data is malloc'ed; parse_error at /input_base64. */
int32_t base64_decode(struct llmspell_call *call, const char *text, size_t size, char **ret_data,
                      size_t *ret_size);
json_t *base64_json(const char *data, size_t size);

#endif
