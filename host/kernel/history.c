/* SPDX-License-Identifier: Apache-2.0
 * The session's inputs as the executor hands them over. Nothing here waits for a disk. */
#include "kernel/history.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "log/logger.h"
#include "util/utf8.h"

#define ROOM_MAX 1000          /* inputs in memory */
#define MEMORY_MAX (1u << 20)  /* bytes of them: the oldest go first */
#define INPUT_MAX (256u << 10) /* a larger one is data, and is not kept */
#define OUTPUT_MAX 4096        /* bytes of a value that are kept */
#define QUEUE_MAX (4u << 20)   /* bytes that wait for the file */
#define QUEUE_HURRY (256u << 10)

int history_init(struct history *history, const struct history_options *options)
{
    *history = (struct history){.lock = PTHREAD_MUTEX_INITIALIZER};
    history->room = options->entries_max < ROOM_MAX ? options->entries_max : ROOM_MAX;
    history->queue.last = &history->queue.first;
    history->requests_end = &history->requests;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&history->wake, &attributes);
    pthread_cond_init(&history->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    history->items = calloc(history->room + 1, sizeof(struct history_item *));
    int rc = history_file_init(&history->file, history->room > 0 ? options->home : NULL,
                               options->runtime ? options->runtime : "", options->entries_max);
    history->persistent = rc == 0 && history->file.folder;
    return rc == 0 && history->items ? 0 : LLMSPELL_ENOMEM;
}

/* ---- items ---- */

void history_item_unref(struct history_item *item)
{
    if (atomic_fetch_sub(&item->refs, 1) != 1)
        return;
    free(item->output);
    free(item);
}

static struct history_item *item_new(int64_t line, const char *input, size_t size)
{
    struct history_item *item = calloc(1, sizeof *item + size + 1);
    struct timespec now;
    if (!item)
        return NULL;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    atomic_init(&item->refs, 1);
    item->line = line;
    item->time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    item->size = size;
    memcpy(item->input, input, size);
    return item;
}

static size_t item_bytes(const struct history_item *item)
{
    return sizeof *item + item->size + (item->output ? strlen(item->output) : 0);
}

void history_queue_push(struct history_queue *queue, struct history_item *item)
{
    item->next = NULL;
    atomic_fetch_add(&item->refs, 1);
    *queue->last = item;
    queue->last = &item->next;
    queue->bytes += item_bytes(item);
}

/* ---- the session's memory; under the lock ---- */

static void forget_oldest(struct history *history)
{
    struct history_item *item = history->items[history->first];
    history->first = (history->first + 1) % history->room;
    history->count--;
    history->bytes -= item->size;
    history_item_unref(item);
}

static void remember(struct history *history, struct history_item *item)
{
    if (history->count == history->room)
        forget_oldest(history);
    history->items[(history->first + history->count++) % history->room] = item;
    history->bytes += item->size;
    atomic_fetch_add(&item->refs, 1);
    while (history->bytes > MEMORY_MAX)
        forget_oldest(history);
}

/* The item of a line, which is one of the newest. */
static struct history_item *find(const struct history *history, int64_t line)
{
    for (size_t i = history->count; i > 0; i--) {
        struct history_item *item = history->items[(history->first + i - 1) % history->room];
        if (item->line <= line)
            return item->line == line ? item : NULL;
    }
    return NULL;
}

/* For the file; returns true if the log should say that it is too slow. */
static bool enqueue(struct history *history, struct history_item *item)
{
    if (!history->persistent)
        return false;
    if (history->queue.bytes > QUEUE_MAX || !history_thread_wake(history, false)) {
        bool first = !history->full;
        history->full = true;
        return first;
    }
    history_queue_push(&history->queue, item);
    if (history->queue.bytes > QUEUE_HURRY)
        history_thread_wake(history, true);
    return false;
}

static void tell_full(bool full)
{
    if (full)
        log_warn("kernel",
                 "some of the history is not stored: the disk is too slow for it, or there is no "
                 "room for another thread");
}

/* ---- from the executor ---- */

void history_add(struct history *history, int64_t line, const char *code, size_t size)
{
    if (history->room == 0 || size > INPUT_MAX || strspn(code, " \t\r\n") == size)
        return;
    struct history_item *item = item_new(line, code, size);
    if (!item)
        return;
    pthread_mutex_lock(&history->lock);
    remember(history, item);
    bool full = enqueue(history, item);
    pthread_mutex_unlock(&history->lock);
    history_item_unref(item);
    tell_full(full);
}

/* A copy of at most OUTPUT_MAX bytes, cut between characters. */
static char *cut(const char *text, size_t size)
{
    static const char more[] = "…";
    if (size <= OUTPUT_MAX)
        return strndup(text, size);
    size_t kept = utf8_valid(text, OUTPUT_MAX);
    char *copy = malloc(kept + sizeof more);
    if (!copy)
        return NULL;
    memcpy(copy, text, kept);
    memcpy(copy + kept, more, sizeof more);
    return copy;
}

/* The input is in the file already: its output follows it. Takes output over. */
static bool enqueue_output(struct history *history, int64_t line, char *output)
{
    struct history_item *item = item_new(line, "", 0);
    if (!item) {
        free(output);
        return false;
    }
    item->only_output = true;
    item->output = output;
    bool full = enqueue(history, item);
    history_item_unref(item);
    return full;
}

void history_add_output(struct history *history, int64_t line, const char *text, size_t size)
{
    bool full = false;
    if (line == 0 || history->room == 0)
        return;
    char *output = cut(text, size);
    pthread_mutex_lock(&history->lock);
    struct history_item *item = find(history, line);
    if (item && !item->output && output) {
        item->output = output;
        output = NULL;
        if (item->taken)
            full = enqueue_output(history, line, strdup(item->output));
    }
    pthread_mutex_unlock(&history->lock);
    free(output);
    tell_full(full);
}
