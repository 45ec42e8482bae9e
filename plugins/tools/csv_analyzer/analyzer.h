/* SPDX-License-Identifier: Apache-2.0
 * The parts of csv_analyzer. source.c reads records and hands them on; table.c keeps them by
 * columns; the operations change tables; output.c shows them. */
#ifndef CSV_ANALYZER_H
#define CSV_ANALYZER_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/csv.h"
#include "../shared/number.h"

#define FILE_MAX (200ull << 20)   /* bytes */
#define MEMORY_MAX (384ull << 20) /* bytes that rows, or the values of a profile, may take */
#define OUTPUT_MAX (60ull << 20)  /* bytes of text */

#define POINTER_MAX 1200 /* bytes of a JSON pointer with the longest name */

int32_t no_memory(struct llmspell_call *call);
int32_t too_much(struct llmspell_call *call);

/* ---- cell.c: one value ---- */

enum kind {
    KIND_NULL,
    KIND_INTEGER,
    KIND_NUMBER,
    KIND_BOOLEAN,
    KIND_DATE,
    KIND_DATETIME,
    KIND_STRING,
    KIND_COUNT
};

struct cell {
    const char *text; /* not NUL-terminated */
    uint32_t size;
    uint8_t kind;
};

enum kind cell_classify(const char *text, size_t size); /* of a text that is not null */
const char *kind_name(enum kind kind);
bool cell_is_number(const struct cell *cell);
double cell_number(const struct cell *cell); /* of an integer or a number */
bool cell_truth(const struct cell *cell);    /* of a boolean */
json_t *cell_json(const struct cell *cell, bool typed);

/* As conditions compare: numbers by value, booleans by truth, all else by code points. */
int cell_compare(const struct cell *a, const struct cell *b);

/* Code points of valid UTF-8. */
size_t text_length(const char *text, size_t size);

/* ---- arena.c: texts that live as long as a table; an index of texts ---- */

struct arena {
    struct block *blocks;
    size_t used, max; /* bytes */
};

/* Counts memory that lies elsewhere; false: that would be above max. */
bool arena_charge(struct arena *arena, size_t size);
void *arena_get(struct arena *arena, size_t size); /* NULL: out of memory, or above max */
char *arena_copy(struct arena *arena, const char *text, size_t size); /* NUL-terminated */
void arena_clear(struct arena *arena);

/* Numbers texts from 0, in the order in which they come. */
struct index {
    struct arena *arena; /* that keeps the texts */
    struct index_entry *entries;
    size_t count, room;
    struct index_slot *slots;
    size_t slot_count;
    uint64_t seed;
};

#define INDEX_NONE SIZE_MAX

size_t index_find(const struct index *index, const char *text, size_t size);
/* INDEX_NONE: out of memory. */
size_t index_add(struct index *index, const char *text, size_t size, bool *ret_new);
const char *index_text(const struct index *index, size_t entry, size_t *ret_size);
void index_clear(struct index *index);

/* ---- encoding.c ---- */

struct decoder {
    struct llmspell_call *call;
    const char *pointer, *path;
    int fd;
    uint64_t size;
    char name[40]; /* of the encoding */
    void *iconv;   /* NULL: it is UTF-8, checked */
    char *raw;     /* a block as it was read, behind what the last left over */
    size_t left;
    uint64_t offset; /* bytes read */
    bool ended;      /* all bytes were read */
};

/* Finds out the encoding of an open file (takes over fd), or takes the one of the parameter. */
int32_t decoder_open(struct decoder *decoder, const char *wanted);
/* The next text as UTF-8, at most DECODER_BLOCK bytes; *ret_size 0 at the end. */
#define DECODER_BLOCK (1u << 20)
int32_t decoder_read(struct decoder *decoder, char *text, size_t *ret_size);
void decoder_close(struct decoder *decoder);

/* ---- source.c: records of input or path ---- */

struct source {
    struct llmspell_call *call;
    const json_t *params;
    bool right; /* of join: right or right_path */

    /* What is called: start once all names are there, row for each record with `count` fields (a
     * text NULL is a field that is missing). number: from 1. Both return 0 or a negative code; row
     * also CSV_STOP. */
    void *self;
    int32_t (*start)(void *self, struct source *source);
    int32_t (*row)(void *self, const struct csv_field *fields, size_t number);

