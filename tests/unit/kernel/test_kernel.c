/* SPDX-License-Identifier: Apache-2.0
 * host/kernel: a whole kernel in this process with the built plugins, through its local channel and
 * through submit from many threads. Also runs under TSan. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "kernel/kernel.h"
#include "kernel/local.h"

struct fixture {
    struct config *config;
    struct catalog *catalog;
    struct kernel *kernel;
};

static void set_up(struct fixture *f)
{
    static const char *const folders[] = {BUILD_DIR "/lib/llmspell", NULL};
    struct catalog_options catalog = {
        .folders = folders, .allow_writable = true, .bundled = folders};
    struct config_options config = {
        .skip_environment = true, .system_dir = "/nonexistent", .home = "/nonexistent"};
    struct error error = {0};
    CU_ASSERT_EQUAL_FATAL(config_load(&config, &f->config, &error), 0);
    CU_ASSERT_EQUAL_FATAL(catalog_open(&catalog, &f->catalog, &error), 0);
    struct kernel_options options = {
        .config = f->config, .catalog = f->catalog, .id = "unit", .workdir = "/tmp"};
    CU_ASSERT_EQUAL_FATAL(kernel_new(&options, &f->kernel, &error), 0);
}

static void tear_down(struct fixture *f)
{
    CU_ASSERT_EQUAL(kernel_shutdown(f->kernel, 5000, 1000), 0);
    kernel_free(f->kernel);
    catalog_unref(f->catalog);
    config_unref(f->config);
}

/* What one request's events were, as "busy execute_input stream:hi …". */
struct trace {
    char text[4096];
};

static void on_event(void *data, const struct llmspell_message *message)
{
    struct trace *trace = data;
    const char *detail = llmspell_string(message->content, "execution_state");
    if (!detail)
        detail = llmspell_string(message->content, "text");
    if (!detail)
        detail = llmspell_string(json_object_get(message->content, "data"), "text/plain");
    size_t used = strlen(trace->text);
    snprintf(trace->text + used, sizeof trace->text - used, "%s%s%s ", message->msg_type,
             detail ? ":" : "", detail ? detail : "");
}

/* Sends a request and waits; NULL if it was not answered. Takes over content. [any-thread] */
static json_t *try_request(struct fixture *f, const char *msg_type, json_t *content,
                           struct trace *trace)
{
    struct error error = {0};
    json_t *reply = NULL;
    struct llmspell_client_request request = {.size = sizeof request,
                                              .timeout_ms = 60000,
                                              .msg_type = msg_type,
                                              .content = content,
                                              .event = trace ? on_event : NULL,
                                              .data = trace,
                                              .cancel_fd = -1};
    local_request(f->kernel, &request, &reply, &error);
    json_decref(content);
    return reply;
}

static json_t *request(struct fixture *f, const char *msg_type, json_t *content,
                       struct trace *trace)
{
    json_t *reply = try_request(f, msg_type, content, trace);
    CU_ASSERT_PTR_NOT_NULL_FATAL(reply);
    return reply;
}

static json_t *code(const char *text)
{
    return json_pack("{s:s}", "code", text);
}

static void test_execute(void)
{
    struct fixture f;
    struct trace trace = {""};
    set_up(&f);
    json_t *reply = request(&f, "execute_request", code("print('hi') return 6*7"), &trace);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "ok");
    CU_ASSERT_EQUAL(llmspell_integer(reply, "execution_count", 0), 1);
    CU_ASSERT_STRING_EQUAL(trace.text, "status:busy execute_input stream:hi\n execute_result:42 "
                                       "status:idle ");
    json_decref(reply);
    trace.text[0] = '\0';
    reply = request(&f, "execute_request", code("error('no')"), &trace);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "error");
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "execute_input error status:idle"));
    json_decref(reply);
    trace.text[0] = '\0';
    reply = request(&f, "execute_request",
                    json_pack("{s:s, s:b}", "code", "x = 1 return x", "silent", 1), &trace);
    CU_ASSERT_EQUAL(llmspell_integer(reply, "execution_count", 0), 2);
    CU_ASSERT_STRING_EQUAL(trace.text, "status:busy status:idle ");
    json_decref(reply);
    tear_down(&f);
}

