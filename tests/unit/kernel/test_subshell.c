/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/subshell.c and executor_nest.c: whose a request is by its header, the tallies of the
 * queue, and many threads that make, use and delete subshells. Also runs under TSan. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

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
    CU_ASSERT_EQUAL(kernel_shutdown(f->kernel, 20000, 1000), 0);
    kernel_free(f->kernel);
    catalog_unref(f->catalog);
    config_unref(f->config);
}

/* ---- one request, and the wait for it ---- */

struct wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    json_t *reply;
    bool done;
};

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    (void)msg_type;
    ((struct wait *)data)->reply = content;
}

static void on_done(void *data)
{
    struct wait *wait = data;
    pthread_mutex_lock(&wait->lock);
    wait->done = true;
    pthread_cond_signal(&wait->changed);
    pthread_mutex_unlock(&wait->lock);
}

/* header: JSON text, or NULL. Takes content over. [any-thread] */
static json_t *ask(struct fixture *f, const char *header, const char *msg_type, json_t *content)
{
    struct wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct llmspell_request request = {.size = sizeof request,
                                       .msg_type = msg_type,
                                       .content = content,
                                       .parent = header,
                                       .parent_size = header ? (uint32_t)strlen(header) : 0,
                                       .data = &wait,
                                       .reply = on_reply,
                                       .done = on_done};
    if (kernel_submit(f->kernel, NULL, &request) < 0)
        return NULL;
    pthread_mutex_lock(&wait.lock);
    while (!wait.done)
        pthread_cond_wait(&wait.changed, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    return wait.reply;
}

static json_t *execute(struct fixture *f, const char *header, const char *code)
{
    return ask(f, header, "execute_request", json_pack("{s:s}", "code", code));
}

static bool is_ok(json_t *reply)
{
    bool ok = llmspell_is(reply, "status", "ok");
    json_decref(reply);
    return ok;
}

static void create(struct fixture *f, char *id)
{
    json_t *reply = ask(f, NULL, "create_subshell_request", json_object());
    const char *made = llmspell_string(reply, "subshell_id");
    snprintf(id, SUBSHELL_ID_SIZE, "%s", made ? made : "");
    json_decref(reply);
}

static bool delete (struct fixture *f, const char *id)
{
    return is_ok(ask(f, NULL, "delete_subshell_request", json_pack("{s:s}", "subshell_id", id)));
}

/* ---- whose a request is ---- */

/* Each %s is the id of a subshell that there is. */
static const struct {
    const char *header;
    int belongs; /* 1: to it; 0: to the parent; -1: to none, an error */
} HEADERS[] = {
    {"{\"subshell_id\":\"%s\"}", 1},
    {" { \"msg_id\" : \"1\" , \"subshell_id\" :\t\"%s\" } ", 1},
    {"{\"a\":{\"subshell_id\":\"x\"},\"b\":[[{}],\"]\"],\"subshell_id\":\"%s\"}", 1},
    {"{\"a\":\"\\\\\",\"subshell_id\":\"%s\"}", 1},
    {"{\"a\":\"\\\"\",\"subshell_id\":\"%s\"}", 1},
    {"{\"subshell_id\":null,\"x\":\"%s\"}", 0},
    {"{\"subshell_id\" : null}", 0},
    {"{}", 0},
    {"{\"a\":{\"subshell_id\":\"%s\"}}", 0},
    {"{\"a\":[\"subshell_id\",\"%s\"]}", 0},
    {"{\"a\":\"\\\"subshell_id\\\":\\\"%s\\\"\"}", 0},
    {"{\"a\":\"subshell_id\"}", 0},
    {"{\"subshell_id\":\"\"}", -1},
    {"{\"subshell_id\":\"%sx\"}", -1},
    {"{\"subshell_id\":\"nobody\"}", -1},
    {"{\"subshell_id\":1}", -1},
    {"{\"subshell_id\":{\"subshell_id\":\"%s\"}}", -1},
    {"{\"subshell_id\":[\"%s\"]}", -1},
    /* not JSON: no protocol lets these through, and they must do no harm */
    {"{\"subshell_id\":\"%s", 1},
    {"{\"subshell_id\":", -1},
    {"{\"subshell_id\"", 0},
    {"{\"subshell_id\":\"", -1},
    {"\"subshell_id\":\"%s\"", 0},
    {"]]{\"subshell_id\":\"%s\"", 0},
    {"{\"a\":\"\\", 0},
};

static void test_headers(void)
{
    struct fixture f;
    char id[SUBSHELL_ID_SIZE];
    json_int_t own = 0, parents = 0;
    set_up(&f);
    create(&f, id);
    CU_ASSERT_EQUAL(strlen(id), SUBSHELL_ID_SIZE - 1);
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++) {
        char header[256];
        const char *at = strstr(HEADERS[i].header, "%s");
        size_t before = at ? (size_t)(at - HEADERS[i].header) : 0;
        snprintf(header, sizeof header, "%.*s%s%s", (int)before, HEADERS[i].header, at ? id : "",
                 at ? at + 2 : HEADERS[i].header);
        json_t *reply = execute(&f, header, "x = 1");
        bool ok = llmspell_is(reply, "status", "ok");
        json_int_t count = llmspell_integer(reply, "execution_count", 0);
        json_int_t expected = HEADERS[i].belongs > 0    ? ++own
                              : HEADERS[i].belongs == 0 ? ++parents
                                                        : 0;
        if (ok != (HEADERS[i].belongs >= 0) || count != expected)
            fprintf(stderr, "\n%s: count %d, not %d\n", header, (int)count, (int)expected);
        CU_ASSERT_EQUAL(ok, HEADERS[i].belongs >= 0);
        CU_ASSERT_EQUAL(count, expected);
        json_decref(reply);
    }
    CU_ASSERT_TRUE(delete (&f, id));
    CU_ASSERT_FALSE(delete (&f, id));
    CU_ASSERT_FALSE(subshells_exist(&f.kernel->subshells));
    tear_down(&f);
}

