/* SPDX-License-Identifier: Apache-2.0
 * The jupyter plugin's connecting half against its serving half: what `llmspell --kernel` does. */
#include "test.h"

#include <sys/wait.h>
#include <time.h>

#include "fake_kernel.h"

/* What a request's callbacks saw. */
struct seen {
    char types[512]; /* msg_types, each followed by a space */
    size_t text;     /* bytes of streams */
    size_t lines;
    char last_parent[512];
    const char *line; /* what input answers */
    int cancel_write; /* written when execute_input comes; -1: none */
    void *stop;       /* the self of a server to be stopped then; or NULL */
};

static void *self;
static json_t *connection;
static void *channel;

static void on_event(void *data, const struct llmspell_message *message)
{
    struct seen *seen = data;
    const json_t *text = json_object_get(message->content, "text");
    if (strlen(seen->types) + strlen(message->msg_type) + 2 < sizeof seen->types &&
        (!text || seen->text == 0)) {
        size_t used = strlen(seen->types);
        snprintf(seen->types + used, sizeof seen->types - used, "%s ", message->msg_type);
    }
    for (size_t i = 0; i < json_string_length(text); i++)
        seen->lines += json_string_value(text)[i] == '\n';
    seen->text += json_string_length(text);
    snprintf(seen->last_parent, sizeof seen->last_parent, "%.*s", (int)message->parent_size,
             message->parent);
    if (strcmp(message->msg_type, "execute_input") != 0)
        return;
    if (seen->cancel_write >= 0)
        CU_ASSERT(write(seen->cancel_write, "abc", 3) == 3);
    if (seen->stop)
        fake.plugin->stop(seen->stop);
}

static json_t *on_input(void *data, const json_t *content)
{
    struct seen *seen = data;
    CU_ASSERT_STRING_EQUAL(llmspell_string(content, "prompt"), "> ");
    return seen->line ? json_string(seen->line) : NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void setup_transport(const char *transport)
{
    LLMSPELL_CLEANUP_JSON json_t *empty = json_object();
    LLMSPELL_CLEANUP_JSON json_t *config = json_pack("{s:s}", "transport", transport);
    fake_start();
    fake_open(config, &self);
    CU_ASSERT_FATAL(fake.plugin->serve(self, &fake.call, empty, &connection) == 0);
    CU_ASSERT_FATAL(fake.plugin->connect(self, &fake.call, connection, 10000, &channel) == 0);
}

static void setup(void)
{
    setup_transport("tcp");
}

static void teardown(void)
{
    fake.plugin->disconnect(channel);
    fake.plugin->stop(self);
    fake.plugin->close(self);
    json_decref(connection);
    fake_end();
}

/* content is taken over; returns the reply or NULL, and *ret_result. */
static json_t *ask(const char *msg_type, json_t *content, struct seen *seen, int cancel_fd,
                   int timeout_ms, int32_t *ret_result)
{
    json_t *reply = NULL;
    struct llmspell_client_request request = {
        .size = sizeof request,
        .timeout_ms = timeout_ms,
        .msg_type = msg_type,
        .content = content,
        .event = seen ? on_event : NULL,
        .input = seen ? on_input : NULL,
        .data = seen,
        .cancel_fd = cancel_fd,
    };
    *ret_result = fake.plugin->request(channel, &fake.call, &request, &reply);
    json_decref(content);
    return reply;
}

static json_t *execute(const char *code, struct seen *seen, int cancel_fd, int timeout_ms,
                       int32_t *ret_result)
{
    return ask("execute_request", json_pack("{s:s}", "code", code), seen, cancel_fd, timeout_ms,
               ret_result);
}

static void test_execute(void)
{
    struct seen seen = {.cancel_write = -1};
    int32_t result;
    setup();
    for (int i = 0; i < 50; i++) {
        seen.types[0] = 0;
        LLMSPELL_CLEANUP_JSON json_t *reply = execute("x = 1", &seen, -1, 10000, &result);
        CU_ASSERT(result == 0);
        CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "status"), "ok");
        CU_ASSERT_STRING_EQUAL(seen.types, "status execute_input status ");
        CU_ASSERT_PTR_NOT_NULL(strstr(seen.last_parent, "\"msg_type\":\"execute_request\""));
    }
    teardown();
}

static void test_ipc(void)
{
    struct seen seen = {.cancel_write = -1};
    int32_t result;
    setup_transport("ipc");
    CU_ASSERT_STRING_EQUAL(llmspell_string(connection, "transport"), "ipc");
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("x = 1", &seen, -1, 10000, &result);
    CU_ASSERT(result == 0 && reply);
    CU_ASSERT_STRING_EQUAL(seen.types, "status execute_input status ");
    seen.stop = self;
    LLMSPELL_CLEANUP_JSON json_t *lost = execute("loop", &seen, -1, -1, &result);
    CU_ASSERT(result == LLMSPELL_ENETWORK && !lost);
    fake_interrupt();
    teardown();
}

