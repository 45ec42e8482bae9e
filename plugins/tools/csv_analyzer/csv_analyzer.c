/* SPDX-License-Identifier: Apache-2.0
 * csv_analyzer: profiles, converts, filters, reshapes, checks and joins CSV. Called by the host's
 * tool registry through llmspell_tool_v1. */
#include "analyzer.h"

static const struct {
    const char *name;
    operation_fn run;
} operations[] = {
    {"analyze", analyze},   {"convert", convert}, {"filter", filter}, {"transform", transform},
    {"validate", validate}, {"sample", sample},   {"join", join},     {"aggregate", aggregate},
};

static int32_t csv_invoke(void *self, struct llmspell_call *call, const json_t *params,
                          json_t **ret_result)
{
    (void)self;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(call, params, ret_result);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "there is no such operation");
}

LLMSPELL_TOOL(.invoke = csv_invoke)
