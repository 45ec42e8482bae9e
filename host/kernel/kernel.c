/* SPDX-License-Identifier: Apache-2.0
 * The kernel: its life, and its face to protocol plugins. dispatch.c sends the messages on. */
#include "kernel/kernel.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llmspell/listen.h>

#include "kernel/internal.h"
#include "tool/runners.h"

/* ---- llmspell.kernel/1 ---- */

static struct kernel *kernel_of(struct llmspell_ctx *ctx)
{
    return ctx->owner;
}

static int32_t api_submit(struct llmspell_ctx *ctx, const struct llmspell_request *request)
{
    return kernel_submit(kernel_of(ctx), ctx, request);
}

static int32_t api_subscribe(struct llmspell_ctx *ctx, llmspell_event_fn event, void *data,
                             uint64_t *ret_id)
{
    return kernel_subscribe(kernel_of(ctx), event, data, ret_id);
}

static void api_unsubscribe(struct llmspell_ctx *ctx, uint64_t id)
{
    kernel_unsubscribe(kernel_of(ctx), id);
}

static int32_t api_handle(struct llmspell_ctx *ctx, const char *msg_type,
                          llmspell_handler_fn handler, void *data)
{
    const struct handler wanted = {
        .msg_type = (char *)(uintptr_t)msg_type, .function = handler, .data = data};
    return handlers_set(kernel_of(ctx), ctx, &wanted);
}

static int32_t api_receive(struct llmspell_ctx *ctx, const char *msg_type,
                           llmspell_receiver_fn receiver, void *data)
{
    const struct handler wanted = {
        .msg_type = (char *)(uintptr_t)msg_type, .receiver = receiver, .data = data};
    return handlers_set(kernel_of(ctx), ctx, &wanted);
}

static void api_answer(struct llmspell_ctx *ctx, struct llmspell_pending *pending, json_t *reply)
{
    (void)ctx;
    operation_finish((struct operation *)pending, reply);
}

static int32_t api_publish(struct llmspell_ctx *ctx, const char *msg_type, const json_t *content,
                           const char *parent, uint32_t parent_size)
{
    return publish_for(kernel_of(ctx), msg_type, content, parent, parent_size);
}

/* ---- llmspell.listen/1 ---- */

static int32_t api_take(struct llmspell_ctx *ctx, const char *name, int32_t *ret_fd)
{
    struct kernel *kernel = kernel_of(ctx);
    return kernel->take_socket ? kernel->take_socket(kernel->data, ctx, name, ret_fd)
                               : LLMSPELL_ENOTFOUND;
}

static const void *protocol_extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct llmspell_kernel api = {.size = sizeof api,
                                               .submit = api_submit,
                                               .subscribe = api_subscribe,
                                               .unsubscribe = api_unsubscribe,
                                               .handle = api_handle,
                                               .receive = api_receive,
                                               .answer = api_answer,
                                               .publish = api_publish};
    static const struct llmspell_listen listen = {.size = sizeof listen, .take = api_take};
    (void)ctx;
    if (strcmp(id, LLMSPELL_LISTEN) == 0)
        return &listen;
    return strcmp(id, LLMSPELL_KERNEL) == 0 ? &api : NULL;
}

void kernel_attach(struct kernel *kernel, struct llmspell_ctx *ctx)
{
    pthread_mutex_lock(&kernel->lock);
    ctx->owner = kernel;
    ctx->extension = protocol_extension;
    ctx->closed = false;
    pthread_mutex_unlock(&kernel->lock);
}

/* The next operation of ctx that still has its client; the kernel's lock is held. */
static struct operation *attached(struct kernel *kernel, const struct llmspell_ctx *ctx)
{
    for (struct operation *o = kernel->active; o; o = o->right)
        if (o->origin == ctx && !o->detached)
            return o;
    return NULL;
}

void kernel_detach(struct kernel *kernel, struct llmspell_ctx *ctx)
{
    struct operation *operation;
    pthread_mutex_lock(&kernel->lock);
    ctx->closed = true;
    handlers_remove(kernel, ctx);
    while ((operation = attached(kernel, ctx))) {
        if (operation->held) { /* a callback runs: it ends soon */
            pthread_cond_wait(&kernel->drained, &kernel->lock);
            continue;
        }
        operation_detach(operation);
    }
    pthread_mutex_unlock(&kernel->lock);
}

/* ---- life ---- */

static int open_history(struct kernel *kernel, const struct kernel_options *options)
{
    const struct config *config = options->config;
    bool stores = options->stores_history && config_bool(config, "kernel", "history");
    struct history_options history = {
        .home = stores ? config_home(config) : NULL,
        .runtime = config_string(config, "kernel", "runtime"),
        .entries_max = (size_t)config_integer(config, "kernel", "history_max"),
    };
    return history_init(&kernel->history, &history);
}

