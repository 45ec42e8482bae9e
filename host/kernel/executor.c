/* SPDX-License-Identifier: Apache-2.0
 * The executor: the one thread that owns the runtime. Takes execute, complete, inspect and
 * is_complete requests in order. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "log/capture.h"
#include "log/logger.h"
#include "plugin/loader.h"
#include "util/thread.h"

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
    plugin->ctx.extension = executor_extension;
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

/* After an error with stop_on_error, what the same client has queued in this shell is not run. */
static void abort_queued(struct executor *executor, const struct operation *failed)
{
    pthread_mutex_lock(&executor->queue.lock);
    for (struct operation *next = executor->queue.first; next; next = next->next)
        if (strcmp(next->msg_type, "execute_request") == 0 && next->subshell == failed->subshell &&
            is_same_client(next, failed))
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
    capture_sync(); /* what children that have ended printed belongs to this request */
    output_end(&executor->output);
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
    json_int_t count = (json_int_t)atomic_load(subshell_count(operation)) + (store ? 1 : 0);
    atomic_store(subshell_count(operation), (unsigned)count);
    operation->history_line = store ? count : 0;
    if (store)
        history_add(subshell_history(operation), count, code,
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

static bool is_aborted(const struct operation *operation)
{
    return operation->aborted ||
           (operation->subshell && atomic_load(&operation->subshell->deleted));
}

void executor_run(struct executor *executor, struct operation *operation)
{
    json_t *reply;
    executor_nest_push(executor, operation); /* before busy: a client that saw it may interrupt */
    operation_begin(operation);
    if (is_aborted(operation))
        reply = json_pack("{s:s, s:i}", "status", "aborted", "execution_count",
                          (int)atomic_load(subshell_count(operation)));
    else if (strcmp(operation->msg_type, "execute_request") == 0)
        reply = execute(executor, operation);
    else if (strcmp(operation->msg_type, "kernel_info_request") == 0)
        reply = answer_kernel_info(executor->kernel);
    else
        reply = ask_runtime(executor, operation);
    executor_nest_pop(executor);
    /* before the reply: a client that has it finds the executor idle */
    atomic_fetch_sub(&executor->pending, 1);
    operation_finish(operation, reply);
}

/* How deep the stack may grow before no more requests are nested. */
static const char *find_stack_end(void)
{
    pthread_attr_t attributes;
    void *end = NULL;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &end, &size);
        pthread_attr_destroy(&attributes);
    }
    return end;
}

static void *executor_main(void *data)
{
    struct executor *executor = data;
    pthread_setname_np(pthread_self(), "executor");
    executor->stack_end = find_stack_end();
    open_and_tell(executor);
    struct operation *operation;
    while ((operation = queue_pop(&executor->queue)))
        executor_run(executor, operation);
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
    pool_init(&executor->errands, EXECUTOR_DEPTH_MAX);
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

static struct lane *lane_of(struct executor *executor, struct operation *operation)
{
    if (strcmp(operation->msg_type, "debuggee_request") != 0)
        return operation->subshell ? &operation->subshell->lane : &executor->parent;
    atomic_store(&executor->debugged, true);
    return &executor->debuggee;
}

void executor_submit(struct executor *executor, struct operation *operation)
{
    struct error error;
    atomic_fetch_add(&executor->pending, 1);
    operation->lane = lane_of(executor, operation);
    if (executor_start(executor, &error) == 0) {
        queue_push(&executor->queue, operation);
        executor_nest_attend(executor);
        return;
    }
    atomic_fetch_sub(&executor->pending, 1);
    operation_begin(operation);
    operation_finish(operation, error_reply(error.code, error.message));
}

/* Ends what runs, all of it; with `only`, just that operation, be it at the top or further down.
 * The runtime ends what is at the top now, and what is beneath when it is back there. */
void executor_interrupt(struct executor *executor, const struct operation *only)
{
    pthread_mutex_lock(&executor->lock);
    for (struct operation *o = executor->current; o; o = o->beneath)
        if (!only || o == only)
            cancel_set(&o->cancel);
    if (executor->current && executor->table && (!only || executor->current == only))
        executor->table->interrupt(executor->self);
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->lock);
}

void executor_drop(struct executor *executor, struct operation *operation)
{
    json_t *reply =
        json_pack("{s:s, s:s, s:s, s:[], s:i}", "status", "error", "ename", "KeyboardInterrupt",
                  "evalue", "interrupted before it began", "traceback", "execution_count",
                  (int)atomic_load(subshell_count(operation)));
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
    pool_stop(&executor->errands);
    plugin_unref(executor->plugin);
    output_clear(&executor->output);
    queue_clear(&executor->queue);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->changed);
}
