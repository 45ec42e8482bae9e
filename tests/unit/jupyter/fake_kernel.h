/* SPDX-License-Identifier: Apache-2.0
 * A host and a kernel for the tests of the jupyter plugin: the plugin is loaded from the build and
 * called as the real host calls it; "code" is one of a few words. */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <llmspell/plugin.h>

struct fake_op {
    struct fake_op *next;
    struct llmspell_request request;
    char *msg_type, *parent;
};

struct fake {
    struct llmspell_host host;
    struct llmspell_call call;
    const struct llmspell_protocol *plugin;
    char error[1100]; /* of the last failed call */
    atomic_int warnings, interrupted, refuse_all;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct fake_op *first, **last;
    int ended, running;
    unsigned answered; /* requests that are done with: reply and idle are sent */
    json_t *input;     /* the value of the last input_reply */
    int input_waits;

    pthread_rwlock_t subscriber_lock;
    llmspell_event_fn event;
    void *event_data;
    pthread_t executor;
};

struct llmspell_ctx {
    struct fake *fake;
};

static struct fake fake;
static struct llmspell_ctx fake_ctx = {&fake};

/* ---- the host ---- */

static void fake_log(struct llmspell_ctx *ctx, int32_t level, const char *message)
{
    (void)message;
    if (level <= LLMSPELL_LOG_WARN)
        atomic_fetch_add(&ctx->fake->warnings, 1);
}

static int32_t fake_fail(struct llmspell_call *call, int32_t code, const char *path,
                         const char *message)
{
    snprintf(call->ctx->fake->error, sizeof fake.error, "%s%s%s", path ? path : "",
             path ? ": " : "", message);
    return code;
}

static int32_t fake_cancelled(const struct llmspell_call *call)
{
    (void)call;
    return 0;
}

static void fake_progress(struct llmspell_call *call, double done, double total, const char *text)
{
    (void)call, (void)done, (void)total, (void)text;
}

/* ---- the kernel ---- */

static void fake_publish(const struct fake_op *op, const char *msg_type, json_t *content)
{
    struct llmspell_message message = {.size = sizeof message,
                                       .parent_size = op->request.parent_size,
                                       .msg_type = msg_type,
                                       .content = content,
                                       .parent = op->parent};
    pthread_rwlock_rdlock(&fake.subscriber_lock);
    if (fake.event)
        fake.event(fake.event_data, &message);
    pthread_rwlock_unlock(&fake.subscriber_lock);
    json_decref(content);
}

static void fake_op_free(struct fake_op *op)
{
    json_decref(op->request.content);
    free(op->msg_type);
    free(op->parent);
    free(op);
}

