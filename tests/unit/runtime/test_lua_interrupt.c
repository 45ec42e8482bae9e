/* SPDX-License-Identifier: Apache-2.0
 * Ending running Lua code: interrupts from a second thread in every kind of loop and wait, the
 * deadline, cancelled calls; and how long an interrupt takes. Each waits for what the script
 * prints, never for a time. */
#include "lua_host.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define ROUNDS 200

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct attack {
    struct host *host;
    const char *sign; /* what the script prints when it is ready; NULL: it asks for input */
    double sent;
};

static void *attack(void *data)
{
    struct attack *attack = data;
    struct host *h = attack->host;
    int ready = host_wait(h, attack->sign);
    attack->sent = ready ? now() : 0;
    if (!attack->sign) { /* as the kernel does: the question is withdrawn */
        pthread_mutex_lock(&h->lock);
        h->asked = 2;
        h->input_blocks = 0;
        pthread_cond_broadcast(&h->changed);
        pthread_mutex_unlock(&h->lock);
    }
    h->runtime->interrupt(h->self);
    return NULL;
}

/* Runs code, interrupts it once it has printed sign; seconds from the interrupt to the reply. */
static double interrupted(struct host *h, const char *sign, const char *code)
{
    struct attack plan = {.host = h, .sign = sign};
    pthread_t thread;
    pthread_mutex_lock(&h->lock);
    h->out[0] = '\0';
    pthread_mutex_unlock(&h->lock);
    pthread_create(&thread, NULL, attack, &plan);
    json_t *reply = host_run(h, code);
    double took = now() - plan.sent;
    pthread_join(thread, NULL);
    if (!llmspell_is(reply, "ename", "KeyboardInterrupt")) {
        char *text = json_dumps(reply, 0);
        fprintf(stderr, "\nnot interrupted: %s\n  %s\n", code, text);
        free(text);
    }
    CU_ASSERT(llmspell_is(reply, "ename", "KeyboardInterrupt"));
    CU_ASSERT(llmspell_is(reply, "status", "error"));
    CU_ASSERT(plan.sent > 0);
    return took;
}

static const char *const LOOPS[] = {
    "print('go') while true do end",
    "print('go') while true do pcall(function() while true do end end) end",
    "print('go') while true do pcall(error) end",
    "print('go') local n = 0 for i = 1, math.huge do n = n + i end",
    "local co = coroutine.wrap(function() while true do for i = 1, 100 do end coroutine.yield() "
    "end "
    "end) print('go') while true do co() end",
    "local co = coroutine.create(function() print('go') while true do end end) "
    "while true do coroutine.resume(co) co = coroutine.create(function() while true do end end) "
    "end",
    "coroutine.wrap(function() coroutine.wrap(function() print('go') while true do end end)() "
    "end)()",
    "print('go') while true do xpcall(function() while true do end end, function(m) "
    "while true do end end) end",
    "print('go') while true do local t = setmetatable({}, {__close = function() while true do end "
    "end}) local x <close> = t end",
    "print('go') setmetatable({}, {__index = function() while true do end end}).x()",
    "print('go') local t = {} while true do t[#t % 1000 + 1] = tostring(#t) .. 'x' end",
    "print('go') while true do print('x') end",
    "print('go') string.gsub(('x'):rep(1e6), '.', function() while true do pcall(error) end end)",
    "print('go') table.sort({3, 1, 2}, function() while true do end end)",
    "print('go') while true do load('x = 1') end",
    "print('go') while true do Tool.echo{} end",
    "local co = coroutine.create(function() local x <close> = setmetatable({}, {__close = "
    "function() "
    "print('go') while true do end end}) coroutine.yield() end) coroutine.resume(co) "
    "coroutine.close(co)",
    "setmetatable({}, {__tostring = function() print('go') while true do end end})",
    "error(setmetatable({}, {__tostring = function() print('go') while true do end end}))",
    "local function deep(n) if n == 0 then print('go') while true do end end return 1 + deep(n - "
    "1) "
    "end deep(150000)"};

static void loops(void)
{
    struct host *h = host_open("{}");
    for (size_t i = 0; i < sizeof LOOPS / sizeof *LOOPS; i++) {
        CU_ASSERT(interrupted(h, "go", LOOPS[i]) < 5);
        SHOWS(h, "1 + 1", "2");
    }
    host_close(h);
}

static void traceback(void)
{
    struct host *h = host_open("{}");
    interrupted(h, "go", "local function spin()\n  print('go')\n  while true do end\nend\nspin()");
    json_t *lines = json_object_get(h->reply, "traceback");
    size_t count = json_array_size(lines); /* print may be on top, if it was still in there */
    CU_ASSERT_FATAL(count == 4 || count == 5);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(lines, 0)), "interrupted");
    HOLDS(json_string_value(json_array_get(lines, count - 2)), "in local 'spin'");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(lines, count - 1)),
                           "\tIn [1]:5: in main chunk");
    host_close(h);
}