/* ---- the queue ---- */

static bool is_second(const struct operation *operation, const void *data)
{
    return operation->lane == data;
}

static void test_queue(void)
{
    struct queue queue;
    struct lane first = {0}, second = {0};
    struct operation a = {.lane = &first}, b = {.lane = &second}, c = {.lane = &second}, d = {0};
    queue_init(&queue);
    queue_push(&queue, &a);
    queue_push(&queue, &b);
    queue_push(&queue, &d);
    queue_push(&queue, &c);
    CU_ASSERT_EQUAL(queue.length, 4);
    CU_ASSERT_EQUAL(first.queued, 1);
    CU_ASSERT_EQUAL(second.queued, 2);
    CU_ASSERT_PTR_EQUAL(queue_take(&queue, is_second, &second), &b);
    CU_ASSERT_PTR_EQUAL(queue_take(&queue, is_second, &second), &c); /* the last one */
    CU_ASSERT_PTR_NULL(queue_take(&queue, is_second, &second));
    queue_push(&queue, &b);
    CU_ASSERT_TRUE(queue_remove(&queue, &b));
    CU_ASSERT_FALSE(queue_remove(&queue, &b));
    CU_ASSERT_PTR_EQUAL(queue_pop(&queue), &a);
    CU_ASSERT_PTR_EQUAL(queue_pop(&queue), &d);
    CU_ASSERT_EQUAL(queue.length + first.queued + second.queued, 0);
    queue_clear(&queue);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS 15
#define CELLS 10

struct worker {
    struct fixture *fixture;
    int wrong; /* CUnit's own counters are for one thread */
};

/* os.time() lets ThreadSanitizer deliver signals. */
static void *work(void *data)
{
    struct worker *worker = data;
    struct fixture *f = worker->fixture;
    for (int i = 0; i < ROUNDS; i++) {
        char id[SUBSHELL_ID_SIZE], header[128];
        create(f, id);
        snprintf(header, sizeof header, "{\"subshell_id\":\"%s\"}", id);
        for (int cell = 1; cell <= CELLS; cell++) {
            json_t *reply = execute(f, header, "for i = 1, 100 do os.time() n = (n or 0) + 0 end");
            worker->wrong += llmspell_integer(reply, "execution_count", 0) != cell;
            worker->wrong += !is_ok(reply);
            worker->wrong += !is_ok(execute(f, NULL, "for i = 1, 100 do os.time() end"));
        }
        worker->wrong += !is_ok(ask(f, NULL, "list_subshell_request", json_object()));
        worker->wrong += !delete (f, id);
    }
    return NULL;
}

static void test_many_threads(void)
{
    struct fixture f;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    set_up(&f);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){&f, 0};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(workers[i].wrong, 0);
    }
    json_t *reply = execute(&f, NULL, "return n");
    CU_ASSERT_EQUAL(llmspell_integer(reply, "execution_count", 0), THREADS * ROUNDS * CELLS + 1);
    CU_ASSERT_TRUE(is_ok(reply));
    CU_ASSERT_FALSE(subshells_exist(&f.kernel->subshells));
    tear_down(&f);
}

