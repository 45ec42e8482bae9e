/* SPDX-License-Identifier: Apache-2.0
 * What the files of json_processor share: one call (struct job), the table's functions, and the
 * helpers. */
#ifndef JSON_PROCESSOR_H
#define JSON_PROCESSOR_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/json_write.h"

#define DEPTH_MAX 500 /* levels of a result: what readers of it can stand */

struct job {
    struct llmspell_call *call;
    const json_t *params;
    const char *pointer; /* the parameter that holds the document: "/input", "/text", "/path" */
    json_t *document;    /* owned; not of stream */
    const char *text;    /* of text and path, without BOM; NULL for input */
    size_t size;
    char *file; /* owned: what text is part of */
};

typedef int32_t operation_function(struct job *job, json_t **ret_result);

operation_function query_run;                            /* query.c */
operation_function stream_run;                           /* stream.c */
operation_function pointer_run;                          /* pointer.c */
operation_function patch_run, merge_patch_run, diff_run; /* merge.c */
operation_function flatten_run, unflatten_run;           /* flatten.c */
operation_function stats_run, format_run;                /* stats.c */
operation_function validate_run;                         /* validate.c */

int32_t job_no_memory(const struct job *job);

/* ---- stack.c ---- */

/* run, where deep recursion is possible. */
int32_t run_on_large_stack(struct job *job, operation_function *run, json_t **ret_result);

/* ---- document.c ---- */

/* Finds the text of text and path. */
int32_t load_text(struct job *job);

/* Parses JSON. NULL with *ret_message, static or in error: what is wrong. */
json_t *parse_json(const char *text, size_t size, json_error_t *error, int32_t *ret_code);

int32_t load_document(struct job *job);  /* all three kinds */
int32_t parse_document(struct job *job); /* the text of load_text */

/* limit_exceeded if value is nested deeper than DEPTH_MAX. */
int32_t check_depth(const struct job *job, const json_t *value);

/* ---- engine.c, convert.c: jq ---- */

struct engine; /* one compiled program */

/* What a run found wrong. */
enum outcome { RUN_OK, RUN_FAILED, RUN_STOPPED };

/* Compiles the parameter query with args. Returns 0 or a negative code with the error set. */
int32_t engine_new(struct job *job, struct engine **ret_engine);
void engine_free(struct engine *engine);

/* Runs the program on document (NULL: on the text of the job, whose memory it frees) and appends
 * what it puts out to results, until that has limit + 1 entries. *ret_outcome: RUN_FAILED with
 * *ret_message (malloc'ed) if jq raised an error. Returns 0 or a negative code with the error set
 * (cancelled, timeout, limits). */
int32_t engine_run(struct engine *engine, const json_t *document, json_t *results, size_t limit,
                   enum outcome *ret_outcome, char **ret_message);

#endif
