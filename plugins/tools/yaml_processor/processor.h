/* SPDX-License-Identifier: Apache-2.0
 * The parts of yaml_processor: documents.c reads what is given, query.c and jq_value.c run jq. */
#ifndef YAML_PROCESSOR_H
#define YAML_PROCESSOR_H

#include <jv.h>
#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/yaml_read.h"

/* ---- documents.c ---- */

struct source {
    struct llmspell_call *call;
    const char *text;
    size_t size;
    const char *pointer; /* the parameter to blame */
    bool keep_reals;
};

/* Reads all documents; errors are those of the call. */
int32_t documents_read(const struct source *source, struct yaml_documents *ret);

/* The value of the only document (null if there is none), or with `all` the list of all. */
int32_t documents_value(const struct source *source, bool all, json_t **ret_value,
                        size_t *ret_count);

/* A new value: the members of later over those of base, object by object. NULL: out of memory. */
json_t *documents_merge(const json_t *base, const json_t *later);

/* ---- query.c ---- */

/* {results, count, truncated} of the jq program `query` for the document. */
int32_t query_run(struct llmspell_call *call, const json_t *params, const json_t *document,
                  json_t **ret_result);

/* ---- jq_value.c ---- */

#define JQ_DEPTH_MAX 500

/* jq has doubles only: integers beyond 2^53 lose digits. */
jv jq_value_new(const json_t *value);

/* Consumes value. NULL: nested deeper than JQ_DEPTH_MAX (*ret_deep), or out of memory. */
json_t *jq_value_json(jv value, bool *ret_deep);

#endif
