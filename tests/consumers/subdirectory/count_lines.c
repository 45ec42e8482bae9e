/* SPDX-License-Identifier: Apache-2.0
 * Counts lines: an example of a tool that has the SDK's source in its own tree. */
#include <llmspell/tool.h>

static int32_t count_lines(void *self, struct llmspell_call *call, const json_t *params,
                           json_t **ret_result)
{
    (void)self;
    json_int_t lines = 0;
    const char *text = llmspell_string(params, "text");
    if (!*text)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/text", "the text is empty");
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    return llmspell_return(call, ret_result, json_pack("{s:I}", "lines", lines));
}

LLMSPELL_TOOL(.invoke = count_lines)
