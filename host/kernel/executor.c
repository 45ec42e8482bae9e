/* SPDX-License-Identifier: Apache-2.0
 * The executor: the one thread that owns the runtime. Takes execute, complete, inspect and
 * is_complete requests in order. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "log/logger.h"
#include "plugin/loader.h"
#include "tool/callback.h"
#include "tool/nested.h"
#include "util/thread.h"

/* ---- llmspell.executor/1: what the runtime may ask ---- */

static struct operation *operation_of(struct llmspell_call *base)
{
    return call_of(base)->owner;
}

static void api_write(struct llmspell_call *base, int32_t stream, const char *text, uint64_t size)
{
    output_write(&operation_of(base)->kernel->executor.output, stream, text, size);
}

/* The value as text, for the history. */
static void keep_result(const struct operation *operation, const json_t *content)
{
    const json_t *text = json_object_get(json_object_get(content, "data"), "text/plain");
    if (json_is_string(text))
        history_add_output(&operation->kernel->history, operation->history_line,
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
    int rc = kernel_answer(operation, msg_type, content, ret_reply);
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
    operation->functions = &functions;
    int rc = api_request(base, msg_type, content, ret_reply);
    operation->functions = before;
    return rc;
}

static int32_t wait_input(struct executor *executor, struct operation *operation,
                          json_t **ret_value)
{
    pthread_mutex_lock(&executor->lock);
    while (!executor->input_value && !cancel_is_set(&operation->cancel))
        pthread_cond_wait(&executor->changed, &executor->lock);
    json_t *value = executor->input_value;
    executor->input_value = NULL;
    executor->input_waits = false;
    pthread_mutex_unlock(&executor->lock);
    if (json_is_string(value)) {
        *ret_value = value;
        return 0;
    }
    json_decref(value);
    return value ? LLMSPELL_ENOTFOUND : LLMSPELL_ECANCELLED;
}

static int32_t api_input(struct llmspell_call *base, const char *prompt, int32_t password,
                         json_t **ret_value)
{
    struct operation *operation = operation_of(base);
    struct executor *executor = &operation->kernel->executor;
    if (!operation->input || !llmspell_bool(operation->content, "allow_stdin", 1))
        return base->host->fail(base, LLMSPELL_EUNAVAILABLE, NULL,
                                "this client cannot be asked for input");
    output_flush(&executor->output);
    pthread_mutex_lock(&executor->lock);
    executor->input_waits = true;
    json_decref(executor->input_value);
    executor->input_value = NULL;
    pthread_mutex_unlock(&executor->lock);
    if (operation_hold(operation)) {
        operation->input(operation->data, json_pack("{s:s, s:b}", "prompt", prompt ? prompt : "",
                                                    "password", password != 0));
        operation_release(operation);
    } else {
        executor_input_ends(executor, operation);
    }
    return wait_input(executor, operation, ret_value);
}

static const void *runtime_extension(struct llmspell_ctx *ctx, const char *id)
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
                                                 .header = api_header};
    (void)ctx;
    return strcmp(id, LLMSPELL_EXECUTOR) == 0 ? &api : NULL;
}

/* An input_reply: only while somebody waits for one. {"value": null} is end of input. */
void executor_input(struct executor *executor, const json_t *content)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->input_waits) {
        json_t *value = json_object_get(content, "value");
        json_decref(executor->input_value);
        executor->input_value = value ? json_deep_copy(value) : json_null();
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
}

/* The client that was asked is gone: for the code that waits this is the end of input. */
void executor_input_ends(struct executor *executor, const struct operation *operation)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->current == operation && executor->input_waits && !executor->input_value) {
        executor->input_value = json_null();
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
}

/* ---- opening ---- */

/* Relative paths in scripts start at the kernel's working directory, though a daemon's own is /. */
static void enter_workdir(const struct kernel *kernel)
{
    char current[4096];
    if (getcwd(current, sizeof current) && strcmp(current, kernel->workdir) == 0)
        return;
    if (unshare(CLONE_FS) != 0 || chdir(kernel->workdir) != 0)
        log_warn("kernel", "scripts cannot start in %s: %s", kernel->workdir, strerror(errno));
}

static int open_runtime(struct executor *executor, struct error *ret_error)
{
    struct plugin *plugin = executor->plugin;
    const void *entry;
    LLMSPELL_CLEANUP_JSON json_t *config = NULL;
    struct registry *registry = kernel_registry(executor->kernel);
    int rc = plugin_load_configured(plugin, registry_config(registry), &entry, &config, ret_error);
    registry_unref(registry);
    if (rc < 0)
        return rc;
    const struct llmspell_runtime *table = entry;
    struct call call;
    plugin->ctx.extension = runtime_extension;
    plugin->ctx.owner = executor;
    call_init(&call, &plugin->ctx);
    rc = table->open(&call.base, config, &executor->self);
    if (rc < 0)
        return call_error(&call, rc, ret_error);
    executor->ctx = &plugin->ctx;
    executor->table = table;
    return 0;
}