static void test_control(void)
{
    int32_t result;
    setup();
    LLMSPELL_CLEANUP_JSON json_t *reply =
        ask("tool_request", json_pack("{s:s}", "command", "list"), NULL, -1, -1, &result);
    CU_ASSERT(result == 0 && json_is_true(json_object_get(reply, "control")));
    CU_ASSERT_STRING_EQUAL(llmspell_string(json_object_get(reply, "result"), "command"), "list");
    LLMSPELL_CLEANUP_JSON json_t *info =
        ask("kernel_info_request", json_object(), NULL, -1, -1, &result);
    CU_ASSERT(result == 0); /* the version is that of the wire, not what the kernel wrote */
    CU_ASSERT_STRING_EQUAL(llmspell_string(info, "protocol_version"), LLMSPELL_MESSAGES_VERSION);
    LLMSPELL_CLEANUP_JSON json_t *down =
        ask("shutdown_request", json_object(), NULL, -1, 10000, &result);
    CU_ASSERT(result == 0 && down);
    teardown();
}

static void test_refused(void)
{
    struct seen seen = {.cancel_write = -1};
    int32_t result;
    setup();
    LLMSPELL_CLEANUP_JSON json_t *unknown =
        ask("strange_request", json_object(), &seen, -1, 10000, &result);
    CU_ASSERT(result == 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(unknown, "ename"), "UnknownMessage");
    CU_ASSERT_STRING_EQUAL(seen.types, "status status ");
    fake.refuse_all = LLMSPELL_EBUSY;
    LLMSPELL_CLEANUP_JSON json_t *busy = execute("x", &seen, -1, 10000, &result);
    CU_ASSERT(result == 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(busy, "ename"), "ShuttingDown");
    fake.refuse_all = LLMSPELL_EUNAVAILABLE; /* a reload: the kernel does not end */
    LLMSPELL_CLEANUP_JSON json_t *stopped = execute("x", &seen, -1, 10000, &result);
    fake.refuse_all = 0;
    CU_ASSERT(result == 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(stopped, "ename"), "unavailable");
    CU_ASSERT(fake.warnings >= 2);
    seen.types[0] = 0; /* no reply belongs to this one: idle is enough */
    LLMSPELL_CLEANUP_JSON json_t *comm =
        ask("comm_open", json_pack("{s:s}", "comm_id", "c1"), &seen, -1, 10000, &result);
    CU_ASSERT(result == 0 && json_object_size(comm) == 0);
    CU_ASSERT_STRING_EQUAL(seen.types, "status comm_close status ");
    teardown();
}

static void test_much_output(void)
{
    struct seen seen = {.cancel_write = -1};
    int32_t result;
    setup();
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("print 300000", &seen, -1, 30000, &result);
    CU_ASSERT(result == 0 && reply);
    CU_ASSERT(seen.lines == 300000);
    teardown();
}

static void test_large(void)
{
    int32_t result;
    size_t size = 3 << 20;
    setup();
    char *text = malloc(size);
    for (size_t i = 0; i < size; i++)
        text[i] = "abcdefgh\n\"\\\x01"[i % 12];
    json_t *content = json_pack("{s:s%}", "input", text, size);
    LLMSPELL_CLEANUP_JSON json_t *reply =
        ask("tool_request", json_incref(content), NULL, -1, 30000, &result);
    CU_ASSERT(result == 0 && json_equal(json_object_get(reply, "result"), content));
    json_decref(content);
    free(text);
    teardown();
}

static void test_input(void)
{
    struct seen seen = {.cancel_write = -1, .line = "h\xC3\xA9llo"};
    int32_t result;
    setup();
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("input", &seen, -1, 10000, &result);
    CU_ASSERT(result == 0);
    CU_ASSERT_STRING_EQUAL(llmspell_string(reply, "got"), "h\xC3\xA9llo");
    seen.line = NULL;
    LLMSPELL_CLEANUP_JSON json_t *end = execute("input", &seen, -1, 10000, &result);
    CU_ASSERT(result == 0 && json_is_null(json_object_get(end, "got")));
    LLMSPELL_CLEANUP_JSON json_t *none =
        ask("execute_request", json_pack("{s:s, s:b}", "code", "input", "allow_stdin", 0), &seen,
            -1, 10000, &result);
    CU_ASSERT_STRING_EQUAL(llmspell_string(none, "got"), "no stdin");
    teardown();
}

static void test_cancel(void)
{
    int fds[2];
    char byte;
    struct seen seen = {0};
    int32_t result;
    setup();
    CU_ASSERT_FATAL(pipe(fds) == 0);
    seen.cancel_write = fds[1];
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("loop", &seen, fds[0], 10000, &result);
    CU_ASSERT(result == 0 && reply);
    close(fds[1]); /* read empty: what follows is the end */
    CU_ASSERT(read(fds[0], &byte, 1) == 0);
    seen.cancel_write = -1;
    LLMSPELL_CLEANUP_JSON json_t *again = execute("x", &seen, fds[0], 10000, &result);
    CU_ASSERT(result == 0 && again); /* an end is no reason to spin, nor to interrupt */
    CU_ASSERT(!fake.interrupted);
    close(fds[0]);
    teardown();
}

