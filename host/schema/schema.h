/* SPDX-License-Identifier: Apache-2.0
 * JSON Schema 2020-12 on Jansson values: compiled once, then validated from any thread.
 * Used by tool/invoke.c (parameters), plugin/manifest.c and the tests (results). */
#ifndef HOST_SCHEMA_H
#define HOST_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "util/error.h"

#define SCHEMA_CHECK_FORMATS 1u /* `format` is checked; without it, it is an annotation */

struct schema; /* immutable after schema_compile */

/* One violation; borrowed for the callback. */
struct schema_violation {
    const char *instance_path; /* JSON pointer of the offending value; of the missing member for
                                  required and dependentRequired; of the extra member for
                                  additionalProperties and unevaluatedProperties */
    const char *keyword_path;  /* JSON pointer into the schema document ("/properties/a/minimum") */
    const char *keyword;       /* "minimum" */
    const char *message;       /* a sentence: "must be at least 3, is 2" */
    const struct schema_location *location; /* private */
};

/* Returns false to stop. */
typedef bool (*schema_violation_fn)(void *data, const struct schema_violation *violation);

/* Compiles document (kept by reference: do not change it afterwards). Errors: EINVAL with what is
 * wrong in the schema and where (JSON pointer in the message), ENOMEM. [any-thread] */
int schema_compile(const json_t *document, unsigned flags, struct schema **ret_schema,
                   struct error *ret_error);

/* Frees a schema; NULL is fine. */
void schema_free(struct schema *schema);

/* Calls violation for each violation, those of one schema object in document order (the members of
 * an object in their order), until it returns false. Returns 1 if valid, 0 if not, or a negative
 * code (ELIMIT: nesting or a pattern's match limit; ENOMEM). A failing anyOf, oneOf, not, contains
 * or propertyNames is one violation at the value it applies to; violations inside the branches of
 * allOf, $ref, then, else, properties, items … are reported where they are. [any-thread] */
int schema_validate(const struct schema *schema, const json_t *instance,
                    schema_violation_fn violation, void *data, struct error *ret_error);

/* 0, or the negative code that ends the evaluation. */
typedef int (*schema_stop_fn)(void *data);

struct schema_collect {
    size_t max;          /* violations to keep */
    schema_stop_fn stop; /* asked every few steps; NULL: never */
    void *stop_data;
};

/* The first `max` violations in document order, those of a value before those inside it, missing
 * members after those that are there, at one place in the order of the keywords' evaluation:
 * *ret_violations is a new array of objects {path, schema_path, keyword, message}. Returns as
 * schema_validate, or the code of stop, for which *ret_error is not filled. [any-thread] */
int schema_collect(const struct schema *schema, const json_t *instance,
                   const struct schema_collect *options, json_t **ret_violations,
                   struct error *ret_error);

/* The first violation only: 1 valid, 0 invalid with *ret_error filled (code EINVAL, path, message
 * that names the keyword), or negative. [any-thread] */
int schema_check(const struct schema *schema, const json_t *instance, struct error *ret_error);

#endif
