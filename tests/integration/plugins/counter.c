/* SPDX-License-Identifier: Apache-2.0
 * A tool with a state of its own, for the reload tests: counts its calls since open, says what it
 * was configured with, and waits for files. maker.py defines FROM="text", what it says it is. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include <llmspell/fs.h>
#include <llmspell/tool.h>

struct counter {
    atomic_int calls;
    char *word; /* of the configuration */
};

static int32_t counter_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    struct counter *counter = calloc(1, sizeof *counter);
    const char *word = llmspell_string(config, "word");
    if (!counter || !(counter->word = strdup(word ? word : "")))
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    *ret_self = counter;
    return 0;
}

/* Makes the file `started`, then waits until there is a file `until`. */
static int32_t wait_for(struct llmspell_call *call, const char *started, const char *until)
{
    int32_t code = 0;
    int fd = started ? open(started, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
    while (code == 0 && until && access(until, F_OK) != 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        code = llmspell_cancelled(call);
    }
    return code;
}

static int32_t counter_invoke(void *self, struct llmspell_call *call, const json_t *params,
                              json_t **ret_result)
{
    struct counter *counter = self;
    const char *read = llmspell_string(params, "read");
    int calls = atomic_fetch_add(&counter->calls, 1) + 1;
    int32_t code =
        wait_for(call, llmspell_string(params, "started"), llmspell_string(params, "until"));
    if (code < 0)
        return code;
    if (read) {
        const struct llmspell_fs *fs = call->host->extension(call->ctx, LLMSPELL_FS);
        int32_t fd = fs->open(call, read, O_RDONLY, 0, "/read");
        if (fd < 0)
            return fd;
        close(fd);
    }
    return llmspell_return(
        call, ret_result,
        json_pack("{s:s, s:i, s:s}", "from", FROM, "calls", calls, "word", counter->word));
}

static void counter_close(void *self)
{
    struct counter *counter = self;
    free(counter->word);
    free(counter);
}

LLMSPELL_TOOL(.open = counter_open, .invoke = counter_invoke, .close = counter_close)