static void open_and_tell(struct executor *executor)
{
    struct error error = {0};
    enter_workdir(executor->kernel);
    int rc = executor->plugin
                 ? open_runtime(executor, &error)
                 : error_set(&error, LLMSPELL_EUNAVAILABLE,
                             "no runtime plugin is called \"%s\" ([kernel] runtime); `llmspell "
                             "plugin list` shows those that there are",
                             executor->runtime);
    error.code = rc;
    pthread_mutex_lock(&executor->lock);
    executor->failure = error;
    executor->opened = true;
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->lock);
    if (rc < 0)
        log_error("kernel", "%s", error.message);
}

/* ---- running ---- */

void executor_show_error(const struct operation *operation, const json_t *reply)
{
    json_t *traceback = json_object_get(reply, "traceback");
    json_t *content = json_pack("{s:O?, s:O?, s:O?}", "ename", json_object_get(reply, "ename"),
                                "evalue", json_object_get(reply, "evalue"), "traceback", traceback);
    if (content)
        publish(operation->kernel, operation, "error", content);
    json_decref(content);
}

/* The "session" of a request's header, which names its client; *ret_size is 0 without one. */
static const char *session_of(const struct operation *operation, size_t *ret_size)
{
    const char *at = operation->parent_size ? strstr(operation->text, "\"session\"") : NULL;
    *ret_size = 0;
    if (!at)
        return "";
    at += strlen("\"session\"");
    at += strspn(at, ": \t\r\n\"");
    *ret_size = strcspn(at, "\"");
    return at;
}

static bool is_same_client(const struct operation *a, const struct operation *b)
{
    size_t a_size, b_size;
    const char *a_session = session_of(a, &a_size), *b_session = session_of(b, &b_size);
    return a->origin == b->origin && a_size == b_size && memcmp(a_session, b_session, a_size) == 0;
}

/* After an error with stop_on_error, what the same client has queued is not run. */
static void abort_queued(struct executor *executor, const struct operation *failed)
{
    pthread_mutex_lock(&executor->queue.lock);
    for (struct operation *next = executor->queue.first; next; next = next->next)
        if (strcmp(next->msg_type, "execute_request") == 0 && is_same_client(next, failed))
            next->aborted = true;
    pthread_mutex_unlock(&executor->queue.lock);
}

static json_t *ask_runtime(struct executor *executor, struct operation *operation)
{
    struct call call;
    json_t *reply = NULL;
    bool of_comm = comm_is(operation->msg_type);
    const struct error *failure = &executor->failure;
    if (failure->code < 0)
        return of_comm ? comm_answer(operation, failure->code, NULL, failure->message)
                       : error_reply(failure->code, failure->message);
    call_init(&call, executor->ctx);
    call.cancel = &operation->cancel;
    call.owner = operation;
    output_begin(&executor->output, operation);
    int rc = executor->table->request(executor->self, &call.base, operation->msg_type,
                                      operation->content, &reply);
    output_flush(&executor->output);
    if (rc < 0) {
        struct error error;
        call_error(&call, rc, &error);
        return of_comm ? comm_answer(operation, rc, NULL, error.message)
                       : error_reply(rc, error.message);
    }
    return of_comm ? comm_answer(operation, 0, reply, NULL) : reply;
}

static json_t *execute(struct executor *executor, struct operation *operation)
{
    json_t *content = operation->content;
    const char *code = llmspell_string(content, "code");
    bool silent = llmspell_bool(content, "silent", 0);
    bool store = !silent && llmspell_bool(content, "store_history", 1);
    if (!code)
        return error_reply(LLMSPELL_EINVAL, "execute_request needs \"code\", a string");
    json_int_t count = (json_int_t)atomic_load(&executor->count) + (store ? 1 : 0);
    atomic_store(&executor->count, (unsigned)count);
    operation->history_line = store ? count : 0;
    if (store)
        history_add(&executor->kernel->history, count, code,
                    llmspell_string_length(content, "code"));
    json_object_set_new(content, "execution_count", json_integer(count));
    if (!silent) {
        json_t *input = json_pack("{s:O, s:I}", "code", json_object_get(content, "code"),
                                  "execution_count", count);
        publish(executor->kernel, operation, "execute_input", input);
        json_decref(input);
    }
    json_t *reply = ask_runtime(executor, operation);
    if (!reply)
        return NULL;
    if (llmspell_is(reply, "status", "error")) {
        if (!silent)
            executor_show_error(operation, reply);
        if (llmspell_bool(content, "stop_on_error", 1))
            abort_queued(executor, operation);
    }
    json_object_set_new(reply, "execution_count", json_integer(count));
    return reply;
}

