/* SPDX-License-Identifier: Apache-2.0
 * qr_code: makes QR codes as PNG, SVG or text, and reads them from images. Called by the host's
 * tool registry through llmspell_tool_v1. */
#include "qr_code.h"

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    const struct job job = {.call = call, .params = params};
    (void)self;
    return llmspell_is(params, "operation", "decode") ? decode_run(&job, ret_result)
                                                      : generate_run(&job, ret_result);
}

LLMSPELL_TOOL(.invoke = invoke)
