/* SPDX-License-Identifier: Apache-2.0
 * file_search: finds files by their content (search.c) and by their names (find.c). This file is
 * the entry. */
#include "file_search.h"

static int32_t file_search_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                  json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "find"))
        return find_run(call, params, ret_result);
    return search_run(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = file_search_invoke)