    /* What was found. */
    struct arena arena;
    char **names;
    size_t count;
    const char *pointer; /* the parameter to blame */
    char delimiter;
    char encoding[40];
    size_t rows, ragged;
    bool truncated;
    json_t *errors; /* {line, message} of ragged records, the first 100 */
    struct csv_field *fields;
    size_t max_rows;
    bool has_header, started;
    const json_t *null_values;
    bool null_is_empty; /* the default list */
};

int32_t source_run(struct source *source);
void source_clear(struct source *source);
bool source_is_null(const struct source *source, const struct csv_field *field);
#define CLEANUP_SOURCE __attribute__((cleanup(source_clear)))

/* ---- where.c, where_text.c ---- */

struct where {
    struct condition *items;
    size_t count;
    json_t *parsed; /* the list of conditions */
    struct arena arena;
    struct llmspell_call *call;
    const struct source *source;
};

/* conditions: the parameter, or NULL. */
int32_t where_compile(struct source *source, const json_t *conditions, struct where *ret);
/* 1 or 0, or a negative code with the error set. */
int32_t where_test(const struct where *where, const struct csv_field *fields);
void where_clear(struct where *where);

/* "age > 30 and name == \"Bo\"" as a list of conditions. */
int32_t where_parse(struct llmspell_call *call, const char *text, json_t **ret_conditions);

/* A pattern with bounds; 1, 0 or a negative code with the error set. In pattern.c. */
struct pattern;
int32_t pattern_new(struct llmspell_call *call, const char *text, size_t size, const char *pointer,
                    struct pattern **ret);
int32_t pattern_test(struct pattern *pattern, const char *text, size_t size);
void pattern_free(struct pattern *pattern);

/* ---- table.c ---- */

struct column {
    const char *name; /* in the arena */
    struct cell *cells;
};

struct table {
    struct llmspell_call *call;
    struct arena arena;
    size_t max; /* bytes of cells and texts */
    struct column *columns;
    size_t count, column_room;
    size_t rows, room;
};

void table_init(struct table *table, struct llmspell_call *call, size_t max);

/* The records that the parameter where lets through, or those after the first `skip` of them, at
 * most `keep`. *ret_total: how many it let through; *ret_cut: max_rows ended the reading. */
struct load {
    size_t skip, keep;
    bool right;
    size_t max; /* of the table; 0: MEMORY_MAX */
    size_t total;
    bool cut;
};

int32_t table_load(struct llmspell_call *call, const json_t *params, struct load *load,
                   struct table *ret);
void table_clear(struct table *table);
#define CLEANUP_TABLE __attribute__((cleanup(table_clear)))

size_t table_find(const struct table *table, const char *name); /* SIZE_MAX: none */
/* The column, or not_found at pointer. */
int32_t table_require(const struct table *table, const char *name, const char *pointer,
                      size_t *ret_column);
/* A new last column of nulls; its name is copied. */
int32_t table_add_column(struct table *table, const char *name, size_t *ret_column);
/* Room for `rows` rows in all; the new ones are nulls. */
int32_t table_set_rows(struct table *table, size_t rows);
void table_remove_column(struct table *table, size_t column);
/* A cell whose text is a copy; kind KIND_COUNT: find out. */
int32_t table_cell(struct table *table, const char *text, size_t size, enum kind kind,
                   struct cell *ret);
int32_t table_number_cell(struct table *table, double value, struct cell *ret);
/* The texts of cells of a row as one key. The buffer is emptied first. */
void table_key(const struct table *table, const size_t *columns, size_t count, size_t row,
               struct bounded_text *ret);
/* Columns by a list of names, or one name; pointer of the list. *ret_columns: malloc'ed. */
int32_t table_columns(const struct table *table, const json_t *names, const char *pointer,
                      size_t **ret_columns, size_t *ret_count);

/* ---- order.c ---- */

struct sort_key {
    size_t column;
    bool descending;
};

/* Sorts rows (indexes): numbers before text, nulls last, stable. */
int32_t order_rows(const struct table *table, const struct sort_key *keys, size_t count,
                   size_t *rows, size_t row_count);

