/* SPDX-License-Identifier: Apache-2.0
 * Starting threads with the signals blocked that are the main thread's business. */
#include "util/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret_thread, void *(*function)(void *), void *data)
{
    static const int open_signals[] = {SIGURG, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof open_signals / sizeof open_signals[0]; i++)
        sigdelset(&blocked, open_signals[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int rc = pthread_create(ret_thread, NULL, function, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}
