/* SPDX-License-Identifier: Apache-2.0
 * A tool that greets, good or bad by what is defined when maker.py compiles it:
 *   FROM="text"      what it says it is            MARKER="path"  its constructor makes this file
 *   CALLS=symbol     calls int symbol(void)        HELPER         exports a helper, as others do
 *   THREAD           open starts a thread that never ends
 *   WAITS="path"     invoke makes this file, then waits until it is cancelled
 *   ENTRY, ENTRY_SIZE, ENTRY_MAJOR, ENTRY_MINOR, IDENTITY, INVOKE  the entry struct's parts */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <llmspell/tool.h>

#ifndef FROM
#define FROM "greet"
#endif
#ifndef ENTRY
#define ENTRY llmspell_tool_v1
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(struct llmspell_tool)
#endif
#ifndef ENTRY_MAJOR
#define ENTRY_MAJOR LLMSPELL_ABI_MAJOR
#endif
#ifndef ENTRY_MINOR
#define ENTRY_MINOR 0
#endif
#ifndef IDENTITY
#define IDENTITY json_object_get
#endif
#ifndef INVOKE
#define INVOKE greet
#endif

__attribute__((unused)) static void make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

#ifdef MARKER
__attribute__((constructor)) static void mark(void)
{
    make_file(MARKER);
}
#endif

#ifdef HELPER
LLMSPELL_EXPORT const char *helper_name(void);
const char *helper_name(void)
{
    return FROM;
}
#else
static const char *helper_name(void)
{
    return FROM;
}
#endif

#ifdef CALLS
int CALLS(void);
#endif

static atomic_int ticks;

#ifdef THREAD
static void *tick(void *data)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    (void)data;
    for (;;) {
        nanosleep(&pause, NULL);
        atomic_fetch_add(&ticks, 1);
    }
}

static int32_t start(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    pthread_t thread;
    (void)config, (void)ret_self;
    if (pthread_create(&thread, NULL, tick, NULL) != 0)
        return llmspell_fail(call, LLMSPELL_EFAILED, "no thread");
    pthread_detach(thread);
    return 0;
}
#else
#define start NULL
#endif

__attribute__((unused)) static int32_t greet(void *self, struct llmspell_call *call,
                                             const json_t *params, json_t **ret_result)
{
    (void)self;
#ifdef CALLS
    CALLS();
#endif
#ifdef WAITS
    int32_t code = 0;
    make_file(WAITS);
    while (code == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        code = llmspell_cancelled(call);
    }
    return code;
#endif
    const char *name = llmspell_string(params, "name"); /* copied: a value has one owner */
    return llmspell_return(call, ret_result,
                           json_pack("{s:s?, s:s, s:i}", "greeting", name, "from", helper_name(),
                                     "ticks", atomic_load(&ticks)));
}

LLMSPELL_EXPORT extern const struct llmspell_tool ENTRY;
const struct llmspell_tool ENTRY = {
    .size = ENTRY_SIZE,
    .abi_major = ENTRY_MAJOR,
    .needs_minor = ENTRY_MINOR,
    .json_identity = IDENTITY,
    .open = start,
    .invoke = INVOKE,
};
