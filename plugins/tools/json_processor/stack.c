/* SPDX-License-Identifier: Apache-2.0
 * Work on a stack of its own. jq frees nested values by recursion: a program that nests some
 * million arrays, which fits into its memory, would need more stack than a thread has. The thread
 * stays the same, as the host wants it. */
#include <errno.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "processor.h"

#define STACK_SIZE ((size_t)768 << 20) /* address space; only what is used becomes memory */
#define GUARD_SIZE ((size_t)1 << 20)

struct work {
    struct job *job;
    operation_function *run;
    json_t **ret_result;
    int32_t rc;
    ucontext_t here, there;
};

/* makecontext passes ints: the pointer comes in halves. */
static void begin(unsigned high, unsigned low)
{
    struct work *work = (struct work *)((uintptr_t)high << 32 | (uintptr_t)low);
    work->rc = work->run(work->job, work->ret_result);
}

int32_t run_on_large_stack(struct job *job, operation_function *run, json_t **ret_result)
{
    struct work work = {.job = job, .run = run, .ret_result = ret_result};
    uintptr_t address = (uintptr_t)&work;
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return job_no_memory(job);
    mprotect(stack, GUARD_SIZE, PROT_NONE);
    int failed = getcontext(&work.there);
    work.there.uc_stack.ss_sp = stack;
    work.there.uc_stack.ss_size = STACK_SIZE;
    work.there.uc_link = &work.here;
    if (!failed) {
        makecontext(&work.there, (void (*)(void))begin, 2, (unsigned)(address >> 32),
                    (unsigned)address);
        failed = swapcontext(&work.here, &work.there);
    }
    int error = errno;
    munmap(stack, STACK_SIZE);
    if (failed)
        return llmspell_fail(job->call, LLMSPELL_EIO, "cannot change the stack: %s",
                             strerror(error));
    return work.rc;
}