/* ---- output.c, markup.c ---- */

struct view {
    const struct table *table;
    size_t *rows; /* malloc'ed */
    size_t row_count;
    size_t *columns; /* malloc'ed */
    size_t column_count;
};

/* Sorts, selects and cuts by the parameters, and makes the result of filter. total: of the rows
 * that exist, of which the table has those from `skip` on; cut: not all rows were read. */
int32_t output_table(const json_t *params, const struct table *table, size_t limit, size_t skip,
                     size_t total, bool cut, json_t **ret_result);
int32_t view_make(const json_t *params, const struct table *table, size_t limit, size_t offset,
                  struct view *ret);
void view_clear(struct view *view);
#define CLEANUP_VIEW __attribute__((cleanup(view_clear)))
int32_t view_objects(const struct view *view, bool typed, json_t **ret_list);
int32_t view_text(const struct view *view, const char *format, bool typed, json_t **ret_text);
void view_markdown(const struct view *view, struct bounded_text *out);
void view_html(const struct view *view, struct bounded_text *out);

/* ---- median.c ---- */

double median_select(double *items, size_t count); /* moves the items about; count > 0 */

/* ---- measures of cells, in measure.c: aggregate and pivot ---- */

/* fn (count, sum, mean, min, max, median, std, distinct, first, last) of the cells of rows. */
int32_t measure_cells(struct table *out, const struct column *column, const char *fn,
                      const size_t *rows, size_t count, const char *pointer, struct cell *ret);

/* Rows of equal keys. */
struct groups {
    size_t *rows;   /* all rows, group by group */
    size_t *starts; /* count + 1 places in rows */
    size_t count;   /* groups, in the order of their first rows */
};

int32_t groups_make(const struct table *table, const size_t *columns, size_t column_count,
                    struct groups *ret);
void groups_clear(struct groups *groups);
#define CLEANUP_GROUPS __attribute__((cleanup(groups_clear)))

/* ---- steps.c, step_cells.c, step_shape.c, step_add.c ---- */

struct step {
    struct llmspell_call *call;
    const json_t *params; /* of the step */
    char pointer[32];     /* "/steps/2" */
    struct table *table;
};

int32_t step_fail_column(const struct step *step, const char *key, const char *name);
int32_t step_column(const struct step *step, const char *key, size_t *ret_column);
int32_t step_columns(const struct step *step, const char *key, size_t **ret_columns,
                     size_t *ret_count);
typedef int32_t (*step_fn)(struct step *step);
int32_t step_cast(struct step *step);
int32_t step_fill(struct step *step);
int32_t step_trim(struct step *step);
int32_t step_upper(struct step *step);
int32_t step_lower(struct step *step);
int32_t step_split(struct step *step);
int32_t step_add(struct step *step);
int32_t step_pivot(struct step *step);
int32_t step_unpivot(struct step *step);

/* ---- operations ---- */

typedef int32_t (*operation_fn)(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t analyze(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t convert(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t filter(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t transform(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t validate(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t sample(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t join(struct llmspell_call *call, const json_t *params, json_t **ret);
int32_t aggregate(struct llmspell_call *call, const json_t *params, json_t **ret);

/* ---- profile.c: what analyze gathers of a column ---- */

struct profile;
struct profile *profile_new(struct arena *shared);
void profile_free(struct profile *profile);
/* text NULL: a null. False when out of memory. */
bool profile_add(struct profile *profile, const char *text, size_t size);
json_t *profile_json(struct profile *profile, const char *name);

/* ---- rules.c: what validate checks ---- */

struct rules;
struct finding {
    const char *rule; /* static */
    char message[200];
};
int32_t rules_new(struct llmspell_call *call, const json_t *columns, const struct source *source,
                  struct rules **ret);
void rules_free(struct rules *rules);
/* Calls found for each broken rule of a row. 0 or a negative code. */
typedef int32_t (*found_fn)(void *self, size_t row, const char *column, const struct csv_field *,
                            const struct finding *finding);
int32_t rules_check(struct rules *rules, const struct csv_field *fields, size_t row, found_fn found,
                    void *self);
int32_t rules_check_columns(struct rules *rules, found_fn found, void *self);

#endif