static void test_timeout(void)
{
    int32_t result;
    setup();
    int64_t start = now_ms();
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("loop", NULL, -1, 100, &result);
    CU_ASSERT(result == LLMSPELL_ETIMEOUT && !reply);
    CU_ASSERT(now_ms() - start >= 100 && now_ms() - start < 5000);
    LLMSPELL_CLEANUP_JSON json_t *stop =
        ask("interrupt_request", json_object(), NULL, -1, 10000, &result);
    CU_ASSERT(result == 0 && stop);
    LLMSPELL_CLEANUP_JSON json_t *next = execute("x", NULL, -1, 10000, &result);
    CU_ASSERT(result == 0 && next); /* the late reply to the first one does not disturb it */
    teardown();
}

/* A second server of the same process is stopped while its code runs: the connection breaks. */
static void test_lost(void)
{
    LLMSPELL_CLEANUP_JSON json_t *empty = json_object();
    struct seen seen = {.cancel_write = -1};
    void *other;
    int32_t result;
    setup();
    fake_open(empty, &other);
    seen.stop = self;
    LLMSPELL_CLEANUP_JSON json_t *reply = execute("loop", &seen, -1, -1, &result);
    CU_ASSERT(result == LLMSPELL_ENETWORK && !reply);
    seen.stop = NULL;
    LLMSPELL_CLEANUP_JSON json_t *next = execute("x", &seen, -1, -1, &result);
    CU_ASSERT(result == LLMSPELL_ENETWORK && !next);
    fake_interrupt(); /* its reply and its done go into the stopped server */
    fake.plugin->close(other);
    teardown();
}

static void test_connect_fails(void)
{
    void *none = NULL;
    setup();
    LLMSPELL_CLEANUP_JSON json_t *wrong = json_deep_copy(connection);
    json_object_set_new(wrong, "key", json_string("another key"));
    CU_ASSERT(fake.plugin->connect(self, &fake.call, wrong, 200, &none) == LLMSPELL_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "key"));
    json_object_set_new(wrong, "control_port", json_integer(0));
    CU_ASSERT(fake.plugin->connect(self, &fake.call, wrong, 200, &none) == LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "control_port"));
    json_object_set_new(wrong, "transport", json_string("udp"));
    CU_ASSERT(fake.plugin->connect(self, &fake.call, wrong, 200, &none) == LLMSPELL_EINVAL);
    json_object_set_new(wrong, "signature_scheme", json_string("hmac-md5"));
    CU_ASSERT(fake.plugin->connect(self, &fake.call, wrong, 200, &none) == LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_PTR_NULL(none);
    teardown();
}

/* A connection file of a process that is no more: said at once, even without a time limit. */
static void test_connect_gone(void)
{
    void *none = NULL;
    setup();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    CU_ASSERT_FATAL(pid > 0 && waitpid(pid, NULL, 0) == pid);
    LLMSPELL_CLEANUP_JSON json_t *stale = json_deep_copy(connection);
    json_object_set_new(stale, "pid", json_integer(pid));
    fake.plugin->disconnect(channel);
    channel = NULL;
    fake.plugin->stop(self);
    CU_ASSERT(fake.plugin->connect(self, &fake.call, stale, -1, &none) == LLMSPELL_ENETWORK);
    teardown();
}

static void *run_channel(void *data)
{
    void *own = NULL;
    size_t failed = 0;
    struct llmspell_call call = fake.call;
    struct llmspell_client_request request = {.size = sizeof request,
                                              .timeout_ms = 30000,
                                              .msg_type = "tool_request",
                                              .content = data,
                                              .cancel_fd = -1};
    if (fake.plugin->connect(self, &call, connection, 30000, &own) < 0)
        return (void *)1;
    for (int i = 0; i < 100; i++) {
        json_t *reply = NULL;
        failed += fake.plugin->request(own, &call, &request, &reply) < 0;
        json_decref(reply);
    }
    fake.plugin->disconnect(own);
    return (void *)failed;
}

static void test_channels(void)
{
    pthread_t threads[4];
    json_t *contents[4];
    setup();
    for (int i = 0; i < 4; i++) {
        contents[i] = json_pack("{s:i}", "n", i);
        CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, run_channel, contents[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        CU_ASSERT_PTR_NULL(failed);
        json_decref(contents[i]);
    }
    teardown();
}

TEST_MAIN("client", {"execute", test_execute}, {"ipc", test_ipc}, {"control", test_control},
          {"refused", test_refused}, {"much output", test_much_output},
          {"large messages", test_large}, {"input", test_input}, {"cancel", test_cancel},
          {"timeout", test_timeout}, {"kernel lost", test_lost},
          {"connect fails", test_connect_fails}, {"kernel gone", test_connect_gone},
          {"channels in threads", test_channels})