static void test_requests(void)
{
    struct fixture f;
    set_up(&f);
    json_t *reply = request(&f, "kernel_info_request", json_object(), NULL);
    CU_ASSERT_STRING_EQUAL(llmspell_string(json_object_get(reply, "language_info"), "name"), "lua");
    json_decref(reply);
    reply = request(&f, "status_request", json_object(), NULL);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "kernel_id"), "unit");
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "execution_state"), "idle");
    json_decref(reply);
    reply = request(&f, "tool_request",
                    json_pack("{s:s, s:s, s:{s:s}}", "command", "invoke", "name", "Calculator",
                              "params", "expression", "2^10"),
                    NULL);
    CU_ASSERT_EQUAL(llmspell_integer(json_object_get(reply, "result"), "result", 0), 1024);
    json_decref(reply);
    reply = request(&f, "tool_request", json_pack("{s:s}", "command", "nope"), NULL);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "error");
    json_decref(reply);
    reply = request(&f, "execute_request", json_object(), NULL); /* no code */
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "error");
    json_decref(reply);
    tear_down(&f);
}

static void ignore_reply(void *data, const char *msg_type, json_t *content)
{
    (void)msg_type;
    atomic_fetch_add((atomic_int *)data, 1);
    json_decref(content);
}

static void test_refused(void)
{
    struct fixture f;
    atomic_int replies = 0;
    set_up(&f);
    struct llmspell_request unknown = {.size = sizeof unknown,
                                       .msg_type = "nonsense_request",
                                       .content = json_object(),
                                       .data = &replies,
                                       .reply = ignore_reply};
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, NULL, &unknown), LLMSPELL_EINVAL);
    struct llmspell_request array = {.size = sizeof array,
                                     .msg_type = "status_request",
                                     .content = json_array(),
                                     .data = &replies,
                                     .reply = ignore_reply};
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, NULL, &array), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(kernel_shutdown(f.kernel, 0, 1000), 0);
    struct llmspell_request late = {
        .size = sizeof late, .msg_type = "status_request", .data = &replies, .reply = ignore_reply};
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, NULL, &late), LLMSPELL_EBUSY);
    CU_ASSERT_EQUAL(atomic_load(&replies), 0);
    tear_down(&f);
}

/* Of a plugin that a reload stops: the kernel goes on, and says so. */
static void test_refused_from_a_stopped_plugin(void)
{
    struct fixture f;
    atomic_int replies = 0;
    set_up(&f);
    struct llmspell_ctx ctx = {0};
    kernel_attach(f.kernel, &ctx);
    struct llmspell_request late = {
        .size = sizeof late, .msg_type = "status_request", .data = &replies, .reply = ignore_reply};
    kernel_detach(f.kernel, &ctx);
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, &ctx, &late), LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_EQUAL(atomic_load(&replies), 0);
    kernel_attach(f.kernel, &ctx); /* it serves again */
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, &ctx, &late), 0);
    CU_ASSERT_EQUAL(atomic_load(&replies), 1);
    kernel_detach(f.kernel, &ctx);
    CU_ASSERT_EQUAL(kernel_shutdown(f.kernel, 0, 1000), 0);
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, &ctx, &late), LLMSPELL_EBUSY);
    tear_down(&f);
}

/* ---- comms ---- */

struct comm_trace {
    struct trace trace;
    char bytes[16];
    uint32_t count;
    char version[16];
    char reply_type[32];
    int done_fd;
};

static void on_comm_event(void *data, const struct llmspell_message *message)
{
    struct comm_trace *seen = data;
    on_event(&seen->trace, message);
    if (message->buffer_count == 0)
        return;
    seen->count = message->buffer_count;
    memcpy(seen->bytes, message->buffers[0].data, message->buffers[0].size);
    const char *version = llmspell_string(message->metadata, "version");
    snprintf(seen->version, sizeof seen->version, "%s", version ? version : "");
}

