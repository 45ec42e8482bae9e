/* SPDX-License-Identifier: Apache-2.0
 * The history's thread: started by the first input, sleeps while there is nothing to write. Inputs
 * wait for others for a moment, so that a thousand of them are one write. */
#include <stdlib.h>
#include <string.h>

#include "kernel/history.h"
#include "kernel/internal.h"
#include "log/logger.h"
#include "util/thread.h"

#define GATHER_NS INT64_C(200000000) /* how old an input may get before it is written */
#define RETRY_NS INT64_C(10000000)   /* another process holds the lock */
#define TRIES_AT_END 100
#define BATCH_BYTES (1u << 20) /* of text in one write, about */

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* ---- writing ---- */

/* One in which a secret of the log stands (the connection's key) is written nowhere. */
static bool add_line(struct history_text *text, int64_t session, const struct history_item *item)
{
    struct history_line line = {
        .session = session,
        .line = item->line,
        .time_ms = item->time_ms,
        .input = item->only_output ? NULL : item->input,
        .input_size = item->size,
        .output = item->stored,
        .output_size = item->stored ? strlen(item->stored) : 0,
    };
    if (line.output && logger_knows_secret(line.output, line.output_size))
        line.output = NULL;
    if ((!line.input && !line.output) ||
        (line.input && logger_knows_secret(line.input, line.input_size)))
        return false;
    return history_line_write(text, &line);
}

/* All items, under the file's lock. */
static int append(struct history_file *file, int64_t session, const struct history_item *item,
                  struct error *ret_error)
{
    struct history_text text = {0};
    int rc = 0;
    while (item && rc == 0) {
        size_t lines = 0;
        text.size = 0;
        for (; item && text.size < BATCH_BYTES; item = item->next)
            lines += add_line(&text, session, item);
        if (lines > 0)
            rc = history_file_append(file, text.data, text.size, lines, ret_error);
    }
    free(text.data);
    return rc;
}

/* EBUSY: nothing is written yet. */
static int write_items(struct history *history, const struct history_item *first,
                       struct error *ret_error)
{
    struct history_file *file = &history->file;
    int rc = history_file_lock(file, ret_error);
    if (rc < 0)
        return rc;
    int64_t session = history->session ? history->session : file->last_session + 1;
    size_t lines = file->lines;
    rc = append(file, session, first, ret_error);
    bool wrote = file->lines > lines;
    if (wrote && session > file->last_session)
        file->last_session = session;
    if (rc == 0)
        rc = history_file_compact(file, ret_error);
    history_file_unlock(file);
    pthread_mutex_lock(&history->lock);
    history->session = wrote ? session : history->session; /* else another kernel may take it */
    pthread_mutex_unlock(&history->lock);
    return rc;
}

/* The queue, with the outputs that are known by now; under the lock. */
static struct history_item *take(struct history *history)
{
    struct history_item *first = history->queue.first;
    for (struct history_item *item = first; item; item = item->next) {
        item->taken = true;
        item->stored = item->output;
    }
    history->queue = (struct history_queue){.last = &history->queue.first};
    history->storing = true;
    history->hurry = false;
    return first;
}

/* In front of what has come meanwhile; under the lock. */
static void put_back(struct history *history, struct history_item *first)
{
    struct history_queue later = history->queue;
    history->queue = (struct history_queue){.last = &history->queue.first};
    for (struct history_item *item = first, *next; item; item = next) {
        next = item->next;
        history_queue_push(&history->queue, item);
        history_item_unref(item); /* the share of the queue that was */
    }
    if (later.first) {
        *history->queue.last = later.first;
        history->queue.last = later.last;
        history->queue.bytes += later.bytes;
    }
}

static void drop(struct history_item *first)
{
    for (struct history_item *item = first, *next; item; item = next) {
        next = item->next;
        history_item_unref(item);
    }
}