/* ---- one in the midst of another ---- */

#define LOOPS 200

/* ThreadSanitizer delivers signals only between its own calls, so that its loop makes some. */
#if defined(__SANITIZE_THREAD__)
#define LOOP "while last < %d do os.time() end"
#else
#define LOOP "while last < %d do end"
#endif

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int begun; /* loops, each of which the next request of the subshell ends */
    struct fixture *fixture;
    char header[128];
    int wrong;
};

/* Before that the loop might come in the midst of what is to end it, and wait for ever. */
static void on_begun(void *data, const struct llmspell_message *message)
{
    struct gate *gate = data;
    if (strcmp(message->msg_type, "execute_input") != 0 || message->parent_size > 0)
        return;
    pthread_mutex_lock(&gate->lock);
    gate->begun++;
    pthread_cond_signal(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void *end_loops(void *data)
{
    struct gate *gate = data;
    for (int i = 1; i <= LOOPS; i++) {
        char code[32];
        pthread_mutex_lock(&gate->lock);
        while (gate->begun < i)
            pthread_cond_wait(&gate->changed, &gate->lock);
        pthread_mutex_unlock(&gate->lock);
        snprintf(code, sizeof code, "last = %d", i);
        gate->wrong += !is_ok(execute(gate->fixture, gate->header, code));
    }
    return NULL;
}

/* Each request comes just as the loop begins, where its wake-up could be lost. */
static void test_in_the_midst(void)
{
    struct fixture f;
    struct gate gate = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fixture = &f};
    char id[SUBSHELL_ID_SIZE], code[64];
    pthread_t thread;
    uint64_t subscription;
    set_up(&f);
    create(&f, id);
    snprintf(gate.header, sizeof gate.header, "{\"subshell_id\":\"%s\"}", id);
    CU_ASSERT_TRUE(is_ok(execute(&f, gate.header, "last = 0")));
    CU_ASSERT_EQUAL_FATAL(kernel_subscribe(f.kernel, on_begun, &gate, &subscription), 0);
    pthread_create(&thread, NULL, end_loops, &gate);
    for (int i = 1; i <= LOOPS; i++) {
        snprintf(code, sizeof code, LOOP, i);
        CU_ASSERT_TRUE(is_ok(execute(&f, NULL, code)));
    }
    pthread_join(thread, NULL);
    kernel_unsubscribe(f.kernel, subscription);
    CU_ASSERT_EQUAL(gate.wrong, 0);
    tear_down(&f);
}

TEST_MAIN("subshell", {"headers", test_headers}, {"queue", test_queue},
          {"in the midst", test_in_the_midst}, {"many threads", test_many_threads})