static void waits(void)
{
    struct host *h = host_open("{}");
    h->input_blocks = 1;
    interrupted(h, NULL, "io.read()");
    h->input_blocks = 1;
    interrupted(h, NULL, "while true do pcall(io.read) end");
    h->input_blocks = 1;
    interrupted(h, NULL, "for l in io.lines() do end");
    CU_ASSERT(interrupted(h, "go", "print('go') os.execute('sleep 60')") < 20);
    CU_ASSERT(interrupted(h, "go", "print('go') os.execute('trap \"\" TERM; sleep 60; sleep 60')") <
              20);
    char folder[] = "/tmp/lua-interrupt-XXXXXX", fifo[64], code[256];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    CU_ASSERT_EQUAL_FATAL(mkfifo(fifo, 0600), 0);
    snprintf(code, sizeof code, "local f = io.open('%s', 'r+') print('go') f:read()", fifo);
    CU_ASSERT(interrupted(h, "go", code) < 20);
    unlink(fifo);
    rmdir(folder);
    SHOWS(h, "'alive'", "alive");
    host_close(h);
}

static void idle(void)
{
    struct host *h = host_open("{}");
    h->runtime->interrupt(h->self);
    SHOWS(h, "local n = 0 for i = 1, 1e6 do n = n + 1 end n", "1000000");
    for (int i = 0; i < 100; i++) {
        h->runtime->interrupt(h->self);
        SHOWS(h, "coroutine.wrap(function() for i = 1, 1000 do end return 'ok' end)()", "ok");
    }
    SHOWS(h, "debug.gethook()", "");
    host_close(h);
}

/* Interrupts from two threads while cells come and go: each ends well or as interrupted. */
static atomic_int storm_over;

static void *storm(void *data)
{
    struct host *h = data;
    while (!atomic_load(&storm_over))
        h->runtime->interrupt(h->self);
    return NULL;
}

static void storms(void)
{
    struct host *h = host_open("{}");
    pthread_t threads[2];
    int odd = 0;
    atomic_store(&storm_over, 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, storm, h);
    for (int i = 0; i < 300; i++) {
        json_t *reply =
            host_run(h, "local t = {} for i = 1, 50 do t[i] = coroutine.wrap(function() "
                        "return pcall(tostring, i) end)() end #t");
        odd += !llmspell_is(reply, "status", "ok") &&
               !llmspell_is(reply, "ename", "KeyboardInterrupt");
    }
    atomic_store(&storm_over, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(odd, 0);
    SHOWS(h, "1 + 1", "2");
    host_close(h);
}

static void deadline(void)
{
    struct host *h = host_open("{\"timeout_s\": 0.2}");
    double start = now();
    HOLDS(host_result(h, "while true do pcall(error) end"), "TimeoutError: the code ran longer");
    double took = now() - start;
    CU_ASSERT(took >= 0.19 && took < 5);
    SHOWS(h, "1 + 1", "2");
    HOLDS(host_result(h, "os.execute('sleep 60')"), "TimeoutError");
    SHOWS(h, "Tool.calculator{}", "42");
    json_t *last = json_array_get(h->requests, json_array_size(h->requests) - 1);
    json_t *limit = json_object_get(json_object_get(last, "content"), "timeout_ms");
    CU_ASSERT(json_integer_value(limit) > 0 && json_integer_value(limit) <= 201);
    host_close(h);
}

static void cancelled(void)
{
    struct host *h = host_open("{}");
    h->cancelled = 1;
    CU_ASSERT(llmspell_is(host_run(h, "Tool.echo{}"), "ename", "KeyboardInterrupt"));
    h->cancelled = 0;
    SHOWS(h, "1 + 1", "2");
    host_close(h);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void latency(void)
{
    static double took[ROUNDS];
    struct host *h = host_open("{}");
    for (size_t kind = 0; kind < 6; kind++) {
        for (int i = 0; i < ROUNDS; i++)
            took[i] = interrupted(h, "go", LOOPS[kind]);
        qsort(took, ROUNDS, sizeof *took, compare);
        printf("\n    loop %zu: interrupt to reply p50 %.0f us, p99 %.0f us", kind,
               took[ROUNDS / 2] * 1e6, took[ROUNDS * 99 / 100] * 1e6);
        CU_ASSERT(took[ROUNDS / 2] < 0.05); /* generous: machines are shared, sanitizers slow */
    }
    host_close(h);
}

TEST_MAIN("runtime/lua interrupt", {"loops", loops}, {"traceback", traceback}, {"waits", waits},
          {"idle", idle}, {"storms", storms}, {"deadline", deadline}, {"cancelled", cancelled},
          {"latency", latency})
