/* SPDX-License-Identifier: Apache-2.0
 * validate: holds each row against rules for its columns. */
#include "analyzer.h"

#define ERRORS_MAX 100

struct validation {
    struct source source;
    struct rules *rules;
    json_t *errors;
    size_t count;
};

static int32_t found(void *self, size_t row, const char *column, const struct csv_field *field,
                     const struct finding *finding)
{
    struct validation *v = self;
    if (v->count++ >= ERRORS_MAX)
        return 0;
    json_t *value =
        field && field->text ? json_stringn_nocheck(field->text, field->size) : json_null();
    json_t *error = json_pack("{s:I, s:s, s:s, s:o, s:s}", "row", (json_int_t)row, "column", column,
                              "rule", finding->rule, "value", value, "message", finding->message);
    return json_array_append_new(v->errors, error) == 0 ? 0 : no_memory(v->source.call);
}

/* Columns that no rule names. */
static int32_t check_extra(struct validation *v)
{
    const struct source *source = &v->source;
    const json_t *columns = json_object_get(source->params, "columns");
    struct finding finding = {.rule = "allow_extra"};
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < source->count; i++) {
        if (json_object_get(columns, source->names[i]))
            continue;
        snprintf(finding.message, sizeof finding.message, "the column is not among those expected");
        rc = found(v, 0, source->names[i], NULL, &finding);
    }
    return rc;
}

static int32_t start(void *self, struct source *source)
{
    struct validation *v = self;
    int32_t rc =
        rules_new(source->call, json_object_get(source->params, "columns"), source, &v->rules);
    if (rc == 0)
        rc = rules_check_columns(v->rules, found, v);
    if (rc == 0 && !llmspell_bool(source->params, "allow_extra", 1))
        rc = check_extra(v);
    return rc;
}

static int32_t check_row(void *self, const struct csv_field *fields, size_t number)
{
    struct validation *v = self;
    return rules_check(v->rules, fields, number, found, v);
}

int32_t validate(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    struct validation v = {
        .source = {.call = call, .params = params, .start = start, .row = check_row},
        .errors = json_array()};
    v.source.self = &v;
    int32_t rc = v.errors ? source_run(&v.source) : no_memory(call);
    if (rc == 0)
        rc = llmspell_return(call, ret,
                             json_pack("{s:b, s:I, s:I, s:O}", "valid", v.count == 0, "total_rows",
                                       (json_int_t)v.source.rows, "error_count",
                                       (json_int_t)v.count, "errors", v.errors));
    rules_free(v.rules);
    source_clear(&v.source);
    json_decref(v.errors);
    return rc;
}
