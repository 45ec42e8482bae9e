/* SPDX-License-Identifier: Apache-2.0
 * A tool that blocks in a system call until a signal comes, and then looks whether it is cancelled,
 * for test_subshell.py. Compiled by maker.py with
 *   BEGUN="path"     invoke makes this file when it begins */
#include <fcntl.h>
#include <unistd.h>

#include <llmspell/tool.h>

static int32_t block(void *self, struct llmspell_call *call, const json_t *params,
                     json_t **ret_result)
{
    (void)self, (void)params, (void)ret_result;
    int fd = open(BEGUN, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    while (call->host->cancelled(call) == 0)
        pause();
    return llmspell_fail(call, LLMSPELL_ECANCELLED, "cancelled");
}

LLMSPELL_TOOL(.invoke = block);
