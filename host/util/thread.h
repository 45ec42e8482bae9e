/* SPDX-License-Identifier: Apache-2.0
 * Threads of the host: named, and with a stack for the report of a crash (daemon/crash.h). Signals
 * go to the main thread alone; SIGURG is left open, since runtimes use it to interrupt their own
 * thread (docs/kernel.md). */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include <pthread.h>

#define THREAD_NAME_MAX 15 /* bytes; what is beyond is cut */

/* As pthread_create with default attributes; name is copied. Returns 0 or an errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*function)(void *), void *data);

#endif
