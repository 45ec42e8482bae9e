/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.schema/1": the host's JSON Schema validator (draft 2020-12; docs/schema.md),
 * for tools that are given a schema as a value. `format` is checked. No capability is needed. */
#ifndef LLMSPELL_SCHEMA_H
#define LLMSPELL_SCHEMA_H

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_SCHEMA "llmspell.schema/1"

struct llmspell_schema {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* Checks value against schema; both are borrowed and not changed. Returns 1 if value is valid,
     * 0 if not, or a negative code with the call's error set: invalid_params at pointer (schema is
     * not one; the message says what is wrong and where in it), limit_exceeded (nesting, steps, the
     * match limit of a pattern), cancelled, timeout. pointer: the parameter that holds the schema,
     * "/schema"; may be NULL.
     * *ret_errors, untouched on failure: a new array, empty if valid, of the first max_errors
     * violations in document order, each an object of four strings: path (JSON pointer into value:
     * of the offending value, or of the member that is missing or unknown), schema_path (JSON
     * pointer into schema, the keyword's), keyword ("minimum"; that of the subschema for the schema
     * false, "" at the root), message ("must be at least 3, is 2"). One more than one wants to show
     * tells whether there are more. With max_errors 0, ret_errors may be NULL: only the return
     * value counts. [the thread of the call] */
    int32_t (*check)(struct llmspell_call *call, const json_t *schema, const json_t *value,
                     uint32_t max_errors, const char *pointer, json_t **ret_errors);
};

#ifdef __cplusplus
}
#endif

/* The validator; NULL (with the error set) if this host has none. */
static inline const struct llmspell_schema *llmspell_schema_get(struct llmspell_call *call)
{
    const struct llmspell_schema *schema =
        (const struct llmspell_schema *)call->host->extension(call->ctx, LLMSPELL_SCHEMA);
    if (!schema)
        llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "this host has no schema validator (%s)",
                      LLMSPELL_SCHEMA);
    return schema;
}

#endif
