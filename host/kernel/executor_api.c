/* SPDX-License-Identifier: Apache-2.0
 * The extension llmspell.executor/1: what a runtime may ask of the kernel while a request runs. All
 * on the executor's thread. */
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "log/capture.h"
#include "tool/callback.h"
#include "tool/nested.h"

static struct operation *operation_of(struct llmspell_call *base)
{
    return call_of(base)->owner;
}

static void api_write(struct llmspell_call *base, int32_t stream, const char *text, uint64_t size)
{
    if (size == 0)
        capture_sync();
    else
        output_write(&operation_of(base)->kernel->executor.output, stream, text, size);
}

/* The value as text, for the history. */
static void keep_result(const struct operation *operation, const json_t *content)
{
    const json_t *text = json_object_get(json_object_get(content, "data"), "text/plain");
    if (json_is_string(text))
        history_add_output(subshell_history(operation), operation->history_line,
                           json_string_value(text), json_string_length(text));
}

static int32_t api_emit(struct llmspell_call *base, const char *msg_type, json_t *content)
{
    struct operation *operation = operation_of(base);
    if (!content)
        return LLMSPELL_ENOMEM;
    if (operation->history_line && strcmp(msg_type, "execute_result") == 0)
        keep_result(operation, content);
    output_flush(&operation->kernel->executor.output);
    publish(operation->kernel, operation, msg_type, content);
    json_decref(content);
    return 0;
}

static int32_t api_emit_buffers(struct llmspell_call *base, const char *msg_type, json_t *content,
                                json_t *metadata, const struct llmspell_buffer *buffers,
                                uint32_t count)
{
    struct operation *operation = operation_of(base);
    struct llmspell_message extra = {
        .metadata = metadata, .buffers = buffers, .buffer_count = count};
    if (content) {
        output_flush(&operation->kernel->executor.output);
        publish_with(operation->kernel, operation, msg_type, content, &extra);
    }
    json_decref(metadata);
    json_decref(content);
    return content ? 0 : LLMSPELL_ENOMEM;
}

static const struct llmspell_buffer *api_buffers(struct llmspell_call *base, uint32_t *ret_count)
{
    *ret_count = operation_of(base)->buffer_count;
    return operation_of(base)->buffers;
}

static const json_t *api_metadata(struct llmspell_call *base)
{
    return operation_of(base)->metadata;
}

static const char *api_header(struct llmspell_call *base)
{
    return operation_of(base)->text;
}

static int32_t api_request(struct llmspell_call *base, const char *msg_type, json_t *content,
                           json_t **ret_reply)
{
    struct operation *operation = operation_of(base);
    int rc = executor_nest_answer(operation, msg_type, content, ret_reply);
    json_decref(content);
    return rc;
}

/* A function of the script, as tools know it. */
struct calling {
    struct operation *operation;
    llmspell_function_fn function;
    void *data;
};

/* What the function calls itself, it calls without functions of its own, unless it says so. */
static int call_function(void *data, const char *name, const json_t *arguments, json_t **ret_result,
                         struct error *ret_error)
{
    struct calling *calling = data;
    struct operation *operation = calling->operation;
    const struct callback_functions *functions = operation->functions;
    char message[ERROR_MESSAGE_MAX] = "";
    if (operation->depth >= NESTED_DEPTH_MAX)
        return error_set(ret_error, LLMSPELL_ELIMIT, "more than %d tools call one another",
                         NESTED_DEPTH_MAX);
    operation->functions = NULL;
    operation->depth++;
    int rc = calling->function(calling->data, name, arguments, ret_result, message, sizeof message);
    operation->depth--;
    operation->functions = functions;
    return rc < 0 ? error_set(ret_error, rc, "the function %s: %s", name,
                              *message ? message : llmspell_error_text(rc))
                  : 0;
}

static int32_t api_request_calling(struct llmspell_call *base, const char *msg_type,
                                   json_t *content, llmspell_function_fn function, void *data,
                                   json_t **ret_reply)
{
    struct operation *operation = operation_of(base);
    const struct callback_functions *before = operation->functions;
    struct calling calling = {operation, function, data};
    const struct callback_functions functions = {
        .names = json_object_get(content, "functions"), .call = call_function, .data = &calling};
    operation->functions =
        &functions; /* which run on this thread, so that the tool has to be called on it */
    int rc = kernel_answer(operation, msg_type, content, ret_reply);
    json_decref(content);
    operation->functions = before;
    return rc;
}

static int32_t api_input(struct llmspell_call *base, const char *prompt, int32_t password,
                         json_t **ret_value)
{
    struct operation *operation = operation_of(base);
    if (!operation->input || !llmspell_bool(operation->content, "allow_stdin", 1))
        return base->host->fail(base, LLMSPELL_EUNAVAILABLE, NULL,
                                "this client cannot be asked for input");
    return executor_input_ask(operation, prompt ? prompt : "", password != 0, ret_value);
}

static int32_t api_wait(struct llmspell_call *base)
{
    struct operation *operation = operation_of(base);
    return executor_nest_sleep(&operation->kernel->executor, operation);
}

static int32_t api_serve(struct llmspell_call *base)
{
    return executor_nest_serve(&operation_of(base)->kernel->executor);
}

const void *executor_extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct llmspell_executor api = {.size = sizeof api,
                                                 .write = api_write,
                                                 .emit = api_emit,
                                                 .request = api_request,
                                                 .input = api_input,
                                                 .request_calling = api_request_calling,
                                                 .emit_buffers = api_emit_buffers,
                                                 .buffers = api_buffers,
                                                 .metadata = api_metadata,
                                                 .header = api_header,
                                                 .serve = api_serve,
                                                 .wait = api_wait};
    (void)ctx;
    return strcmp(id, LLMSPELL_EXECUTOR) == 0 ? &api : NULL;
}
