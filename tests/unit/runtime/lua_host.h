/* SPDX-License-Identifier: Apache-2.0
 * A host for test_lua.c: loads lua.so, keeps what the runtime writes and emits in memory, answers
 * tool requests for a few made-up tools, and gives lines to io.read. */
#ifndef LUA_HOST_H
#define LUA_HOST_H

#include <CUnit/Basic.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include <llmspell/plugin.h>

struct llmspell_ctx {
    int unused;
};

struct host {
    const struct llmspell_runtime *runtime;
    void *self;
    struct llmspell_call call;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char out[65536], err[65536], log[4096], failure[1024];
    json_t *events; /* [{"msg_type", "content"}] */
    json_t *reply;
    json_t *lines;    /* for io.read; none left: end of input */
    json_t *requests; /* [{"msg_type", "content"}] that the runtime sent */
    int input_blocks; /* io.read waits until it is cancelled */
    int no_stdin;
    int cancelled; /* what host->cancelled answers */
    int asked;     /* io.read is waiting */
    int count;
    const char *path; /* for the next execution */
    json_t *args;
    int silent;
    json_t *expressions;
};

static struct host *the_host; /* the calls have no other way to it */
static struct llmspell_ctx the_ctx;

static void host_log(struct llmspell_ctx *ctx, int32_t level, const char *message)
{
    (void)ctx;
    size_t used = strlen(the_host->log);
    snprintf(the_host->log + used, sizeof the_host->log - used, "%d:%s\n", level, message);
}

static int32_t host_fail(struct llmspell_call *call, int32_t code, const char *path,
                         const char *message)
{
    (void)call;
    (void)path;
    snprintf(the_host->failure, sizeof the_host->failure, "%s", message);
    return code;
}

static int32_t host_cancelled(const struct llmspell_call *call)
{
    (void)call;
    return the_host->cancelled ? LLMSPELL_ECANCELLED : 0;
}

static void host_write(struct llmspell_call *call, int32_t stream, const char *text, uint64_t size)
{
    (void)call;
    struct host *host = the_host;
    char *buffer = stream == LLMSPELL_STDOUT ? host->out : host->err;
    pthread_mutex_lock(&host->lock);
    size_t used = strlen(buffer), room = sizeof host->out - 1 - used;
    size_t taken = size < room ? (size_t)size : room;
    memcpy(buffer + used, text, taken);
    buffer[used + taken] = '\0';
    pthread_cond_broadcast(&host->changed);
    pthread_mutex_unlock(&host->lock);
}

static int32_t host_emit(struct llmspell_call *call, const char *msg_type, json_t *content)
{
    (void)call;
    return json_array_append_new(the_host->events,
                                 json_pack("{s:s, s:o}", "msg_type", msg_type, "content", content));
}

static json_t *tool_entry(const char *name, const char *category, const char *keyword)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:[s], s:s}", "name", name, "title",
                     name, "description", "does things", "category", category, "version", "1.0.0",
                     "level", "safe", "aliases", "alias_of", "keywords", keyword, "file", "x.so");
}

static json_t *tool_error(const char *tool, const char *code, const char *message, const char *path)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s*}, s:f}", "status", "error", "tool", tool,
                     "error", "code", code, "message", message, "path", path, "duration_ms", 0.1);
}

static json_t *tool_info(const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:[s], s:{s:{s:s, s:s}}}}}",
                     "status", "ok", "tool", name, "info", "name", name, "title", "A tool",
                     "description", "does things", "category", "utility", "version", "1.0.0",
                     "parameters", "type", "object", "required", "input", "properties", "input",
                     "type", "string", "description", "what to work on");
}

/* echo gives its parameters back, fail fails; calculator answers 42. */
static json_t *tool_invoke(const char *name, const json_t *params)
{
    json_t *result = NULL;
    if (strcmp(name, "fail") == 0)
        return tool_error(name, "parse_error", "bad digit", "/input");
    if (strcmp(name, "echo") == 0)
        result = json_deep_copy(params);
    else if (strcmp(name, "calculator") == 0)
        result = json_integer(42);
    else
        return tool_error(name, "unknown_tool", "no such tool", NULL);
    return json_pack("{s:s, s:s, s:o, s:f}", "status", "ok", "tool", name, "result", result,
                     "duration_ms", 0.5);
}

