/* SPDX-License-Identifier: Apache-2.0
 * What turns one JSON value into another: RFC 6902 patches, made and applied. Compiled into each
 * tool that uses it. */
#ifndef TOOLS_SHARED_JSON_CHANGE_H
#define TOOLS_SHARED_JSON_CHANGE_H

#include <stdbool.h>

#include <llmspell/tool.h>

/* Equal values, as JSON Patch has it: numbers by their value, so that 1 and 1.0 are. */
bool json_same(const json_t *a, const json_t *b);

/* {identical, patch, summary: {added, removed, changed}}, in one pass over the sorted union of the
 * names. Returns 0 or a negative code with the error set. */
int32_t json_diff_values(struct llmspell_call *call, const json_t *old, const json_t *new,
                         json_t **ret_result);

/* A new value: document (not changed) after all operations. Errors are at /patch/N. */
int32_t json_patch_apply(struct llmspell_call *call, const json_t *document,
                         const json_t *operations, json_t **ret_document);

#endif
