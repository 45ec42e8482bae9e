/* SPDX-License-Identifier: Apache-2.0
 * spreadsheet_processor: reads XLSX and ODS, writes XLSX. This file is the entry and the table of
 * operations; the operations live beside it, by topic (sheet.h lists them). */
#include "sheet.h"

static const struct operation {
    const char *name;
    operation_function *run;
} operations[] = {
    {"info", info_run}, {"read", read_run}, {"to_csv", to_csv_run}, {"write", write_run}};

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t run(struct job *job, json_t **ret_result)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown");
}

static int32_t spreadsheet_processor(void *self, struct llmspell_call *call, const json_t *params,
                                     json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call, .params = params};
    job.numbers = newlocale(LC_ALL_MASK, "C", NULL);
    if (!job.numbers)
        return job_no_memory(&job);
    int32_t rc = run(&job, ret_result);
    freelocale(job.numbers);
    return rc;
}

LLMSPELL_TOOL(.invoke = spreadsheet_processor)
