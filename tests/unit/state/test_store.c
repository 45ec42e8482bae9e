/* SPDX-License-Identifier: Apache-2.0
 * host/state/module/store.c through the loaded module: values, limits, several processes and
 * threads at once, a writer that does not let go. */
#include "state/state.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/call.h"
#include "plugin/module.h"
#include "test.h"

#define PROCESSES 6
#define ROUNDS 150

static char folder[] = "/tmp/test_store.XXXXXX";
static struct llmspell_ctx ctx = {.source = "tool:test"};

static const struct state_module *module(void)
{
    const void *table = NULL;
    struct error error = {.message = ""};
    if (module_load(STATE_MODULE, STATE_MODULE_SYMBOL, &table, &error) < 0)
        printf("\n%s", error.message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    return table;
}

static struct state_store *open_store(const char *name)
{
    char path[128];
    struct state_store *store = NULL;
    struct error error = {.message = ""};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (module()->open(path, &store, &error) < 0)
        printf("\n%s", error.message);
    return store;
}

/* Adds one to "n" by swap, until nobody was in between. False: an error. */
static int add_one(struct state_store *store, struct call *call)
{
    for (;;) {
        json_t *before = NULL;
        if (module()->get(store, &call->base, "n", &before, NULL) < 0)
            return 0;
        json_t *after = json_integer(json_integer_value(before) + 1);
        int rc = module()->swap(store, &call->base, "n", before, after, NULL);
        json_decref(before);
        json_decref(after);
        if (rc != 0)
            return rc == 1;
    }
}

static json_int_t count(struct state_store *store)
{
    struct call call;
    json_t *value = NULL;
    call_init(&call, &ctx);
    CU_ASSERT_EQUAL(module()->get(store, &call.base, "n", &value, NULL), 1);
    json_int_t n = json_integer_value(value);
    json_decref(value);
    return n;
}

/* Opens the store itself, as a runner does: six make the file at the same time. */
static int run_process(void)
{
    struct call call;
    struct state_store *store = open_store("forked.db");
    int good = store != NULL;
    call_init(&call, &ctx);
    for (int i = 0; good && i < ROUNDS; i++)
        good = add_one(store, &call);
    module()->close(store);
    return good ? 0 : 1;
}

static void test_processes(void)
{
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(run_process());
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        CU_ASSERT_EQUAL(waitpid(children[i], &status, 0), children[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
    struct state_store *store = open_store("forked.db");
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    CU_ASSERT_EQUAL(count(store), PROCESSES * ROUNDS);
    module()->close(store);
}

static void *run_thread(void *data)
{
    struct call call;
    call_init(&call, &ctx);
    for (int i = 0; i < ROUNDS; i++)
        if (!add_one(data, &call))
            return NULL;
    return data;
}

static void test_threads(void)
{
    pthread_t threads[4];
    struct state_store *store = open_store("threads.db");
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run_thread, store);
    for (int i = 0; i < 4; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        CU_ASSERT_PTR_NOT_NULL(good);
    }
    CU_ASSERT_EQUAL(count(store), 4 * ROUNDS);
    module()->close(store);
}

/* A child holds the store; our call is cancelled, and waits no longer. */
static void test_cancelled_while_busy(void)
{
    int ready[2], done[2];
    char byte = 0, command[256];
    struct call call;
    struct cancel cancel;
    cancel_init(&cancel);
    cancel_set(&cancel);
    struct state_store *store = open_store("busy.db");
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    CU_ASSERT_EQUAL_FATAL(pipe(ready) | pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        /* The lock that SQLite's writers hold: byte 120 of the shared memory (WAL_WRITE_LOCK). */
        snprintf(command, sizeof command, "%s/busy.db-shm", folder);
        int fd = open(command, O_RDWR);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 1};
        byte = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
        _exit(write(ready[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 1 ? 0 : 1);
    }
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    CU_ASSERT_EQUAL_FATAL(byte, 'y');
    call_init(&call, &ctx);
    call.cancel = &cancel;
    json_t *value = json_true();
    CU_ASSERT_EQUAL(module()->set(store, &call.base, "k", value, NULL), LLMSPELL_ECANCELLED);
    cancel_clear(&cancel);
    cancel_init(&cancel);
    call.deadline_ns = clock_monotonic_ns() + 50000000;
    CU_ASSERT_EQUAL(module()->set(store, &call.base, "k", value, NULL), LLMSPELL_ETIMEOUT);
    call.deadline_ns = 0;
    CU_ASSERT_EQUAL(module()->get(store, &call.base, "k", &value, NULL), 0); /* readers go on */
    CU_ASSERT_EQUAL(write(done[1], "x", 1), 1);
    waitpid(child, NULL, 0);
    CU_ASSERT_EQUAL(module()->set(store, &call.base, "k", value, NULL), 0);
    module()->close(store);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(done[i]);
    }
}

static void test_limits(void)
{
    struct call call;
    char key[32];
    struct error error = {.message = ""};
    struct state_store *store = open_store("limits.db");
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    call_init(&call, &ctx);
    char *text = malloc(LLMSPELL_STATE_VALUE_MAX);
    memset(text, 'x', LLMSPELL_STATE_VALUE_MAX);
    json_t *fits = json_stringn(text, LLMSPELL_STATE_VALUE_MAX - 2);
    json_t *large = json_stringn(text, LLMSPELL_STATE_VALUE_MAX - 1);
    free(text);
    CU_ASSERT_EQUAL(module()->set(store, &call.base, "k", large, &error), LLMSPELL_ELIMIT);
    int rc = 0, n = 0;
    for (; rc == 0 && n < 100; n++) {
        snprintf(key, sizeof key, "k%02d", n);
        rc = module()->set(store, &call.base, key, fits, &error);
    }
    CU_ASSERT_EQUAL(rc, LLMSPELL_ELIMIT);
    CU_ASSERT(n > 55 && n <= 64);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "full"));
    json_t *value = NULL;
    CU_ASSERT_EQUAL(module()->get(store, &call.base, key, &value, &error), 0);
    CU_ASSERT_EQUAL(module()->get(store, &call.base, "k00", &value, &error), 1);
    CU_ASSERT_TRUE(json_equal(value, fits));
    CU_ASSERT_EQUAL(module()->remove(store, &call.base, "k00", &error), 1);
    CU_ASSERT_EQUAL(module()->set(store, &call.base, key, fits, &error), 0);
    json_decref(value);
    json_decref(fits);
    json_decref(large);
    module()->close(store);
}

static void test_a_link_is_not_followed(void)
{
    char path[128], target[128];
    struct state_store *store = NULL;
    struct error error;
    snprintf(path, sizeof path, "%s/link.db", folder);
    snprintf(target, sizeof target, "%s/elsewhere.db", folder);
    CU_ASSERT_EQUAL(symlink(target, path), 0);
    CU_ASSERT_EQUAL(module()->open(path, &store, &error), LLMSPELL_EIO);
    CU_ASSERT_PTR_NULL(store);
    CU_ASSERT_NOT_EQUAL(access(target, F_OK), 0);
}

static void test_end(void)
{
    static const char *const names[] = {"forked.db", "threads.db", "busy.db", "limits.db",
                                        "link.db"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    CU_ASSERT_EQUAL(rmdir(folder), 0); /* no log was left by a store that was closed */
}

static void test_begin(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

TEST_MAIN("store", {"folder", test_begin}, {"processes", test_processes}, {"threads", test_threads},
          {"cancelled while busy", test_cancelled_while_busy}, {"limits", test_limits},
          {"a link is not followed", test_a_link_is_not_followed}, {"nothing is left", test_end})