int kernel_new(const struct kernel_options *options, struct kernel **ret_kernel,
               struct error *ret_error)
{
    struct kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    kernel->shutdown = options->shutdown;
    kernel->manage = options->manage;
    kernel->status = options->status;
    kernel->take_socket = options->take_socket;
    kernel->data = options->data;
    kernel->started_ns = kernel->idle_ns = clock_monotonic_ns();
    kernel->id = strdup(options->id);
    kernel->workdir = strdup(options->workdir);
    kernel->busy = json_pack("{s:s}", "execution_state", "busy");
    kernel->idle = json_pack("{s:s}", "execution_state", "idle");
    pthread_mutex_init(&kernel->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&kernel->drained, &attributes);
    pthread_condattr_destroy(&attributes);
    executor_init(&kernel->executor, kernel);
    subshells_init(&kernel->subshells,
                   (size_t)config_integer(options->config, "kernel", "history_max"));
    pool_init(&kernel->pool, (unsigned)config_integer(options->config, "kernel", "tool_threads"));
    struct registry_options registry = {
        .catalog = options->catalog, .config = options->config, .workdir = options->workdir};
    int rc = open_history(kernel, options);
    if (rc < 0 || events_init(&kernel->events) < 0 || !kernel->id || !kernel->workdir ||
        !kernel->busy || !kernel->idle)
        rc = error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0)
        rc = registry_new(&registry, &kernel->registry, ret_error);
    if (rc < 0)
        kernel_free(kernel);
    else
        *ret_kernel = kernel;
    return rc;
}

int kernel_start_runtime(struct kernel *kernel, struct error *ret_error)
{
    return executor_start(&kernel->executor, ret_error);
}

int kernel_wait_runtime(struct kernel *kernel, struct error *ret_error)
{
    struct executor *executor = &kernel->executor;
    pthread_mutex_lock(&executor->lock);
    while (executor->started && !executor->opened)
        pthread_cond_wait(&executor->changed, &executor->lock);
    int rc = executor->failure.code;
    if (rc < 0 && ret_error)
        *ret_error = executor->failure;
    pthread_mutex_unlock(&executor->lock);
    return rc;
}

void kernel_interrupt(struct kernel *kernel)
{
    executor_interrupt(&kernel->executor, NULL);
}

bool kernel_take_output(void *kernel, int stream, const char *text, size_t size)
{
    struct kernel *self = kernel;
    return output_take(&self->executor.output, stream, text, size);
}

bool kernel_is_busy(struct kernel *kernel)
{
    return atomic_load(&kernel->executor.pending) > 0;
}

int64_t kernel_idle_ms(struct kernel *kernel)
{
    pthread_mutex_lock(&kernel->lock);
    int64_t ms = kernel->active_count > 0 ? 0 : (clock_monotonic_ns() - kernel->idle_ns) / 1000000;
    pthread_mutex_unlock(&kernel->lock);
    return ms;
}

/* Waits until nothing is active, at most ms; the kernel's lock is held. */
static void wait_drained(struct kernel *kernel, int64_t ms)
{
    int64_t at = clock_monotonic_ns() + ms * 1000000;
    struct timespec until = {at / 1000000000, at % 1000000000};
    while (kernel->active_count > 0 &&
           pthread_cond_timedwait(&kernel->drained, &kernel->lock, &until) == 0)
        ;
}

unsigned kernel_shutdown(struct kernel *kernel, int64_t grace_ms, int64_t interrupt_ms)
{
    pthread_mutex_lock(&kernel->lock);
    kernel->closing = true;
    wait_drained(kernel, grace_ms);
    if (kernel->active_count > 0) {
        for (struct operation *o = kernel->active; o; o = o->right) {
            cancel_set(&o->cancel);
            o->aborted = true;
        }
        executor_interrupt(&kernel->executor, NULL);
        wait_drained(kernel, interrupt_ms);
    }
    unsigned left = kernel->active_count;
    pthread_mutex_unlock(&kernel->lock);
    if (left > 0) /* the kernel is not freed, which would write it */
        history_flush(&kernel->history);
    return left;
}

void kernel_free(struct kernel *kernel)
{
    if (!kernel)
        return;
    /* First: a runner ends with the thread that has started it, and would not close its tool. */
    if (kernel->registry)
        runners_stop(registry_runners(kernel->registry));
    executor_stop(&kernel->executor);
    pool_stop(&kernel->pool);
    registry_unref(kernel->registry);
    events_clear(&kernel->events);
    subshells_clear(&kernel->subshells);
    history_clear(&kernel->history);
    pthread_mutex_lock(&kernel->lock);
    handlers_remove(kernel, NULL);
    pthread_mutex_unlock(&kernel->lock);
    json_decref(kernel->busy);
    json_decref(kernel->idle);
    json_decref(kernel->info);
    pthread_mutex_destroy(&kernel->lock);
    pthread_cond_destroy(&kernel->drained);
    free(kernel->id);
    free(kernel->workdir);
    free(kernel);
}

/* ---- what a reload replaces as a whole: registry, configuration, catalog ---- */

struct registry *kernel_registry(struct kernel *kernel)
{
    pthread_mutex_lock(&kernel->lock);
    struct registry *registry = registry_ref(kernel->registry);
    pthread_mutex_unlock(&kernel->lock);
    return registry;
}

int kernel_replace(struct kernel *kernel, const struct config *config,
                   const struct catalog *catalog, struct error *ret_error)
{
    struct registry *registry, *before = kernel_registry(kernel);
    struct registry_options options = {
        .catalog = catalog, .config = config, .workdir = kernel->workdir, .previous = before};
    int rc = registry_new(&options, &registry, ret_error);
    if (rc == 0) {
        pthread_mutex_lock(&kernel->lock);
        kernel->registry = registry;
        pthread_mutex_unlock(&kernel->lock);
        registry_unref(before); /* the kernel's share: calls under way have theirs */
    }
    registry_unref(before);
    return rc;
}

const char *kernel_id(const struct kernel *kernel)
{
    return kernel->id;
}
