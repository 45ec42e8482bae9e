/* SPDX-License-Identifier: Apache-2.0
 * What was executed: the inputs of this session in memory, and those of all sessions in a file that
 * a thread of its own writes behind the executor's back and reads for history_request. */
#ifndef HOST_HISTORY_H
#define HOST_HISTORY_H

#include <pthread.h>
#include <stdatomic.h>

#include "kernel/history_file.h"

struct operation;

/* An input. Held by the session's memory and by the queue to the file. */
struct history_item {
    struct history_item *next; /* in the queue */
    atomic_uint refs;
    bool taken;       /* by the writer: an output that comes now needs a line of its own */
    bool only_output; /* of an input that was written already */
    int64_t line, time_ms;
    char *output;       /* NULL: none; guarded by the history's lock, as taken */
    const char *stored; /* the output that the writer writes */
    size_t size;
    char input[]; /* NUL behind it */
};

struct history_queue {
    struct history_item *first, **last;
    size_t bytes;
};

struct history {
    pthread_mutex_t lock;        /* guards all but file, which is the thread's */
    struct history_item **items; /* ring of `room`, oldest first */
    size_t room, first, count, bytes;

    bool persistent;
    struct history_queue queue; /* for the file */
    bool full;                  /* inputs were lost, as the log says */
    bool failed;                /* the log says why, once */
    int64_t session;            /* 0: nothing is stored yet */

    struct operation *requests, **requests_end; /* history_request, waiting */
    pthread_cond_t wake, changed;
    pthread_t thread;
    bool started, waits, hurry, storing, closing;

    struct history_file file;
};

struct history_options {
    const char *home;    /* of the file's folder; NULL: nothing is written */
    const char *runtime; /* names the file */
    size_t entries_max;  /* in the file; 0: nothing is remembered at all */
};

int history_init(struct history *history, const struct history_options *options);

/* Writes what is queued, then ends the thread. NULL in items: history_init failed. */
void history_clear(struct history *history);

/* Writes what is queued, for at most a second. For a kernel that is never freed. */
void history_flush(struct history *history);

/* line: its execution_count, growing. Blank and very large inputs are passed over. */
void history_add(struct history *history, int64_t line, const char *code, size_t size);

/* The text of the value of that input; a long one is cut. */
void history_add_output(struct history *history, int64_t line, const char *text, size_t size);

/* Takes a history_request over: answers it here, or on the thread if the file must be read. */
void history_submit(struct history *history, struct operation *operation);

/* ---- between the files of the history ---- */

/* history.c */
void history_item_unref(struct history_item *item);
void history_queue_push(struct history_queue *queue, struct history_item *item);

/* history_thread.c: wakes or starts the thread, or leaves it asleep; under the lock. False: there
 * is none. */
bool history_thread_wake(struct history *history, bool at_once);

/* history_query.c: the reply to a history_request; reads the file, if there is one. */
json_t *history_reply(struct history *history, const struct operation *operation);

#endif
