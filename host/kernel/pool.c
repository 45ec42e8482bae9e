/* SPDX-License-Identifier: Apache-2.0
 * A few threads for tool calls from outside, so that tools answer while a script runs. A thread is
 * started when a call comes and none waits. */
#include "kernel/internal.h"
#include "util/thread.h"

static json_t *call_handler(struct operation *operation)
{
    json_t *reply = NULL;
    const struct handler *plugin = operation->plugin;
    int rc = plugin->function(plugin->data, operation->content, &reply);
    handlers_release(operation);
    return rc < 0 ? error_reply(rc, llmspell_error_text(rc)) : reply;
}

static void run(struct operation *operation)
{
    if (operation->errand) {
        operation->errand(operation->errand_data);
        return;
    }
    operation_begin(operation);
    json_t *reply =
        operation->plugin ? call_handler(operation) : answer_tool(operation, operation->content);
    operation_finish(operation, reply);
}

static void *pool_main(void *data)
{
    struct pool *pool = data;
    struct operation *operation;
    while ((operation = queue_pop(&pool->queue)))
        run(operation);
    return NULL;
}

/* Under the lock. */
static void start_thread(struct pool *pool)
{
    char name[THREAD_NAME_MAX + 1];
    snprintf(name, sizeof name, "tools-%u", (pool->started + 1) % 1000);
    if (thread_start(&pool->threads[pool->started], name, pool_main, pool) == 0)
        pool->started++;
}

void pool_init(struct pool *pool, unsigned limit)
{
    queue_init(&pool->queue);
    pool->started = 0;
    pool->limit = limit < 1 ? 1 : limit > POOL_THREADS_MAX ? POOL_THREADS_MAX : limit;
}

void pool_submit(struct pool *pool, struct operation *operation)
{
    pthread_mutex_lock(&pool->queue.lock);
    bool start = pool->queue.waiting <= pool->queue.length && pool->started < pool->limit;
    if (start)
        start_thread(pool);
    bool alone = pool->started == 0;
    pthread_mutex_unlock(&pool->queue.lock);
    if (alone)
        run(operation); /* no thread could be started: here, then */
    else
        queue_push(&pool->queue, operation);
}

void pool_stop(struct pool *pool)
{
    queue_close(&pool->queue);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    queue_clear(&pool->queue);
}
