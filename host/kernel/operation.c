/* SPDX-License-Identifier: Apache-2.0
 * The life of one request: new → begin (busy) → finish (reply, idle, done). Counted by the kernel,
 * so that shutdown can wait for the last one. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

/* The bytes of all buffers behind an array that describes them; -1: out of memory. */
static int copy_buffers(struct operation *operation, const struct llmspell_request *request)
{
    uint32_t count = request->buffer_count;
    size_t size = count * sizeof *operation->buffers;
    for (uint32_t i = 0; i < count; i++)
        size += request->buffers[i].size;
    operation->buffers = malloc(size);
    if (!operation->buffers)
        return -1;
    char *at = (char *)(operation->buffers + count);
    for (uint32_t i = 0; i < count; i++) {
        const struct llmspell_buffer *buffer = &request->buffers[i];
        operation->buffers[i] = (struct llmspell_buffer){at, buffer->size};
        if (buffer->size)
            memcpy(at, buffer->data, buffer->size);
        at += buffer->size;
    }
    operation->buffer_count = count;
    return 0;
}

struct operation *operation_new(struct kernel *kernel, struct llmspell_ctx *origin,
                                const struct llmspell_request *request)
{
    size_t type_size = strlen(request->msg_type) + 1;
    size_t parent_size = request->parent ? request->parent_size : 0;
    struct operation *operation = calloc(1, sizeof *operation + parent_size + 1 + type_size);
    if (!operation)
        return NULL;
    operation->kernel = kernel;
    operation->origin = origin;
    if (request->buffer_count && copy_buffers(operation, request) < 0) {
        free(operation);
        return NULL;
    }
    operation->content = request->content;
    operation->metadata = request->metadata ? json_deep_copy(request->metadata) : NULL;
    operation->data = request->data;
    operation->reply = request->reply;
    operation->input = request->input;
    operation->done = request->done;
    operation->flags = request->flags;
    cancel_init(&operation->cancel);
    operation->started_ns = clock_monotonic_ns();
    operation->parent_size = (uint32_t)parent_size;
    if (parent_size)
        memcpy(operation->text, request->parent, parent_size);
    memcpy(operation->text + parent_size + 1, request->msg_type, type_size);
    operation->msg_type = operation->text + parent_size + 1;
    return operation;
}

void operation_free(struct operation *operation)
{
    if (!operation)
        return;
    handlers_release(operation);
    json_decref(operation->content);
    json_decref(operation->metadata);
    free(operation->buffers);
    subshell_unref(operation->subshell);
    cancel_clear(&operation->cancel);
    free(operation);
}

const char *reply_type(const char *msg_type, char *buffer)
{
    size_t n = strlen(msg_type);
    const size_t suffix = strlen("request");
    if (n >= suffix && strcmp(msg_type + n - suffix, "request") == 0)
        n -= suffix + 1;
    if (n > 57)
        return "error_reply";
    memcpy(buffer, msg_type, n);
    memcpy(buffer + n, "_reply", 7);
    return buffer;
}

json_t *error_reply(int code, const char *message)
{
    return json_pack("{s:s, s:s, s:s, s:[], s:{s:s, s:s}}", "status", "error", "ename",
                     llmspell_error_name(code), "evalue", message, "traceback", "error", "code",
                     llmspell_error_name(code), "message", message);
}

json_t *field_reply(const char *field, const char *format, ...)
{
    char text[ERROR_MESSAGE_MAX], path[64];
    struct error error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "/%s", field);
    error_set_at(&error, LLMSPELL_EINVAL, path, "\"%s\" %s", field, text);
    json_t *reply = error_reply(error.code, error.message);
    if (reply)
        json_object_set_new(reply, "error", error_json(&error));
    return reply;
}

void operation_begin(struct operation *operation)
{
    if (!operation->quiet)
        publish(operation->kernel, operation, "status", operation->kernel->busy);
}

/* Takes the operation off the list; the last one wakes kernel_shutdown, one of a protocol that is
 * being stopped wakes kernel_detach. */
static void leave(struct operation *operation)
{
    struct kernel *kernel = operation->kernel;
    pthread_mutex_lock(&kernel->lock);
    while (operation->detached && operation->held) /* operation_detach still uses it */
        pthread_cond_wait(&kernel->drained, &kernel->lock);
    if (operation->left)
        operation->left->right = operation->right;
    else
        kernel->active = operation->right;
    if (operation->right)
        operation->right->left = operation->left;
    if (--kernel->active_count == 0) {
        kernel->idle_ns = clock_monotonic_ns();
        pthread_cond_broadcast(&kernel->drained);
    } else if (operation->origin && operation->origin->closed) {
        pthread_cond_broadcast(&kernel->drained);
    }
    pthread_mutex_unlock(&kernel->lock);
}

bool operation_hold(struct operation *operation)
{
    pthread_mutex_lock(&operation->kernel->lock);
    bool attached = !operation->detached;
    operation->held += attached;
    pthread_mutex_unlock(&operation->kernel->lock);
    return attached;
}

void operation_release(struct operation *operation)
{
    pthread_mutex_lock(&operation->kernel->lock);
    operation->held--;
    if (operation->origin && operation->origin->closed)
        pthread_cond_broadcast(&operation->kernel->drained);
    pthread_mutex_unlock(&operation->kernel->lock);
}

void operation_detach(struct operation *operation)
{
    struct kernel *kernel = operation->kernel;
    char buffer[64];
    const char *why = kernel->closing
                          ? "the kernel has ended; this request did not end in time, even after "
                            "its interrupt, and was abandoned"
                          : "the protocol plugin is stopped or replaced; what this request runs "
                            "goes on: ask again";
    operation->detached = true;
    operation->held++; /* stays until the callbacks below have run */
    pthread_mutex_unlock(&kernel->lock);
    operation->reply(operation->data, reply_type(operation->msg_type, buffer),
                     error_reply(LLMSPELL_EUNAVAILABLE, why));
    if (operation->done)
        operation->done(operation->data);
    executor_input_ends(&kernel->executor, operation);
    pthread_mutex_lock(&kernel->lock);
    operation->held--;
    pthread_cond_broadcast(&kernel->drained);
}

static void answer(struct operation *operation, json_t *reply)
{
    char buffer[64];
    bool attached = operation_hold(operation);
    if (attached)
        operation->reply(operation->data, reply_type(operation->msg_type, buffer), reply);
    else
        json_decref(reply);
    if (!operation->quiet)
        publish(operation->kernel, operation, "status", operation->kernel->idle);
    if (attached && operation->done)
        operation->done(operation->data);
}

void operation_finish(struct operation *operation, json_t *reply)
{
    struct kernel *kernel = operation->kernel;
    if (!reply)
        reply = error_reply(LLMSPELL_ENOMEM, "out of memory while answering");
    const char *status = llmspell_string(reply, "status");
    bool failed = status && (strcmp(status, "error") == 0 || strcmp(status, "aborted") == 0);
    if (failed)
        atomic_fetch_add_explicit(&kernel->errors, 1, memory_order_relaxed);
    metric_add(&kernel->metrics[operation->metric], clock_monotonic_ns() - operation->started_ns,
               failed);
    answer(operation, reply);
    leave(operation);
    operation_free(operation);
}

const char *operation_type(const struct operation *operation)
{
    return operation->msg_type;
}

const json_t *operation_content(const struct operation *operation)
{
    return operation->content;
}

const struct llmspell_ctx *operation_origin(const struct operation *operation)
{
    return operation->origin;
}
