/* SPDX-License-Identifier: Apache-2.0
 * Threads of the host. Signals go to the main thread alone; SIGURG is left open, since runtimes
 * use it to interrupt their own thread (docs/kernel.md). */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include <pthread.h>

/* As pthread_create with default attributes; returns 0 or an errno. */
int thread_start(pthread_t *ret_thread, void *(*function)(void *), void *data);

#endif
