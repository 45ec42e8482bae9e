/* SPDX-License-Identifier: Apache-2.0
 * The kernel: which message goes where. */
#include "kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

/* ---- the messages that the kernel answers itself, at once ---- */

/* The header is JSON text: the id stands in it in quotes. */
static struct operation *find_active(struct kernel *kernel, const char *msg_id)
{
    char quoted[160];
    if (snprintf(quoted, sizeof quoted, "\"%s\"", msg_id) >= (int)sizeof quoted)
        return NULL;
    for (struct operation *o = kernel->active; o; o = o->right)
        if (o->parent_size && strstr(o->text, quoted))
            return o;
    return NULL;
}

/* With "msg_id": just the request of that id; without: what is executed. */
json_t *kernel_cancel(struct kernel *kernel, const json_t *content)
{
    const char *msg_id = llmspell_string(content, "msg_id");
    if (!msg_id || !*msg_id) {
        executor_interrupt(&kernel->executor, NULL);
        return json_pack("{s:s}", "status", "ok");
    }
    pthread_mutex_lock(&kernel->lock);
    struct operation *operation = find_active(kernel, msg_id);
    if (operation) {
        atomic_store(&operation->cancel, 1);
        executor_interrupt(&kernel->executor, operation);
    }
    pthread_mutex_unlock(&kernel->lock);
    return json_pack("{s:s, s:b}", "status", "ok", "found", operation != NULL);
}

static json_t *at_interrupt(struct operation *operation)
{
    return kernel_cancel(operation->kernel, operation->content);
}

static json_t *at_kernel_info(struct operation *operation)
{
    return answer_kernel_info(operation->kernel);
}

static json_t *at_status(struct operation *operation)
{
    return answer_status(operation->kernel);
}

static json_t *at_history(struct operation *operation)
{
    return history_reply(&operation->kernel->history, operation->content);
}

static json_t *at_comm_info(struct operation *operation)
{
    (void)operation;
    return json_pack("{s:s, s:{}}", "status", "ok", "comms");
}

static json_t *at_shutdown(struct operation *operation)
{
    return json_pack("{s:s, s:b}", "status", "ok", "restart",
                     llmspell_bool(operation->content, "restart", 0));
}

enum way { AT_ONCE, IN_ORDER, EXECUTOR, POOL };

struct message_rule {
    const char *msg_type;
    enum way way; /* IN_ORDER: at once if nothing is executed or it is a control request */
    json_t *(*answer)(struct operation *operation);
};

static const struct message_rule RULES[] = {
    {"execute_request", EXECUTOR, NULL},
    {"complete_request", EXECUTOR, NULL},
    {"inspect_request", EXECUTOR, NULL},
    {"is_complete_request", EXECUTOR, NULL},
    {"kernel_info_request", IN_ORDER, at_kernel_info},
    {"tool_request", POOL, NULL},
    {"status_request", AT_ONCE, at_status},
    {"interrupt_request", AT_ONCE, at_interrupt},
    {"history_request", AT_ONCE, at_history},
    {"comm_info_request", AT_ONCE, at_comm_info},
    {"shutdown_request", AT_ONCE, at_shutdown},
};

static const struct message_rule *find_rule(const char *msg_type)
{
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++)
        if (strcmp(RULES[i].msg_type, msg_type) == 0)
            return &RULES[i];
    return NULL;
}

int kernel_answer(struct kernel *kernel, const char *msg_type, const json_t *content,
                  const atomic_int *cancel, json_t **ret_reply)
{
    if (strcmp(msg_type, "tool_request") == 0)
        *ret_reply = answer_tool(kernel, content, cancel);
    else if (strcmp(msg_type, "status_request") == 0)
        *ret_reply = answer_status(kernel);
    else if (strcmp(msg_type, "kernel_info_request") == 0)
        *ret_reply = answer_kernel_info(kernel);
    else
        return LLMSPELL_EUNKNOWN;
    return *ret_reply ? 0 : LLMSPELL_ENOMEM;
}

/* ---- submit ---- */

static bool enter(struct kernel *kernel, struct operation *operation)
{
    pthread_mutex_lock(&kernel->lock);
    bool open = !kernel->closing;
    if (open) {
        operation->right = kernel->active;
        if (kernel->active)
            kernel->active->left = operation;
        kernel->active = operation;
        kernel->active_count++;
    }
    pthread_mutex_unlock(&kernel->lock);
    return open;
}

static bool find_handler(struct kernel *kernel, struct operation *operation)
{
    pthread_mutex_lock(&kernel->lock);
    for (const struct handler *h = kernel->handlers; h; h = h->next) {
        if (strcmp(h->msg_type, operation->msg_type) != 0)
            continue;
        operation->handler = h->function;
        operation->handler_data = h->data;
    }
    pthread_mutex_unlock(&kernel->lock);
    return operation->handler != NULL;
}

static void answer_now(struct operation *operation, const struct message_rule *rule)
{
    struct kernel *kernel = operation->kernel;
    bool shutdown = rule->answer == at_shutdown;
    bool restart = shutdown && llmspell_bool(operation->content, "restart", 0);
    operation_begin(operation);
    if (shutdown)
        publish(kernel, operation, "shutdown_notification", operation->content);
    operation_finish(operation, rule->answer(operation));
    if (shutdown && kernel->shutdown)
        kernel->shutdown(kernel->data, restart);
}

