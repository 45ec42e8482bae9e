/* SPDX-License-Identifier: Apache-2.0
 * A first-in-first-out queue of operations between threads. */
#include "kernel/internal.h"

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
    bool wake = queue->waiting > 0;
    pthread_mutex_unlock(&queue->lock);
    if (wake)
        pthread_cond_signal(&queue->wake);
}

struct operation *queue_pop(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->closed) {
        queue->waiting++;
        pthread_cond_wait(&queue->wake, &queue->lock);
        queue->waiting--;
    }
    struct operation *operation = queue->first;
    if (operation) {
        queue->first = operation->next;
        if (!queue->first)
            queue->last = &queue->first;
        queue->length--;
    }
    pthread_mutex_unlock(&queue->lock);
    return operation;
}

bool queue_remove(struct queue *queue, struct operation *operation)
{
    pthread_mutex_lock(&queue->lock);
    struct operation **at = &queue->first;
    while (*at && *at != operation)
        at = &(*at)->next;
    bool found = *at != NULL;
    if (found) {
        *at = operation->next;
        if (!*at)
            queue->last = at;
        queue->length--;
    }
    pthread_mutex_unlock(&queue->lock);
    return found;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->wake);
}
