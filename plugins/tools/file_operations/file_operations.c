/* SPDX-License-Identifier: Apache-2.0
 * The tool file_operations: reads, writes, lists, copies, moves and deletes files inside the roots.
 * This file is the entry and the table; each operation has its file. */
#include "file_operations.h"

static const struct {
    const char *name;
    operation_function *run;
} operations[] = {
    {"read", read_run},
    {"write", write_run},
    {"append", append_run},
    {"delete", delete_run},
    {"create_dir", create_dir_run},
    {"list_dir", list_dir_run},
    {"copy", copy_run},
    {"move", move_run},
    {"metadata", metadata_run},
    {"exists", exists_run},
    {"read_lines", read_lines_run},
    {"replace", replace_run},
    {"touch", touch_run},
    {"chmod", chmod_run},
    {"link", link_run},
    {"hash_tree", hash_tree_run},
    {"disk_usage", disk_usage_run},
};

/* A NUL in the text would hide what follows it from the file service. */
static int32_t check_nul(struct llmspell_call *call, const json_t *params, const char *key,
                         const char *pointer)
{
    const char *text = llmspell_string(params, key);
    if (text && strlen(text) != llmspell_string_length(params, key))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "the path holds a NUL character; file names cannot");
    return 0;
}

static int32_t run(const struct job *job, json_t **ret_result)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "there is no such operation");
}

static int32_t file_operations_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call, .fs = llmspell_fs_get(call), .params = params};
    job.path = llmspell_string(params, "path");
    if (!job.fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = check_nul(call, params, "path", "/path");
    if (rc == 0)
        rc = check_nul(call, params, "target_path", "/target_path");
    if (rc < 0)
        return rc;
    show_path(job.path, job.shown);
    rc = run(&job, ret_result);
    if (rc == LLMSPELL_ETIMEOUT || rc == LLMSPELL_ECANCELLED)
        call->host->fail(call, rc, NULL, ""); /* not what some path was asked for before */
    return rc;
}

LLMSPELL_TOOL(.invoke = file_operations_invoke)