static json_t *tool_answer(const json_t *content)
{
    const char *command = llmspell_string(content, "command");
    const char *name = llmspell_string(content, "name");
    if (strcmp(command, "list") == 0 || strcmp(command, "search") == 0)
        return json_pack("{s:s, s:[o, o, o]}", "status", "ok", "tools",
                         tool_entry("calculator", "utility", "math"),
                         tool_entry("echo", "data", "text"), tool_entry("fail", "data", "text"));
    if (strcmp(command, "invoke") == 0)
        return tool_invoke(name, json_object_get(content, "params"));
    if (strcmp(name, "calculator") && strcmp(name, "echo") && strcmp(name, "fail"))
        return tool_error(name, "unknown_tool", "no such tool", NULL);
    return tool_info(name);
}

static int32_t host_request(struct llmspell_call *call, const char *msg_type, json_t *content,
                            json_t **ret_reply)
{
    (void)call;
    json_array_append_new(the_host->requests,
                          json_pack("{s:s, s:O}", "msg_type", msg_type, "content", content));
    if (strcmp(msg_type, "tool_request") == 0)
        *ret_reply = tool_answer(content);
    else
        *ret_reply = json_pack("{s:s, s:s}", "status", "ok", "kernel_id", "k-1");
    json_decref(content);
    return 0;
}

static int32_t host_input(struct llmspell_call *call, const char *prompt, int32_t password,
                          json_t **ret_value)
{
    (void)call;
    (void)prompt;
    (void)password;
    struct host *host = the_host;
    if (host->no_stdin)
        return LLMSPELL_EUNAVAILABLE;
    pthread_mutex_lock(&host->lock);
    host->asked = 1;
    pthread_cond_broadcast(&host->changed);
    while (host->input_blocks)
        pthread_cond_wait(&host->changed, &host->lock);
    int cancelled = host->asked == 2;
    host->asked = 0;
    pthread_mutex_unlock(&host->lock);
    if (cancelled)
        return LLMSPELL_ECANCELLED;
    if (json_array_size(host->lines) == 0)
        return LLMSPELL_ENOTFOUND;
    *ret_value = json_incref(json_array_get(host->lines, 0));
    json_array_remove(host->lines, 0);
    return 0;
}

/* An executor of ABI 1.0. */
static const struct llmspell_executor the_executor = {
    .size = offsetof(struct llmspell_executor, emit_buffers),
    .write = host_write,
    .emit = host_emit,
    .request = host_request,
    .input = host_input};

static const void *host_extension(struct llmspell_ctx *ctx, const char *id)
{
    (void)ctx;
    return strcmp(id, LLMSPELL_EXECUTOR) == 0 ? &the_executor : NULL;
}

static const struct llmspell_host the_functions = {.size = sizeof(struct llmspell_host),
                                                   .abi_major = LLMSPELL_ABI_MAJOR,
                                                   .abi_minor = LLMSPELL_ABI_MINOR,
                                                   .log = host_log,
                                                   .fail = host_fail,
                                                   .cancelled = host_cancelled,
                                                   .extension = host_extension};