static void on_comm_reply(void *data, const char *msg_type, json_t *content)
{
    struct comm_trace *seen = data;
    snprintf(seen->reply_type, sizeof seen->reply_type, "%s:%s", msg_type,
             llmspell_string(content, "status"));
    json_decref(content);
}

static void on_comm_done(void *data)
{
    eventfd_write(((struct comm_trace *)data)->done_fd, 1);
}

/* Submits a comm_open of c1 with one buffer and metadata, as a plugin of this size does. */
static void open_comm(struct fixture *f, struct comm_trace *seen, const char *target, uint32_t size)
{
    eventfd_t unused;
    struct llmspell_buffer buffer = {"\0a\xff", 3};
    LLMSPELL_CLEANUP_JSON json_t *metadata = json_pack("{s:s}", "version", "2.1.0");
    struct llmspell_request request = {
        .size = size,
        .msg_type = "comm_open",
        .content = json_pack("{s:s, s:s}", "comm_id", target, "target_name", target),
        .data = seen,
        .reply = on_comm_reply,
        .done = on_comm_done,
        .metadata = metadata,
        .buffers = &buffer,
        .buffer_count = 1,
    };
    CU_ASSERT_EQUAL_FATAL(kernel_submit(f->kernel, NULL, &request), 0);
    CU_ASSERT_EQUAL(eventfd_read(seen->done_fd, &unused), 0);
}

static bool has_runtime(struct fixture *f)
{
    json_t *dump = kernel_dump(f->kernel);
    bool open = llmspell_bool(json_object_get(dump, "runtime"), "open", 0);
    json_decref(dump);
    return open;
}

static void test_comms(void)
{
    struct fixture f;
    struct comm_trace seen = {.done_fd = eventfd(0, EFD_CLOEXEC)};
    uint64_t id = 0;
    set_up(&f);
    json_t *reply = request(&f, "comm_info_request", json_object(), NULL);
    CU_ASSERT_EQUAL(json_object_size(json_object_get(reply, "comms")), 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "ok");
    json_decref(reply);
    CU_ASSERT_FALSE(has_runtime(&f));
    reply = request(&f, "execute_request",
                    code("Comm.register('echo', function(comm, data, buffers, message)"
                         " comm:send({}, buffers, message.metadata) end)"),
                    NULL);
    json_decref(reply);
    CU_ASSERT_TRUE(has_runtime(&f));
    CU_ASSERT_EQUAL_FATAL(kernel_subscribe(f.kernel, on_comm_event, &seen, &id), 0);
    open_comm(&f, &seen, "echo", sizeof(struct llmspell_request));
    CU_ASSERT_STRING_EQUAL(seen.trace.text, "status:busy comm_msg status:idle ");
    CU_ASSERT(seen.count == 1 && memcmp(seen.bytes, "\0a\xff", 4) == 0);
    CU_ASSERT_STRING_EQUAL(seen.version, "2.1.0");
    CU_ASSERT_STRING_EQUAL(seen.reply_type, "comm_open_reply:ok");
    seen.trace.text[0] = '\0';
    open_comm(&f, &seen, "nosuch", sizeof(struct llmspell_request));
    CU_ASSERT_STRING_EQUAL(seen.trace.text, "status:busy comm_close status:idle ");
    CU_ASSERT_STRING_EQUAL(seen.reply_type, "comm_open_reply:error");
    kernel_unsubscribe(f.kernel, id);
    close(seen.done_fd);
    tear_down(&f);
}

/* A request of ABI 1.0 ends before metadata and buffers: what lies behind it is not looked at. */
static void test_short_request(void)
{
    struct fixture f;
    struct comm_trace seen = {.done_fd = eventfd(0, EFD_CLOEXEC)};
    set_up(&f);
    json_t *reply = request(&f, "execute_request",
                            code("Comm.register('count', function(comm, data, buffers, message)"
                                 " count = #buffers end)"),
                            NULL);
    json_decref(reply);
    open_comm(&f, &seen, "count", offsetof(struct llmspell_request, metadata));
    struct trace trace = {""};
    reply = request(&f, "execute_request", code("return count"), &trace);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "execute_result:0"));
    json_decref(reply);
    close(seen.done_fd);
    tear_down(&f);
}

