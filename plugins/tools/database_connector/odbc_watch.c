/* SPDX-License-Identifier: Apache-2.0
 * The ear of a statement that runs within a driver: ODBC has no callback, but SQLCancel may be
 * called from another thread. A driver that does not heed it is ended with its process. */
#include "odbc.h"

#include <time.h>

#define PAUSE_NS 20000000

static void pause_until_changed(struct watch *watch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PAUSE_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
}

static void *watch_run(void *data)
{
    struct watch *watch = data;
    pthread_mutex_lock(&watch->lock);
    while (!watch->done) {
        pause_until_changed(watch);
        int32_t stopped = watch->done ? 0 : task_check(watch->task);
        if (stopped == 0)
            continue;
        watch->stopped = stopped;
        pthread_mutex_unlock(&watch->lock);
        SQLCancel(watch->statement);
        pthread_mutex_lock(&watch->lock);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

int32_t watch_start(struct watch *watch, struct task *task, SQLHSTMT statement)
{
    pthread_condattr_t attributes;
    *watch = (struct watch){.task = task, .statement = statement};
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    watch->running = pthread_create(&watch->thread, NULL, watch_run, watch) == 0;
    if (watch->running)
        return 0;
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    return llmspell_fail(task->call, LLMSPELL_ENOMEM, "cannot start a thread");
}

int32_t watch_end(struct watch *watch)
{
    if (!watch->running)
        return 0;
    pthread_mutex_lock(&watch->lock);
    watch->done = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    watch->running = false;
    return watch->stopped;
}