/* Writes the queue; the lock is held, and let go meanwhile. False: the file's lock was taken. */
static bool store(struct history *history)
{
    struct error error;
    if (!history->queue.first)
        return true;
    struct history_item *first = take(history);
    pthread_mutex_unlock(&history->lock);
    int rc = write_items(history, first, &error);
    if (rc != LLMSPELL_EBUSY)
        drop(first);
    pthread_mutex_lock(&history->lock);
    history->storing = false;
    if (rc == LLMSPELL_EBUSY)
        put_back(history, first);
    bool tell = rc < 0 && rc != LLMSPELL_EBUSY && !history->failed;
    history->failed = history->failed || tell;
    pthread_cond_broadcast(&history->changed);
    if (tell) {
        pthread_mutex_unlock(&history->lock);
        log_warn("kernel", "history: %s", error.message);
        pthread_mutex_lock(&history->lock);
    }
    return rc != LLMSPELL_EBUSY;
}

/* ---- the thread ---- */

/* Until the queue is due, a request came, or the end; the lock is held. */
static void gather(struct history *history, int64_t until_ns)
{
    struct timespec until = to_timespec(until_ns);
    while (!history->hurry && !history->closing && !history->requests &&
           pthread_cond_timedwait(&history->wake, &history->lock, &until) == 0)
        ;
}

/* Once another process holds the file's lock: a moment; the lock is held. */
static void wait_retry(struct history *history)
{
    struct timespec until = to_timespec(clock_monotonic_ns() + RETRY_NS);
    while (pthread_cond_timedwait(&history->wake, &history->lock, &until) == 0)
        ;
}

static void answer_requests(struct history *history)
{
    while (history->requests) {
        struct operation *operation = history->requests;
        history->requests = operation->next;
        if (!history->requests)
            history->requests_end = &history->requests;
        pthread_mutex_unlock(&history->lock);
        operation_begin(operation);
        operation_finish(operation, history_reply(history, operation));
        pthread_mutex_lock(&history->lock);
    }
    history->hurry = false;
}

static void wait_work(struct history *history)
{
    while (!history->queue.first && !history->requests && !history->closing) {
        history->waits = true;
        pthread_cond_wait(&history->wake, &history->lock);
        history->waits = false;
    }
}

static void *history_main(void *data)
{
    struct history *history = data;
    unsigned tries = 0;
    pthread_mutex_lock(&history->lock);
    do {
        wait_work(history);
        if (history->queue.first)
            gather(history, clock_monotonic_ns() + GATHER_NS);
        bool stored = store(history);
        answer_requests(history);
        if (!stored)
            wait_retry(history);
        tries += !stored && history->closing;
    } while (!history->closing || (history->queue.first && tries < TRIES_AT_END));
    pthread_mutex_unlock(&history->lock);
    return NULL;
}

bool history_thread_wake(struct history *history, bool at_once)
{
    if (!history->started)
        history->started = thread_start(&history->thread, "history", history_main, history) == 0;
    bool signal = history->waits || (at_once && !history->hurry);
    history->waits = false; /* one signal is enough */
    history->hurry = history->hurry || at_once;
    if (signal)
        pthread_cond_signal(&history->wake);
    return history->started;
}

void history_submit(struct history *history, struct operation *operation)
{
    operation->next = NULL;
    pthread_mutex_lock(&history->lock);
    bool thread = history->persistent && history_thread_wake(history, true);
    if (thread) {
        *history->requests_end = operation;
        history->requests_end = &operation->next;
    }
    pthread_mutex_unlock(&history->lock);
    if (thread)
        return;
    operation_begin(operation);
    operation_finish(operation, history_reply(history, operation));
}

void history_flush(struct history *history)
{
    struct timespec until = to_timespec(clock_monotonic_ns() + INT64_C(1000000000));
    pthread_mutex_lock(&history->lock);
    if (history->queue.first)
        history_thread_wake(history, true);
    while ((history->queue.first || history->storing) &&
           pthread_cond_timedwait(&history->changed, &history->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&history->lock);
}

void history_clear(struct history *history)
{
    pthread_mutex_lock(&history->lock);
    history->closing = true;
    pthread_cond_signal(&history->wake);
    pthread_mutex_unlock(&history->lock);
    if (history->started)
        pthread_join(history->thread, NULL);
    drop(history->queue.first);
    for (size_t i = 0; history->items && i < history->count; i++)
        history_item_unref(history->items[(history->first + i) % history->room]);
    free(history->items);
    history_file_clear(&history->file);
    pthread_mutex_destroy(&history->lock);
    pthread_cond_destroy(&history->wake);
    pthread_cond_destroy(&history->changed);
}