static void dispatch(struct operation *operation, const struct message_rule *rule)
{
    struct kernel *kernel = operation->kernel;
    enum way way = operation->handler ? POOL : rule->way;
    if (way == IN_ORDER)
        way = (operation->flags & LLMSPELL_REQUEST_CONTROL) ||
                      atomic_load(&kernel->executor.pending) == 0
                  ? AT_ONCE
                  : EXECUTOR;
    if (way == AT_ONCE)
        answer_now(operation, rule);
    else if (way == POOL)
        pool_submit(&kernel->pool, operation);
    else
        executor_submit(&kernel->executor, operation);
}

int kernel_submit(struct kernel *kernel, struct llmspell_ctx *origin,
                  const struct llmspell_request *request)
{
    struct llmspell_request own = *request;
    if (strcmp(own.msg_type, "input_reply") == 0) {
        executor_input(&kernel->executor, own.content);
        json_decref(own.content);
        return 0;
    }
    if (!own.content)
        own.content = json_object();
    struct operation *operation = own.content ? operation_new(kernel, origin, &own) : NULL;
    if (!operation) {
        json_decref(own.content);
        return LLMSPELL_ENOMEM;
    }
    const struct message_rule *rule = find_rule(operation->msg_type);
    int rc = 0;
    if (!json_is_object(operation->content) || (!rule && !find_handler(kernel, operation)))
        rc = LLMSPELL_EINVAL;
    else if (!enter(kernel, operation))
        rc = LLMSPELL_EBUSY;
    if (rc < 0) {
        operation_free(operation);
        return rc;
    }
    atomic_fetch_add_explicit(&kernel->requests, 1, memory_order_relaxed);
    dispatch(operation, rule);
    return 0;
}

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

static int add_handler(struct kernel *kernel, const char *msg_type, llmspell_handler_fn function,
                       void *data)
{
    struct handler *handler = calloc(1, sizeof *handler);
    if (!handler || !(handler->msg_type = strdup(msg_type))) {
        free(handler);
        return LLMSPELL_ENOMEM;
    }
    handler->function = function;
    handler->data = data;
    handler->next = kernel->handlers;
    kernel->handlers = handler;
    return 0;
}

static int32_t api_handle(struct llmspell_ctx *ctx, const char *msg_type,
                          llmspell_handler_fn function, void *data)
{
    struct kernel *kernel = kernel_of(ctx);
    int rc = 0;
    pthread_mutex_lock(&kernel->lock);
    struct handler **at = &kernel->handlers;
    while (*at && strcmp((*at)->msg_type, msg_type) != 0)
        at = &(*at)->next;
    if (*at && function) {
        rc = LLMSPELL_EBUSY;
    } else if (*at) {
        struct handler *gone = *at;
        *at = gone->next;
        free(gone->msg_type);
        free(gone);
    } else if (function) {
        rc = find_rule(msg_type) ? LLMSPELL_EBUSY : add_handler(kernel, msg_type, function, data);
    }
    pthread_mutex_unlock(&kernel->lock);
    return rc;
}

static const void *protocol_extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct llmspell_kernel api = {.size = sizeof api,
                                               .submit = api_submit,
                                               .subscribe = api_subscribe,
                                               .unsubscribe = api_unsubscribe,
                                               .handle = api_handle};
    (void)ctx;
    return strcmp(id, LLMSPELL_KERNEL) == 0 ? &api : NULL;
}

void kernel_attach(struct kernel *kernel, struct llmspell_ctx *ctx)
{
    ctx->owner = kernel;
    ctx->extension = protocol_extension;
}

/* ---- life ---- */

int kernel_new(const struct kernel_options *options, struct kernel **ret_kernel,
               struct error *ret_error)
{
    struct kernel *kernel = calloc(1, sizeof *kernel);
    if (!kernel)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    kernel->config = options->config;
    kernel->catalog = options->catalog;
    kernel->shutdown = options->shutdown;
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
    pool_init(&kernel->pool, (unsigned)config_integer(options->config, "kernel", "tool_threads"));
    struct registry_options registry = {options->catalog, options->config, options->workdir};
    int rc = history_init(&kernel->history,
                          (size_t)config_integer(options->config, "kernel", "history"));
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

unsigned kernel_shutdown(struct kernel *kernel, int64_t grace_ms)
{
    pthread_mutex_lock(&kernel->lock);
    kernel->closing = true;
    wait_drained(kernel, grace_ms);
    if (kernel->active_count > 0) {
        for (struct operation *o = kernel->active; o; o = o->right) {
            atomic_store(&o->cancel, 1);
            o->aborted = true;
        }
        executor_interrupt(&kernel->executor, NULL);
        wait_drained(kernel, 1000);
    }
    unsigned left = kernel->active_count;
    pthread_mutex_unlock(&kernel->lock);
    return left;
}

static void free_handlers(struct kernel *kernel)
{
    while (kernel->handlers) {
        struct handler *gone = kernel->handlers;
        kernel->handlers = gone->next;
        free(gone->msg_type);
        free(gone);
    }
}

void kernel_free(struct kernel *kernel)
{
    if (!kernel)
        return;
    executor_stop(&kernel->executor);
    pool_stop(&kernel->pool);
    registry_free(kernel->registry);
    events_clear(&kernel->events);
    history_clear(&kernel->history);
    free_handlers(kernel);
    json_decref(kernel->busy);
    json_decref(kernel->idle);
    json_decref(kernel->info);
    pthread_mutex_destroy(&kernel->lock);
    pthread_cond_destroy(&kernel->drained);
    free(kernel->id);
    free(kernel->workdir);
    free(kernel);
}

struct registry *kernel_registry(const struct kernel *kernel)
{
    return kernel->registry;
}

const char *kernel_id(const struct kernel *kernel)
{
    return kernel->id;
}