/* ---- interrupts ---- */

#if !defined(__SANITIZE_THREAD__)

static void *interrupt_when_printed(void *data)
{
    struct fixture *f = data;
    kernel_interrupt(f->kernel);
    return NULL;
}

static void interrupt_on_stream(void *data, const struct llmspell_message *message)
{
    pthread_t *thread = ((void **)data)[1];
    if (strcmp(message->msg_type, "stream") == 0 && !*thread)
        pthread_create(thread, NULL, interrupt_when_printed, ((void **)data)[0]);
}

static void test_interrupt(void)
{
    static const char *const loops[] = {
        "print('on') while true do end",
        "print('on') while true do pcall(function() while true do end end) end",
        "print('on') while true do local c = coroutine.wrap(function() while true do end end) c() "
        "end",
    };
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        pthread_t thread = 0;
        void *data[] = {&f, &thread};
        struct error error;
        json_t *content = code(loops[i]), *reply = NULL;
        struct llmspell_client_request request_of = {.size = sizeof request_of,
                                                     .timeout_ms = 60000,
                                                     .msg_type = "execute_request",
                                                     .content = content,
                                                     .event = interrupt_on_stream,
                                                     .data = data,
                                                     .cancel_fd = -1};
        CU_ASSERT_EQUAL_FATAL(local_request(f.kernel, &request_of, &reply, &error), 0);
        CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "ename"), "KeyboardInterrupt");
        pthread_join(thread, NULL);
        json_decref(reply);
        json_decref(content);
        reply = request(&f, "execute_request", code("return 1"), NULL); /* still usable */
        CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "ok");
        json_decref(reply);
    }
    tear_down(&f);
}

static void test_timeout_and_cancel(void)
{
    struct fixture f;
    struct error error;
    json_t *reply = NULL;
    json_t *content = json_pack("{s:s, s:b}", "code", "while true do end", "stop_on_error", 0);
    set_up(&f);
    struct llmspell_client_request request_of = {.size = sizeof request_of,
                                                 .timeout_ms = 50,
                                                 .msg_type = "execute_request",
                                                 .content = content,
                                                 .cancel_fd = -1};
    CU_ASSERT_EQUAL(local_request(f.kernel, &request_of, &reply, &error), LLMSPELL_ETIMEOUT);
    request_of.timeout_ms = 60000;
    request_of.cancel_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    CU_ASSERT_EQUAL(local_request(f.kernel, &request_of, &reply, &error), 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "ename"), "KeyboardInterrupt");
    close(request_of.cancel_fd);
    json_decref(reply);
    json_decref(content);
    tear_down(&f);
}

/* A script that never ends does not hold up the end of the kernel. */
static void test_shutdown_interrupts(void)
{
    struct fixture f;
    atomic_int replies = 0;
    set_up(&f);
    struct llmspell_request endless = {.size = sizeof endless,
                                       .msg_type = "execute_request",
                                       .content = code("while true do end"),
                                       .data = &replies,
                                       .reply = ignore_reply};
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, NULL, &endless), 0);
    endless.content = code("return 2"); /* queued behind it */
    CU_ASSERT_EQUAL(kernel_submit(f.kernel, NULL, &endless), 0);
    CU_ASSERT_EQUAL(kernel_wait_runtime(f.kernel, NULL), 0);
    CU_ASSERT_EQUAL(kernel_shutdown(f.kernel, 10, 1000), 0);
    CU_ASSERT_EQUAL(atomic_load(&replies), 2);
    tear_down(&f);
}

#endif

/* ---- output ---- */

struct joined {
    char *text;
    size_t size;
    unsigned messages;
};

static void join(void *data, const struct llmspell_message *message)
{
    struct joined *joined = data;
    if (strcmp(message->msg_type, "stream") != 0)
        return;
    const json_t *text = json_object_get(message->content, "text");
    size_t n = json_string_length(text);
    memcpy(joined->text + joined->size, json_string_value(text), n);
    joined->size += n;
    joined->messages++;
}

