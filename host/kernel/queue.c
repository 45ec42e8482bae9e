/* SPDX-License-Identifier: Apache-2.0
 * A first-in-first-out queue of operations between threads. */
#include <errno.h>
#include <time.h>

#include "kernel/internal.h"

#define REST_NS 50000000 /* without work, then memory is given back */

void queue_init(struct queue *queue)
{
    *queue = (struct queue){.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    queue->last = &queue->first;
}

void queue_clear(struct queue *queue)
{
    pthread_mutex_destroy(&queue->lock);
    pthread_cond_destroy(&queue->wake);
}

void queue_push(struct queue *queue, struct operation *operation)
{
    operation->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = operation;
    queue->last = &operation->next;
    queue->length++;
    if (operation->lane)
        operation->lane->queued++;
    bool wake = queue->waiting > 0;
    pthread_mutex_unlock(&queue->lock);
    if (wake)
        pthread_cond_signal(&queue->wake);
}

/* Unlinks what *at points to; the lock is held. */
static struct operation *unlink_at(struct queue *queue, struct operation **at)
{
    struct operation *operation = *at;
    if (!operation)
        return NULL;
    *at = operation->next;
    if (!*at)
        queue->last = at;
    queue->length--;
    if (operation->lane)
        operation->lane->queued--;
    return operation;
}

/* Waits for work. The lock is held. Returns ETIMEDOUT, or 0. */
static int wait_work(struct queue *queue)
{
    struct timespec until;
    queue->waiting++;
    int rc = 0;
    if (queue->rests) {
        pthread_cond_wait(&queue->wake, &queue->lock);
    } else {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REST_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        rc = pthread_cond_clockwait(&queue->wake, &queue->lock, CLOCK_MONOTONIC, &until);
    }
    queue->waiting--;
    return rc;
}

/* Waits for work; gives memory back if none comes soon. The lock is held. */
static void rest(struct queue *queue)
{
    if (wait_work(queue) != ETIMEDOUT)
        return;
    struct memory_mark mark = queue->mark;
    queue->rests = true;
    pthread_mutex_unlock(&queue->lock);
    memory_rest(&mark);
    pthread_mutex_lock(&queue->lock);
    queue->mark = mark;
}

struct operation *queue_pop(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed)
        rest(queue);
    struct operation *operation = unlink_at(queue, &queue->first);
    queue->rests = false;
    pthread_mutex_unlock(&queue->lock);
    return operation;
}

struct operation *queue_take(struct queue *queue,
                             bool (*is_wanted)(const struct operation *operation, const void *data),
                             const void *data)
{
    pthread_mutex_lock(&queue->lock);
    struct operation **at = &queue->first;
    while (*at && !is_wanted(*at, data))
        at = &(*at)->next;
    struct operation *operation = unlink_at(queue, at);
    pthread_mutex_unlock(&queue->lock);
    return operation;
}

static bool is_same(const struct operation *operation, const void *data)
{
    return operation == data;
}

bool queue_remove(struct queue *queue, struct operation *operation)
{
    return queue_take(queue, is_same, operation) != NULL;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->wake);
}
