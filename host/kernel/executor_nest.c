/* SPDX-License-Identifier: Apache-2.0
 * The stack of what the executor runs. A request of another lane (a subshell, the debugger) need
 * not wait for the end of the one that runs: it runs in the midst of it, when the runtime is at a
 * safe point, or while the script waits for input, a tool or its debugger. Never inside its own
 * lane, so that each keeps its order. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

#define WAKE_NS 20000000
#define STACK_RESERVE 1048576 /* bytes of stack that a nested request finds at least */

/* False, at next to no cost, if only the parent shell is or was there. */
static bool has_lanes(struct executor *executor)
{
    return subshells_exist(&executor->kernel->subshells) ||
           atomic_load_explicit(&executor->debugged, memory_order_acquire);
}

void executor_nest_push(struct executor *executor, struct operation *operation)
{
    operation->lane->runs = true;
    pthread_mutex_lock(&executor->lock);
    operation->beneath = executor->current;
    executor->current = operation;
    executor->depth++;
    pthread_mutex_unlock(&executor->lock);
    executor_nest_attend(executor); /* it may have come just before this */
}

void executor_nest_pop(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    struct operation *operation = executor->current;
    executor->current = operation->beneath;
    executor->depth--;
    pthread_mutex_unlock(&executor->lock);
    operation->lane->runs = false;
}

/* The lock is held. A runtime without attend runs one request after the other, whatever its shell;
 * code that is to end has no more nested in it. */
static bool may_nest(const struct executor *executor)
{
    const struct llmspell_runtime *table = executor->current ? executor->table : NULL;
    return table && table->size > offsetof(struct llmspell_runtime, attend) && table->attend &&
           executor->depth < EXECUTOR_DEPTH_MAX && !cancel_is_set(&executor->current->cancel);
}

/* True if a request is queued whose lane is not on the stack. The executor's lock is held. */
static bool is_wanted(struct executor *executor)
{
    if (!may_nest(executor))
        return false;
    pthread_mutex_lock(&executor->queue.lock);
    unsigned others = executor->queue.length;
    for (const struct operation *o = executor->current; o; o = o->beneath)
        others -= o->lane->queued;
    pthread_mutex_unlock(&executor->queue.lock);
    return others > 0;
}

void executor_nest_attend(struct executor *executor)
{
    if (!has_lanes(executor))
        return;
    pthread_mutex_lock(&executor->lock);
    if (is_wanted(executor)) {
        executor->table->attend(executor->self);
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
}

static bool has_stack(const struct executor *executor)
{
    const char here = 0;
    return !executor->stack_end || &here - executor->stack_end > STACK_RESERVE;
}

static bool is_of_another(const struct operation *operation, const void *data)
{
    (void)data;
    return !operation->lane->runs;
}

static struct operation *take(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    bool may = may_nest(executor) && has_stack(executor);
    pthread_mutex_unlock(&executor->lock);
    return may ? queue_take(&executor->queue, is_of_another, NULL) : NULL;
}

int32_t executor_nest_serve(struct executor *executor)
{
    const struct operation *outer = executor->current;
    struct operation *operation;
    int32_t served = 0;
    output_flush(&executor->output);
    while ((operation = take(executor))) {
        executor_run(executor, operation);
        served++;
    }
    output_begin(&executor->output, outer);
    return served;
}

void executor_nest_wait(struct executor *executor)
{
    if (!is_wanted(executor) || !has_stack(executor)) {
        pthread_cond_wait(&executor->changed, &executor->lock);
        return;
    }
    pthread_mutex_unlock(&executor->lock);
    executor_nest_serve(executor);
    pthread_mutex_lock(&executor->lock);
}

int32_t executor_nest_sleep(struct executor *executor, struct operation *operation)
{
    int32_t served = 0;
    pthread_mutex_lock(&executor->lock);
    while (served == 0 && !cancel_is_set(&operation->cancel)) {
        if (!is_wanted(executor) || !has_stack(executor)) {
            pthread_cond_wait(&executor->changed, &executor->lock);
            continue;
        }
        pthread_mutex_unlock(&executor->lock);
        served = executor_nest_serve(executor);
        pthread_mutex_lock(&executor->lock);
    }
    pthread_mutex_unlock(&executor->lock);
    return cancel_is_set(&operation->cancel) ? LLMSPELL_ECANCELLED : served;
}

/* ---- a tool call while requests of other lanes may come ---- */

struct errand {
    struct operation *operation;
    const json_t *content;
    json_t *reply;
    pthread_t thread; /* that does it, once begun */
    bool begun, done;
};

static void run_errand(void *data)
{
    struct errand *errand = data;
    struct executor *executor = &errand->operation->kernel->executor;
    pthread_mutex_lock(&executor->lock);
    errand->thread = pthread_self();
    errand->begun = true;
    pthread_mutex_unlock(&executor->lock);
    json_t *reply = answer_tool(errand->operation, errand->content);
    pthread_mutex_lock(&executor->lock);
    errand->reply = reply;
    errand->done = true;
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->lock);
}

/* A tool that blocks in a system call is woken as it would be on the executor's own thread, again
 * and again, since it may be just about to block. The lock is held. */
static void wake(struct executor *executor, const struct errand *errand)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAKE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (errand->begun && !pthread_equal(errand->thread, pthread_self()))
        pthread_kill(errand->thread, SIGURG);
    pthread_cond_timedwait(&executor->changed, &executor->lock, &until);
}

static bool takes_time(const char *msg_type, const json_t *content)
{
    return strcmp(msg_type, "tool_request") == 0 &&
           (llmspell_is(content, "command", "invoke") || llmspell_is(content, "command", "test"));
}

int executor_nest_answer(struct operation *operation, const char *msg_type, const json_t *content,
                         json_t **ret_reply)
{
    struct executor *executor = &operation->kernel->executor;
    struct errand errand = {.operation = operation, .content = content};
    struct operation carrier = {.errand = run_errand, .errand_data = &errand};
    if (!has_lanes(executor) || !takes_time(msg_type, content))
        return kernel_answer(operation, msg_type, content, ret_reply);
    pool_submit(&executor->errands, &carrier);
    pthread_mutex_lock(&executor->lock);
    while (!errand.done)
        if (cancel_is_set(&operation->cancel))
            wake(executor, &errand);
        else
            executor_nest_wait(executor);
    pthread_mutex_unlock(&executor->lock);
    *ret_reply = errand.reply;
    return errand.reply ? 0 : LLMSPELL_ENOMEM;
}
