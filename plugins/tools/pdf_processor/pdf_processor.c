/* SPDX-License-Identifier: Apache-2.0
 * pdf_processor: what is in PDF files, and new ones of their pages. Called by the host's tool
 * registry through llmspell_tool_v1. */
#include "pdf.h"

static const struct operation {
    const char *name;
    operation_function *run;
} operations[] = {
    {"metadata", metadata_run},     {"text", text_run},       {"pages", pages_run},
    {"merge", merge_run},           {"split", split_run},     {"rotate", rotate_run},
    {"check", check_run},           {"encrypt", encrypt_run}, {"decrypt", decrypt_run},
    {"extract_pages", extract_run},
};

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t run(const struct job *job, json_t **ret_result)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown");
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    struct job job = {.call = call, .params = params, .password_pointer = "/password"};
    (void)self;
    int32_t rc = password_load(&job);
    if (rc == 0)
        rc = run(&job, ret_result);
    password_clear(&job);
    return rc;
}

LLMSPELL_TOOL(.invoke = invoke)
