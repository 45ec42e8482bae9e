/* SPDX-License-Identifier: Apache-2.0
 * Starting threads with the signals blocked that are the main thread's business. */
#include "util/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/crash.h"

struct thread {
    void *(*function)(void *);
    void *data;
    char name[THREAD_NAME_MAX + 1];
};

static void *thread_main(void *data)
{
    struct thread thread = *(struct thread *)data;
    free(data);
    crash_thread_enter(thread.name);
    void *result = thread.function(thread.data);
    crash_thread_leave();
    return result;
}

/* pthread_create, without the signals that are not a thread's own. */
static int create(pthread_t *ret_thread, struct thread *thread)
{
    static const int open_signals[] = {SIGURG, SIGSEGV, SIGBUS,  SIGFPE,
                                       SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof open_signals / sizeof open_signals[0]; i++)
        sigdelset(&blocked, open_signals[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(ret_thread, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int thread_start(pthread_t *ret_thread, const char *name, void *(*function)(void *), void *data)
{
    struct thread *thread = malloc(sizeof *thread);
    if (!thread)
        return ENOMEM;
    *thread = (struct thread){.function = function, .data = data};
    snprintf(thread->name, sizeof thread->name, "%s", name);
    int rc = create(ret_thread, thread);
    if (rc)
        free(thread);
    return rc;
}
