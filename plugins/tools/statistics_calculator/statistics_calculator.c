/* SPDX-License-Identifier: Apache-2.0
 * statistics_calculator: descriptive and inferential statistics of lists of numbers or of a column
 * of a CSV file. Called by the host's tool registry through llmspell_tool_v1. */
#include "statistics.h"

static const struct {
    const char *name;
    operation_fn run;
} operations[] = {
    {"describe", describe},
    {"percentile", percentile},
    {"correlation", correlation},
    {"regression", regression},
    {"histogram", histogram},
    {"frequency", frequency},
    {"moving_average", moving_average},
    {"outliers", outliers},
    {"t_test", t_test},
    {"chi_square", chi_square},
    {"time_series", time_series},
    {"normalize", normalize},
};

static int32_t statistics_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                 json_t **ret_result)
{
    (void)self;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(call, params, ret_result);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "there is no such operation");
}

LLMSPELL_TOOL(.invoke = statistics_invoke)