static void fake_answer(struct fake_op *op, json_t *reply)
{
    char type[160];
    snprintf(type, sizeof type, "%.*s_reply", (int)strlen(op->msg_type) - 8, op->msg_type);
    op->request.reply(op->request.data, type, reply);
    fake_publish(op, "status", json_pack("{s:s}", "execution_state", "idle"));
    op->request.done(op->request.data);
    fake_op_free(op);
    pthread_mutex_lock(&fake.lock);
    fake.answered++;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void fake_print(const struct fake_op *op, int lines)
{
    char line[64];
    LLMSPELL_CLEANUP_FREE char *text = malloc(70000);
    size_t size = 0;
    for (int i = 0; i < lines; i++) {
        size_t n = (size_t)snprintf(line, sizeof line, "line %d\n", i);
        memcpy(text + size, line, n);
        size += n;
        if (size > 60000 || i + 1 == lines) {
            fake_publish(op, "stream",
                         json_pack("{s:s, s:s%}", "name", "stdout", "text", text, size));
            size = 0;
        }
    }
}

static json_t *fake_input(struct fake_op *op)
{
    if (!op->request.input)
        return json_string("no stdin");
    pthread_mutex_lock(&fake.lock);
    fake.input_waits = 1;
    pthread_mutex_unlock(&fake.lock);
    op->request.input(op->request.data, json_pack("{s:s, s:b}", "prompt", "> ", "password", 0));
    pthread_mutex_lock(&fake.lock);
    while (fake.input_waits)
        pthread_cond_wait(&fake.changed, &fake.lock);
    json_t *value = fake.input;
    fake.input = NULL;
    pthread_mutex_unlock(&fake.lock);
    return value;
}

static void fake_wait_interrupt(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.running = 1;
    pthread_cond_broadcast(&fake.changed);
    while (!fake.interrupted && !fake.ended)
        pthread_cond_wait(&fake.changed, &fake.lock);
    fake.interrupted = fake.running = 0;
    pthread_mutex_unlock(&fake.lock);
}

static void fake_execute(struct fake_op *op)
{
    const char *code = llmspell_string(op->request.content, "code");
    json_t *reply = json_pack("{s:s, s:i}", "status", "ok", "execution_count", 1);
    fake_publish(op, "status", json_pack("{s:s}", "execution_state", "busy"));
    fake_publish(op, "execute_input",
                 json_pack("{s:O, s:i}", "code", json_object_get(op->request.content, "code"),
                           "execution_count", 1));
    if (strncmp(code, "print ", 6) == 0)
        fake_print(op, (int)strtol(code + 6, NULL, 10));
    else if (strcmp(code, "loop") == 0)
        fake_wait_interrupt();
    else if (strcmp(code, "input") == 0)
        json_object_set_new(reply, "got", fake_input(op));
    fake_answer(op, reply);
}

static void *fake_executor(void *data)
{
    (void)data;
    for (;;) {
        pthread_mutex_lock(&fake.lock);
        while (!fake.first && !fake.ended)
            pthread_cond_wait(&fake.changed, &fake.lock);
        struct fake_op *op = fake.first;
        if (op && !(fake.first = op->next))
            fake.last = &fake.first;
        pthread_mutex_unlock(&fake.lock);
        if (!op)
            return NULL;
        fake_execute(op);
    }
}

static void fake_take_input(const json_t *content)
{
    pthread_mutex_lock(&fake.lock);
    json_decref(fake.input);
    fake.input = json_deep_copy(json_object_get(content, "value")); /* not shared by threads */
    fake.input_waits = 0;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void fake_interrupt(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.interrupted = 1;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void fake_queue(struct fake_op *op)
{
    pthread_mutex_lock(&fake.lock);
    *fake.last = op;
    fake.last = &op->next;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void fake_dispatch(struct fake_op *op)
{
    json_t *reply = json_pack("{s:s}", "status", "ok");
    if (strcmp(op->msg_type, "interrupt_request") == 0)
        fake_interrupt();
    else if (strcmp(op->msg_type, "kernel_info_request") == 0)
        json_object_set_new(reply, "protocol_version", json_string("1.0"));
    else if (strcmp(op->msg_type, "tool_request") == 0)
        json_object_set(reply, "result", op->request.content);
    json_object_set_new(reply, "control",
                        json_boolean(op->request.flags & LLMSPELL_REQUEST_CONTROL));
    fake_publish(op, "status", json_pack("{s:s}", "execution_state", "busy"));
    fake_answer(op, reply);
}

static int32_t fake_submit(struct llmspell_ctx *ctx, const struct llmspell_request *request)
{
    static const char *const known[] = {"execute_request", "tool_request", "interrupt_request",
                                        "kernel_info_request", "shutdown_request"};
    int32_t result = ctx->fake->refuse_all ? ctx->fake->refuse_all : LLMSPELL_EINVAL;
    if (strcmp(request->msg_type, "input_reply") == 0) {
        fake_take_input(request->content);
        json_decref(request->content);
        return 0;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known && !fake.refuse_all; i++)
        if (strcmp(request->msg_type, known[i]) == 0)
            result = 0;
    if (result < 0) {
        json_decref(request->content);
        return result;
    }
    struct fake_op *op = calloc(1, sizeof *op);
    op->request = *request;
    op->msg_type = strdup(request->msg_type);
    op->parent = strndup(request->parent, request->parent_size);
    if (strcmp(op->msg_type, "execute_request") == 0)
        fake_queue(op);
    else
        fake_dispatch(op);
    return 0;
}

static int32_t fake_subscribe(struct llmspell_ctx *ctx, llmspell_event_fn event, void *data,
                              uint64_t *ret_id)
{
    (void)ctx;
    pthread_rwlock_wrlock(&fake.subscriber_lock);
    fake.event = event;
    fake.event_data = data;
    pthread_rwlock_unlock(&fake.subscriber_lock);
    *ret_id = 7;
    return 0;
}

static void fake_unsubscribe(struct llmspell_ctx *ctx, uint64_t id)
{
    (void)ctx, (void)id;
    pthread_rwlock_wrlock(&fake.subscriber_lock);
    fake.event = NULL;
    pthread_rwlock_unlock(&fake.subscriber_lock);
}

static const void *fake_extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct llmspell_kernel kernel = {.size = sizeof kernel,
                                                  .submit = fake_submit,
                                                  .subscribe = fake_subscribe,
                                                  .unsubscribe = fake_unsubscribe};
    (void)ctx;
    return strcmp(id, LLMSPELL_KERNEL) == 0 ? &kernel : NULL;
}

/* ---- start and end ---- */

/* Loads the plugin and opens it; *ret_self is its self. */
static void fake_open(const json_t *config, void **ret_self)
{
    fake.host = (struct llmspell_host){sizeof fake.host, LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR,
                                       fake_log,         fake_fail,          fake_cancelled,
                                       fake_progress,    fake_extension};
    fake.call = (struct llmspell_call){sizeof fake.call, 0, &fake.host, &fake_ctx};
    void *file = dlopen(BUILD_DIR "/lib/llmspell/protocols/jupyter.so", RTLD_NOW | RTLD_LOCAL);
    if (!file)
        printf("%s\n", dlerror());
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fake.plugin = dlsym(file, LLMSPELL_PROTOCOL_SYMBOL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fake.plugin);
    CU_ASSERT_FATAL(fake.plugin->open(&fake.call, config, ret_self) == 0);
}

static void fake_start(void)
{
    fake.last = &fake.first;
    fake.ended = fake.interrupted = fake.warnings = 0;
    fake.answered = 0;
    pthread_mutex_init(&fake.lock, NULL);
    pthread_cond_init(&fake.changed, NULL);
    pthread_rwlock_init(&fake.subscriber_lock, NULL);
    pthread_create(&fake.executor, NULL, fake_executor, NULL);
}

static void fake_end(void)
{
    pthread_mutex_lock(&fake.lock);
    fake.ended = 1;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
    pthread_join(fake.executor, NULL);
    json_decref(fake.input);
    fake.input = NULL;
}

#endif
