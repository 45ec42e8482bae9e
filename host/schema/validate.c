/* SPDX-License-Identifier: Apache-2.0
 * Validation: walks the graph of a compiled schema over an instance. Called by users of schema.h;
 * the operations of the keywords are in validate_*.c. */
#include <stdio.h>

#include "schema/eval.h"

/* Evaluations in one validation: nested anyOf over references can multiply without end. */
#define STEPS_MAX 50000000u
#define STOP_STEPS 256u /* a power of two: a look at the clock costs more than a step */

static int exceed(struct schema_eval *eval, const char *limit)
{
    eval->limit = limit;
    return LLMSPELL_ELIMIT;
}

/* Runs the operations of node. The first violation is enough if nobody listens. */
static int run_operations(struct schema_eval *eval, const struct schema_site *site)
{
    const struct schema_node *node = site->node;
    unsigned type = SCHEMA_TYPE(json_typeof(site->value));
    int valid = 1;
    eval->secret += node->secret;
    for (const struct schema_op *op = node->ops; op; op = op->next) {
        if (!(op->types & type))
            continue;
        int result = op->run(eval, op, site);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    eval->secret -= node->secret;
    return valid;
}

/* An unevaluated… keyword sees the annotations of its own schema object only; once it is through,
 * everything is evaluated for those around it. */
static int run_with_marks(struct schema_eval *eval, struct schema_site *site)
{
    struct schema_marks *outer = site->marks, own;
    schema_marks_init(&own, site->value);
    site->marks = &own;
    int result = run_operations(eval, site);
    schema_marks_clear(&own);
    if (outer && result == 1)
        outer->all = true;
    return result;
}

static int run_node(struct schema_eval *eval, struct schema_site *site)
{
    if (site->node->unevaluated & SCHEMA_TYPE(json_typeof(site->value)))
        return run_with_marks(eval, site);
    return run_operations(eval, site);
}

static int run_in_scope(struct schema_eval *eval, struct schema_site *site)
{
    const struct schema_scope *outer = eval->scope;
    struct schema_scope scope = {outer, site->node->resource};
    if (!outer || outer->resource != scope.resource)
        eval->scope = &scope;
    int result = run_node(eval, site);
    eval->scope = outer;
    return result;
}

int schema_eval_node(struct schema_eval *eval, const struct schema_node *node, const json_t *value,
                     const struct schema_location *location, struct schema_marks *marks)
{
    if (!node->ops) {
        if (!node->never)
            return 1;
        return eval->quiet ? 0 : schema_report_never(eval, node, location);
    }
    if (eval->depth >= SCHEMA_DEPTH_MAX || eval->steps >= STEPS_MAX)
        return exceed(eval, eval->steps >= STEPS_MAX
                                ? "the schema needs too many steps for this value"
                                : "the value is nested too deeply for its schema, or the schema "
                                  "refers to itself without end");
    int status = eval->stop && eval->steps % STOP_STEPS == 0 ? eval->stop(eval->stop_data) : 0;
    if (status < 0)
        return status;
    struct schema_site site = {node, value, location, marks};
    eval->depth++;
    eval->steps++;
    int result = eval->schema->dynamic ? run_in_scope(eval, &site) : run_node(eval, &site);
    eval->depth--;
    return result;
}

int schema_eval_quietly(struct schema_eval *eval, const struct schema_node *node,
                        const json_t *value, struct schema_marks *marks)
{
    eval->quiet++;
    int result = schema_eval_node(eval, node, value, NULL, marks);
    eval->quiet--;
    return result;
}

int schema_eval_branch(struct schema_eval *eval, const struct schema_node *node,
                       const struct schema_site *site)
{
    if (!site->marks)
        return schema_eval_quietly(eval, node, site->value, NULL);
    struct schema_marks marks;
    schema_marks_init(&marks, site->value);
    int result = schema_eval_quietly(eval, node, site->value, &marks);
    if (result == 1) {
        int status = schema_marks_merge(site->marks, &marks);
        result = status < 0 ? status : 1;
    }
    schema_marks_clear(&marks);
    return result;
}

int schema_eval_match(struct schema_eval *eval, const pcre2_code *code, const char *text,
                      size_t length)
{
    if (!eval->match)
        eval->match = pcre2_match_data_create(1, NULL);
    if (!eval->match)
        return LLMSPELL_ENOMEM;
    int status = eval->stop ? eval->stop(eval->stop_data) : 0; /* a match can take long */
    if (status < 0)
        return status;
    int result = schema_pattern_match(code, text, length, eval->match, eval->schema->limits);
    if (result == LLMSPELL_ELIMIT)
        return exceed(eval, "a regular expression of the schema takes too long for this value");
    return result;
}

int schema_eval_run(struct schema_eval *eval, const json_t *instance, struct error *ret_error)
{
    if (!instance)
        return error_set(ret_error, LLMSPELL_EINVAL, "there is no value to validate");
    int result = schema_eval_node(eval, eval->schema->root, instance, NULL, NULL);
    pcre2_match_data_free(eval->match);
    if (result == LLMSPELL_ELIMIT)
        return error_set(ret_error, result, "%s",
                         eval->limit ? eval->limit : "the values to compare are nested too deeply");
    if (result == LLMSPELL_ENOMEM)
        return error_set(ret_error, result, "out of memory while validating a value");
    return result;
}

int schema_validate(const struct schema *schema, const json_t *instance,
                    schema_violation_fn violation, void *data, struct error *ret_error)
{
    struct schema_eval eval = {
        .schema = schema, .violation = violation, .data = data, .quiet = violation ? 0 : 1};
    return schema_eval_run(&eval, instance, ret_error);
}

static bool keep_first(void *data, const struct schema_violation *violation)
{
    bool root = violation->instance_path[0] == '\0';
    bool keyword = violation->keyword[0] != '\0';
    error_set_at(data, LLMSPELL_EINVAL, violation->instance_path, "%.512s %s%s%s%s",
                 root ? "the value" : violation->instance_path, violation->message,
                 keyword ? " (" : "", violation->keyword, keyword ? ")" : "");
    return false;
}

int schema_check(const struct schema *schema, const json_t *instance, struct error *ret_error)
{
    return schema_validate(schema, instance, ret_error ? keep_first : NULL, ret_error, ret_error);
}
