/* SPDX-License-Identifier: Apache-2.0
 * One validation in progress: its state, where it is, and the annotations that unevaluated…
 * needs. Shared by validate*.c. Private to host/schema. */
#ifndef SCHEMA_EVAL_H
#define SCHEMA_EVAL_H

#include "schema/graph.h"

/* A step from the root of the instance; parents are below on the stack. */
struct schema_location {
    const struct schema_location *parent; /* NULL: the child of the root */
    const char *key;                      /* NULL: an array element */
    size_t at;                            /* length of key, or the index */
    size_t place; /* index among the members or elements; SIZE_MAX: a member that is not there */
};

/* Which members (in their order) or elements an unevaluated… keyword need not look at. */
struct schema_marks {
    bool all;
    size_t count;   /* members or elements */
    uint64_t few;   /* bits if count <= 64 */
    uint64_t *many; /* bits if more; allocated at the first mark */
};

/* What an operation works on. */
struct schema_site {
    const struct schema_node *node;
    const json_t *value;
    const struct schema_location *location; /* NULL: the root */
    struct schema_marks *marks;             /* NULL: nobody wants to know */
};

/* The schema resources that were entered on the way, the newest first. */
struct schema_scope {
    const struct schema_scope *outer;
    const struct schema_resource *resource;
};

struct schema_eval {
    const struct schema *schema;
    schema_violation_fn violation;
    void *data;
    unsigned quiet; /* > 0: nothing is reported, the first violation decides */
    unsigned depth;
    unsigned secret;
    uint64_t steps;
    const struct schema_scope *scope;
    pcre2_match_data *match;
    const char *limit;   /* why the result is LLMSPELL_ELIMIT */
    schema_stop_fn stop; /* NULL: nobody ends it early */
    void *stop_data;
};

/* Evaluates the whole schema on instance: as schema_validate. */
int schema_eval_run(struct schema_eval *eval, const json_t *instance, struct error *ret_error);

/* Evaluates node on value: 1 valid, 0 not, or a negative code. */
int schema_eval_node(struct schema_eval *eval, const struct schema_node *node, const json_t *value,
                     const struct schema_location *location, struct schema_marks *marks);

/* The same without reports. */
int schema_eval_quietly(struct schema_eval *eval, const struct schema_node *node,
                        const json_t *value, struct schema_marks *marks);

/* A quiet evaluation whose marks count only if it succeeds (a branch of anyOf, if …). */
int schema_eval_branch(struct schema_eval *eval, const struct schema_node *node,
                       const struct schema_site *site);

/* 1 if text matches somewhere, 0 if not, or a negative code. */
int schema_eval_match(struct schema_eval *eval, const pcre2_code *code, const char *text,
                      size_t length);

/* Reports a violation of keyword of the node of the site, at location. Returns 0, or
 * LLMSPELL_ENOMEM. Call it only if !eval->quiet. */
__attribute__((format(printf, 5, 6))) int schema_report_at(struct schema_eval *eval,
                                                           const struct schema_node *node,
                                                           const struct schema_location *location,
                                                           const char *keyword, const char *format,
                                                           ...);

/* A violation of op at its own value; 0 at once if nobody listens. */
#define schema_report(eval, op, site, ...)                                                         \
    ((eval)->quiet                                                                                 \
         ? 0                                                                                       \
         : schema_report_at(eval, (site)->node, (site)->location, (op)->keyword, __VA_ARGS__))

/* Reports that the schema false refused the value at location. */
int schema_report_never(struct schema_eval *eval, const struct schema_node *node,
                        const struct schema_location *location);

/* Marks start empty; 0 or LLMSPELL_ENOMEM. */
void schema_marks_init(struct schema_marks *marks, const json_t *value);
int schema_marks_set(struct schema_marks *marks, size_t index);
bool schema_marks_has(const struct schema_marks *marks, size_t index);
int schema_marks_merge(struct schema_marks *into, const struct schema_marks *from);
void schema_marks_clear(struct schema_marks *marks);

/* The operations, one for each keyword or group of keywords. */
#define SCHEMA_OPERATIONS(X)                                                                       \
    X(type)                                                                                        \
    X(enum)                                                                                        \
    X(const)                                                                                       \
    X(multiple_of)                                                                                 \
    X(minimum)                                                                                     \
    X(maximum)                                                                                     \
    X(exclusive_minimum)                                                                           \
    X(exclusive_maximum)                                                                           \
    X(min_length)                                                                                  \
    X(max_length)                                                                                  \
    X(pattern)                                                                                     \
    X(format)                                                                                      \
    X(min_items)                                                                                   \
    X(max_items)                                                                                   \
    X(unique_items)                                                                                \
    X(contains)                                                                                    \
    X(elements)                                                                                    \
    X(min_properties)                                                                              \
    X(max_properties)                                                                              \
    X(property_names)                                                                              \
    X(members)                                                                                     \
    X(required)                                                                                    \
    X(dependent_required)                                                                          \
    X(reference)                                                                                   \
    X(all_of)                                                                                      \
    X(any_of)                                                                                      \
    X(one_of)                                                                                      \
    X(negation)                                                                                    \
    X(condition)                                                                                   \
    X(dependent_schemas)                                                                           \
    X(unevaluated_items)                                                                           \
    X(unevaluated_properties)

#define X(name)                                                                                    \
    int schema_run_##name(struct schema_eval *eval, const struct schema_op *op,                    \
                          const struct schema_site *site);
SCHEMA_OPERATIONS(X)
#undef X

#endif