/* Opens a runtime with a configuration as JSON text. */
static struct host *host_open(const char *config_text)
{
    struct host *host = calloc(1, sizeof *host);
    void *library = dlopen(BUILD_DIR "/lib/llmspell/runtimes/lua.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    the_host = host;
    host->runtime = dlsym(library, LLMSPELL_RUNTIME_SYMBOL);
    host->call =
        (struct llmspell_call){.size = sizeof host->call, .host = &the_functions, .ctx = &the_ctx};
    pthread_mutex_init(&host->lock, NULL);
    pthread_cond_init(&host->changed, NULL);
    host->events = json_array();
    host->lines = json_array();
    host->requests = json_array();
    json_t *config = json_loads(config_text, 0, NULL);
    if (host->runtime->open(&host->call, config, &host->self) < 0) {
        fprintf(stderr, "open failed: %s\n", host->failure);
        abort();
    }
    json_decref(config);
    return host;
}

static void host_close(struct host *host)
{
    host->runtime->close(host->self);
    json_decref(host->events);
    json_decref(host->reply);
    json_decref(host->lines);
    json_decref(host->requests);
    json_decref(host->args);
    json_decref(host->expressions);
    pthread_cond_destroy(&host->changed);
    pthread_mutex_destroy(&host->lock);
    free(host);
    the_host = NULL;
}

/* Sends a request; the reply stays in host->reply. Takes content over. */
static json_t *host_send(struct host *host, const char *msg_type, json_t *content)
{
    json_decref(host->reply);
    host->reply = NULL;
    int32_t code = host->runtime->request(host->self, &host->call, msg_type, content, &host->reply);
    json_decref(content);
    if (code < 0)
        host->reply = json_pack("{s:s, s:i}", "status", "failed", "code", code);
    return host->reply;
}

static json_t *host_run(struct host *host, const char *code)
{
    json_array_clear(host->events);
    json_array_clear(host->requests);
    pthread_mutex_lock(&host->lock);
    host->out[0] = host->err[0] = '\0';
    pthread_mutex_unlock(&host->lock);
    json_t *content = json_pack("{s:s, s:b, s:i, s:s*, s:O*, s:O*}", "code", code, "silent",
                                host->silent, "execution_count", ++host->count, "path", host->path,
                                "args", host->args, "user_expressions", host->expressions);
    return host_send(host, "execute_request", content);
}

/* The shown result of code; "" if there is none; "ENAME: EVALUE" of an error. */
static const char *host_result(struct host *host, const char *code)
{
    static char text[65536];
    json_t *reply = host_run(host, code);
    if (!llmspell_is(reply, "status", "ok")) {
        snprintf(text, sizeof text, "%s: %s", llmspell_string(reply, "ename"),
                 llmspell_string(reply, "evalue"));
        return text;
    }
    size_t i;
    json_t *event;
    text[0] = '\0';
    json_array_foreach(host->events, i, event)
    {
        json_t *data = json_object_get(json_object_get(event, "content"), "data");
        if (llmspell_is(event, "msg_type", "execute_result"))
            snprintf(text, sizeof text, "%s", llmspell_string(data, "text/plain"));
    }
    return text;
}

/* Waits until the runtime has written text to stdout, or asks for input (text NULL); 0: in vain. */
static inline int host_wait(struct host *host, const char *text)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    int code = 0;
    pthread_mutex_lock(&host->lock);
    while (code == 0 && !(text ? strstr(host->out, text) != NULL : host->asked))
        code = pthread_cond_timedwait(&host->changed, &host->lock, &until);
    pthread_mutex_unlock(&host->lock);
    return code == 0;
}

#define SHOWS(host, code, expected)                                                                \
    do {                                                                                           \
        const char *shown_ = host_result(host, code);                                              \
        if (strcmp(shown_, expected) != 0)                                                         \
            fprintf(stderr, "\n%s:%d: %s\n  shows: %s\n  not:   %s\n", __FILE__, __LINE__, code,   \
                    shown_, expected);                                                             \
        CU_ASSERT_STRING_EQUAL(shown_, expected);                                                  \
    } while (0)

#define HOLDS(text, part)                                                                          \
    do {                                                                                           \
        const char *text_ = text;                                                                  \
        if (!text_ || !strstr(text_, part))                                                        \
            fprintf(stderr, "\n%s:%d: \"%s\" is not in: %s\n", __FILE__, __LINE__, part,           \
                    text_ ? text_ : "(null)");                                                     \
        CU_ASSERT(text_ &&strstr(text_, part));                                                    \
    } while (0)

#endif
