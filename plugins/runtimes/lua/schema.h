/* SPDX-License-Identifier: Apache-2.0
 * The parameters of a tool (a JSON Schema of its manifest) in words, for complete_tool.c and
 * inspect_tool.c. */
#ifndef LUA_RUNTIME_SCHEMA_H
#define LUA_RUNTIME_SCHEMA_H

#include <llmspell/tool.h>

#include "text.h"

/* "integer", "number|string", "\"a\"|\"b\"", "any" */
void schema_type(const json_t *property, struct text *out);
int schema_required(const json_t *schema, const char *name);
/* A JSON value as Lua would write it; at most about max bytes. */
void schema_literal(const json_t *value, struct text *out, size_t max);
/* "{input: string, angle?: …}": what Tool.NAME takes. */
void schema_signature(const json_t *schema, struct text *out);

#endif