static void test_output_is_whole(void)
{
    struct fixture f;
    struct error error;
    struct joined joined = {.text = calloc(1, 4u << 20)};
    set_up(&f);
    json_t *content = code("for i = 1, 20000 do print('line \xC3\xA9', i) end"), *reply = NULL;
    struct llmspell_client_request request_of = {.size = sizeof request_of,
                                                 .timeout_ms = 60000,
                                                 .msg_type = "execute_request",
                                                 .content = content,
                                                 .event = join,
                                                 .data = &joined,
                                                 .cancel_fd = -1};
    CU_ASSERT_EQUAL_FATAL(local_request(f.kernel, &request_of, &reply, &error), 0);
    const char *at = joined.text;
    unsigned lines = 0;
    for (; *at; lines++) {
        char want[64];
        size_t n = (size_t)snprintf(want, sizeof want, "line \xC3\xA9\t%u\n", lines + 1);
        if (strncmp(at, want, n) != 0)
            break;
        at += n;
    }
    CU_ASSERT_EQUAL(lines, 20000);
    CU_ASSERT_EQUAL(at, joined.text + joined.size);
    CU_ASSERT_TRUE(joined.messages < 20000 / 4); /* joined, not one message a line */
    free(joined.text);
    json_decref(reply);
    json_decref(content);
    tear_down(&f);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS 60

struct hammer {
    struct fixture *fixture;
    int wrong; /* CUnit's own counters are for one thread */
};

static bool is_ok(json_t *reply)
{
    bool ok = llmspell_is(reply, "status", "ok");
    json_decref(reply);
    return ok;
}

static void *hammer(void *data)
{
    struct hammer *hammer = data;
    struct fixture *f = hammer->fixture;
    for (int i = 0; i < ROUNDS; i++) {
        struct trace trace = {""};
        json_t *call = json_pack("{s:s, s:s, s:{s:s}}", "command", "invoke", "name", "calculator",
                                 "params", "input", "1+1");
        hammer->wrong += !is_ok(try_request(f, "tool_request", call, &trace));
        hammer->wrong += strcmp(trace.text, "status:busy status:idle ") != 0;
        hammer->wrong +=
            !is_ok(try_request(f, "execute_request", code("n = (n or 0) + 1 return n"), NULL));
        hammer->wrong += !is_ok(try_request(f, "status_request", json_object(), NULL));
    }
    return NULL;
}

static void test_many_threads(void)
{
    struct fixture f;
    struct trace trace = {""};
    struct hammer hammers[THREADS];
    pthread_t threads[THREADS];
    set_up(&f);
    for (int i = 0; i < THREADS; i++) {
        hammers[i] = (struct hammer){&f, 0};
        pthread_create(&threads[i], NULL, hammer, &hammers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(hammers[i].wrong, 0);
    }
    json_t *reply = request(&f, "execute_request", code("return n"), &trace);
    CU_ASSERT_PTR_NOT_NULL(strstr(trace.text, "execute_result:240"));
    CU_ASSERT_EQUAL(llmspell_integer(reply, "execution_count", 0), THREADS * ROUNDS + 1);
    json_decref(reply);
    tear_down(&f);
}

/* TSan delivers signals only between its own calls: it cannot end a loop of the Lua library. */
#if defined(__SANITIZE_THREAD__)
#define ENDS_LOOPS(name, function)
#else
#define ENDS_LOOPS(name, function) {name, function},
#endif

TEST_MAIN("kernel", {"execute", test_execute}, {"requests", test_requests},
          {"refused", test_refused},
          {"refused from a stopped plugin", test_refused_from_a_stopped_plugin},
          ENDS_LOOPS("interrupt", test_interrupt)
              ENDS_LOOPS("timeout and cancel", test_timeout_and_cancel)
                  ENDS_LOOPS("shutdown interrupts", test_shutdown_interrupts){"output is whole",
                                                                              test_output_is_whole},
          {"many threads", test_many_threads}, {"comms", test_comms},
          {"short request", test_short_request})
