/* SPDX-License-Identifier: Apache-2.0
 * A tool that hears no cancellation, for test_daemon_shutdown.py. Compiled by maker.py with
 *   BEGUN="path"     invoke makes this file when it begins
 *   RELEASE="path"   and returns when this file is there */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <llmspell/tool.h>

static int32_t wait_for_release(void *self, struct llmspell_call *call, const json_t *params,
                                json_t **ret_result)
{
    (void)self, (void)params;
    int fd = open(BEGUN, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    while (access(RELEASE, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return llmspell_return(call, ret_result, json_object());
}

LLMSPELL_TOOL(.invoke = wait_for_release);