/* What an interrupt is for. */
static void set_current(struct executor *executor, struct operation *operation)
{
    pthread_mutex_lock(&executor->lock);
    executor->current = operation;
    pthread_mutex_unlock(&executor->lock);
}

static void run(struct executor *executor, struct operation *operation)
{
    json_t *reply;
    if (executor->table)
        set_current(executor, operation); /* before busy: a client that saw it may interrupt */
    operation_begin(operation);
    if (operation->aborted)
        reply = json_pack("{s:s, s:i}", "status", "aborted", "execution_count",
                          (int)atomic_load(&executor->count));
    else if (strcmp(operation->msg_type, "execute_request") == 0)
        reply = execute(executor, operation);
    else if (strcmp(operation->msg_type, "kernel_info_request") == 0)
        reply = answer_kernel_info(executor->kernel);
    else
        reply = ask_runtime(executor, operation);
    set_current(executor, NULL);
    /* before the reply: a client that has it finds the executor idle */
    atomic_fetch_sub(&executor->pending, 1);
    operation_finish(operation, reply);
}

static void *executor_main(void *data)
{
    struct executor *executor = data;
    pthread_setname_np(pthread_self(), "executor");
    open_and_tell(executor);
    struct operation *operation;
    while ((operation = queue_pop(&executor->queue)))
        run(executor, operation);
    if (executor->table)
        executor->table->close(executor->self);
    return NULL;
}

/* ---- for the other threads ---- */

void executor_init(struct executor *executor, struct kernel *kernel)
{
    *executor = (struct executor){
        .kernel = kernel, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    queue_init(&executor->queue);
    output_init(&executor->output, kernel);
}

bool executor_is_started(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    bool started = executor->started;
    pthread_mutex_unlock(&executor->lock);
    return started;
}

/* The registry is fetched first: who holds the kernel's lock may take ours, not the other way. */
int executor_start(struct executor *executor, struct error *ret_error)
{
    if (executor_is_started(executor))
        return 0;
    struct registry *registry = kernel_registry(executor->kernel);
    const char *name = config_string(registry_config(registry), "kernel", "runtime");
    int rc = 0;
    pthread_mutex_lock(&executor->lock);
    if (!executor->started) {
        snprintf(executor->runtime, sizeof executor->runtime, "%s", name ? name : "");
        struct plugin *plugin = catalog_find(registry_catalog(registry), PLUGIN_RUNTIME, name);
        plugin_unref(executor->plugin); /* of an attempt that failed */
        executor->plugin = plugin ? plugin_ref(plugin) : NULL;
        rc = thread_start(&executor->thread, "executor", executor_main, executor);
        executor->started = rc == 0;
    }
    pthread_mutex_unlock(&executor->lock);
    registry_unref(registry);
    return rc == 0 ? 0
                   : error_set(ret_error, LLMSPELL_EIO, "cannot start the executor thread: %s",
                               strerror(rc));
}

void executor_submit(struct executor *executor, struct operation *operation)
{
    struct error error;
    atomic_fetch_add(&executor->pending, 1);
    if (executor_start(executor, &error) == 0) {
        queue_push(&executor->queue, operation);
        return;
    }
    atomic_fetch_sub(&executor->pending, 1);
    operation_begin(operation);
    operation_finish(operation, error_reply(error.code, error.message));
}

/* Ends what runs; with `only`, just if it is that operation. */
void executor_interrupt(struct executor *executor, const struct operation *only)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->current && (!only || executor->current == only)) {
        cancel_set(&executor->current->cancel);
        executor->table->interrupt(executor->self);
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
}

void executor_drop(struct executor *executor, struct operation *operation)
{
    json_t *reply = json_pack("{s:s, s:s, s:s, s:[], s:i}", "status", "error", "ename",
                              "KeyboardInterrupt", "evalue", "interrupted before it began",
                              "traceback", "execution_count", (int)atomic_load(&executor->count));
    operation_begin(operation);
    if (reply && strcmp(operation->msg_type, "execute_request") == 0)
        executor_show_error(operation, reply);
    atomic_fetch_sub(&executor->pending, 1);
    operation_finish(operation, reply);
}

void executor_stop(struct executor *executor)
{
    queue_close(&executor->queue);
    if (executor->started)
        pthread_join(executor->thread, NULL);
    json_decref(executor->input_value);
    plugin_unref(executor->plugin);
    output_clear(&executor->output);
    queue_clear(&executor->queue);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->changed);
}
