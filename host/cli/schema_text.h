/* SPDX-License-Identifier: Apache-2.0
 * JSON Schemas of manifests in words, for people who read `tool info`. Used by tool_page.c. */
#ifndef HOST_SCHEMA_TEXT_H
#define HOST_SCHEMA_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The schema that a $ref into root's $defs leads to, or the schema itself; *ret_name: the name of
 * the definition, or NULL. Borrowed. */
const json_t *schema_text_follow(const json_t *root, const json_t *schema, const char **ret_name);

/* True if it describes members, itself or in the items of an array. */
bool schema_text_has_members(const json_t *root, const json_t *schema);

/* "string, 1 to 4096 characters", "array of commit", "encode or decode". */
void schema_text_type(FILE *out, const json_t *root, const json_t *schema);

/* "operation is verify", "x or y is given"; what an `if` of a manifest says. */
void schema_text_condition(FILE *out, const json_t *schema);

/* "expected is needed", "exactly one of input, path"; what a `then` says. True if that was more
 * than nothing. */
bool schema_text_demand(FILE *out, const json_t *root, const json_t *schema);

/* Whether name is among the `required` of schema. */
bool schema_text_requires(const json_t *schema, const char *name);

#endif
