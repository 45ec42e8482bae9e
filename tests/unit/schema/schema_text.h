/* SPDX-License-Identifier: Apache-2.0
 * Schemas and instances of tests, given as text. */
#ifndef SCHEMA_TEXT_H
#define SCHEMA_TEXT_H

#include <stdio.h>

#include "schema/schema.h"
#include "test.h"

struct expectation {
    const char *schema, *instance, *violations;
};

static inline json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json)
        printf("\n%s: %s", text, error.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static inline struct schema *compile(const char *text, unsigned flags)
{
    json_t *document = parse(text);
    struct schema *schema = NULL;
    struct error error = {0};
    int status = schema_compile(document, flags, &schema, &error);
    if (status < 0)
        printf("\n%s: %s", text, error.message);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    json_decref(document); /* the schema has its own reference */
    return schema;
}

static inline int check(const char *schema_text, const char *instance_text, struct error *error)
{
    struct schema *schema = compile(schema_text, 0);
    json_t *instance = parse(instance_text);
    int result = schema_check(schema, instance, error);
    json_decref(instance);
    schema_free(schema);
    return result;
}

#endif
