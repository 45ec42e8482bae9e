/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/crash.c and report.c: a child crashes in each way; its report and its end are read.
 */
#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/tree.h"
#include "daemon/crash.h"
#include "util/thread.h"

static void *volatile nowhere = (void *)16;
static volatile int zero;

/* ---- ways to crash ---- */

static void by_pointer(void)
{
    *(volatile int *)nowhere = 1;
}

static void by_null_call(void)
{
    void (*volatile function)(void) = NULL;
    function();
}

static void by_bus(void)
{
    char name[] = "/tmp/llmspell-test-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0); /* beyond its end */
    (void)*page;
}

static void by_division(void)
{
#if defined(__x86_64__)
    zero = 7 / zero;
#else
    raise(SIGFPE);
#endif
}

static void by_trap(void)
{
    __builtin_trap();
}

static void by_abort(void)
{
    abort();
}

static void by_sys(void)
{
    raise(SIGSYS);
}

static void by_breakpoint(void)
{
    raise(SIGTRAP);
}

static unsigned deeper(unsigned depth)
{
    volatile char room[4096];
    room[depth % sizeof room] = (char)depth;
    return depth == UINT32_MAX ? depth : deeper(depth + 1) + (unsigned)room[depth % sizeof room];
}

static void by_overflow(void)
{
    zero = (int)deeper(0);
}

/* ---- a child that crashes ---- */

struct child {
    struct tree tree;
    pid_t pid;
    int status;
    char *log, *err; /* what was written to the log and to stderr */
};

static void *crash_here(void *data)
{
    void (*const *way)(void) = data;
    (*way)();
    return NULL;
}

static void crash_in_thread(void (*way)(void))
{
    pthread_t thread;
    if (thread_start(&thread, "crasher", crash_here, &way) == 0)
        pthread_join(thread, NULL);
}

static int open_in(const struct tree *tree, const char *name)
{
    char path[TREE_MAX];
    return open(tree_path(tree, name, path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Runs body in a child whose stderr is a file; it is expected to die. */
static struct child run(void (*body)(const struct tree *tree))
{
    struct child child = {.status = -1};
    tree_open(&child.tree);
    fflush(stdout);
    child.pid = fork();
    if (child.pid == 0) {
        struct rlimit none = {0}, stack = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_CORE, &none);
        setrlimit(RLIMIT_STACK, &stack);
        dup2(open_in(&child.tree, "err"), STDERR_FILENO);
        body(&child.tree);
        _exit(9);
    }
    CU_ASSERT_EQUAL(waitpid(child.pid, &child.status, 0), child.pid);
    child.log = tree_read(&child.tree, "log");
    child.err = tree_read(&child.tree, "err");
    return child;
}

static void clear(struct child *child)
{
    free(child->log);
    free(child->err);
    tree_close(&child->tree);
}

static bool died_of(const struct child *child, int number)
{
    if (WIFSIGNALED(child->status) && WTERMSIG(child->status) == number)
        return true;
    printf("\n    status %#x instead of signal %d\n%s", child->status, number, child->log);
    return false;
}

static bool has(const char *text, const char *part)
{
    if (strstr(text, part))
        return true;
    printf("\n    \"%s\" is not in: %s\n", part, text);
    return false;
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    while ((text = strstr(text, part))) {
        n++;
        text += strlen(part);
    }
    return n;
}

/* ---- each way, in main and in a thread ---- */

static void (*way_to_crash)(void);
static bool in_thread;

static void install_and_crash(const struct tree *tree)
{
    if (crash_install(open_in(tree, "log"), "unit") != 0)
        _exit(8);
    if (in_thread)
        crash_in_thread(way_to_crash);
    else
        way_to_crash();
}

static const struct {
    void (*way)(void);
    int number;
    const char *cause;
    bool frame; /* the crash is in our own code, so #0 must name this program */
} WAYS[] = {
    {by_pointer, SIGSEGV, "SIGSEGV (address 0x10, code 1)", true},
    {by_null_call, SIGSEGV, "SIGSEGV (address 0x0, code ", false},
    {by_bus, SIGBUS, "SIGBUS (address 0x", true},
    {by_division, SIGFPE, "SIGFPE (", true},
    {by_trap, SIGILL, "SIGILL (", true},
    {by_abort, SIGABRT, "SIGABRT (sent by process ", false},
    {by_sys, SIGSYS, "SIGSYS (sent by process ", false},
    {by_breakpoint, SIGTRAP, "SIGTRAP (sent by process ", false},
    {by_overflow, SIGSEGV, "SIGSEGV (address 0x", true},
};

/* One header, at least one frame in this program, the hint; the same on stderr. */
static void check_report(const struct child *child, size_t way)
{
    char text[256];
    CU_ASSERT_TRUE(died_of(child, WAYS[way].number));
    snprintf(text, sizeof text, "llmspell crashed: %s", WAYS[way].cause);
    CU_ASSERT_EQUAL(strncmp(child->log, text, strlen(text)), 0);
    CU_ASSERT_TRUE(has(child->log, in_thread ? " in thread crasher (" : " in thread main ("));
    CU_ASSERT_TRUE(has(child->log, " of kernel unit, version "));
    CU_ASSERT_EQUAL(count(child->log, "llmspell crashed"), 1);
    CU_ASSERT_TRUE(has(child->log, "\n#0 0x"));
    CU_ASSERT_TRUE(has(child->log, "/test_crash+0x"));
    CU_ASSERT_TRUE(has(child->log, "\nthe source line of a frame: addr2line"));
    CU_ASSERT_STRING_EQUAL(child->log, child->err);
    const char *first = strstr(child->log, "\n#0 ");
    size_t line = first ? strcspn(first + 1, "\n") : 0;
    const char *module = first ? strstr(first, "/test_crash+0x") : NULL;
    CU_ASSERT_TRUE(!WAYS[way].frame || (module && module < first + line));
}

static void test_each_way(void)
{
    for (int thread = 0; thread < 2; thread++)
        for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
            way_to_crash = WAYS[i].way;
            in_thread = thread;
            struct child child = run(install_and_crash);
            check_report(&child, i);
            clear(&child);
        }
}

/* ---- what the report says ---- */

static char *first_line(const char *command)
{
    char *line = calloc(1, 4096);
    FILE *out = popen(command, "r");
    if (!out || !fgets(line, 4096, out))
        line[0] = '\0';
    if (out)
        pclose(out);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* #0 leads addr2line to the function that crashed. */
static void test_addresses(void)
{
    char path[512] = "", command[1024];
    unsigned long offset = 0;
    way_to_crash = by_pointer;
    in_thread = false;
    struct child child = run(install_and_crash);
    const char *frame = strstr(child.log, "\n#0 0x");
    CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
    CU_ASSERT_EQUAL_FATAL(sscanf(frame, "\n#0 0x%*x %511[^+]+0x%lx", path, &offset), 2);
    snprintf(command, sizeof command,
             "nm %s | sort | awk '$1 <= \"%016lx\" {n = $3} END {print n}'", path, offset);
    char *name = first_line(command);
    CU_ASSERT_TRUE(has(name, "by_pointer"));
    free(name);
    clear(&child);
}

static void test_build_id_and_time(void)
{
    char command[512], id[128] = "", when[64] = "", again[64];
    struct tm parts = {0};
    way_to_crash = by_abort;
    in_thread = false;
    time_t before = time(NULL);
    struct child child = run(install_and_crash);
    CU_ASSERT_EQUAL_FATAL(
        sscanf(strstr(child.log, "build id "), "build id %127[0-9a-f], %63s", id, when), 2);
    snprintf(command, sizeof command, "readelf -n /proc/%d/exe | awk '/Build ID/ {print $3}'",
             getpid());
    char *expected = first_line(command);
    CU_ASSERT_STRING_EQUAL(id, expected);
    CU_ASSERT_TRUE(strlen(expected) >= 16);
    CU_ASSERT_PTR_NOT_NULL(strptime(when, "%Y-%m-%dT%H:%M:%SZ", &parts));
    time_t then = timegm(&parts);
    CU_ASSERT_TRUE(then >= before && then <= time(NULL));
    strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%SZ", gmtime(&then));
    CU_ASSERT_STRING_EQUAL(again, when);
    free(expected);
    clear(&child);
}

/* ---- where it goes ---- */

static void crash_after_rotation(const struct tree *tree)
{
    crash_install(open_in(tree, "old"), "unit");
    crash_set_fd(open_in(tree, "log"));
    by_abort();
}

static void test_other_fd(void)
{
    struct child child = run(crash_after_rotation);
    char *old = tree_read(&child.tree, "old");
    CU_ASSERT_STRING_EQUAL(old, "");
    CU_ASSERT_TRUE(has(child.log, "llmspell crashed: SIGABRT"));
    free(old);
    clear(&child);
}

static void crash_onto_stderr(const struct tree *tree)
{
    crash_install(open_in(tree, "err"), "unit"); /* the file that stderr is, too */
    by_abort();
}

static void crash_without_log(const struct tree *tree)
{
    (void)tree;
    crash_install(-1, "unit");
    by_abort();
}

static void test_one_file_for_both(void)
{
    struct child child = run(crash_onto_stderr);
    CU_ASSERT_EQUAL(count(child.err, "llmspell crashed"), 1);
    CU_ASSERT_TRUE(died_of(&child, SIGABRT));
    clear(&child);
    child = run(crash_without_log);
    CU_ASSERT_EQUAL(count(child.err, "llmspell crashed"), 1);
    CU_ASSERT_TRUE(died_of(&child, SIGABRT));
    clear(&child);
}

/* stderr is a pipe of our own, with last words in it. */
static void crash_with_last_words(const struct tree *tree)
{
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        _exit(8);
    crash_install(open_in(tree, "log"), "unit");
    crash_set_drain(ends[0]);
    fputs("free(): invalid pointer\n", stderr);
    by_abort();
}

static void test_drain(void)
{
    struct child child = run(crash_with_last_words);
    const char *expected = "free(): invalid pointer\nllmspell crashed: SIGABRT";
    CU_ASSERT_EQUAL(strncmp(child.log, expected, strlen(expected)), 0);
    CU_ASSERT_EQUAL(count(child.log, "llmspell crashed"), 1);
    CU_ASSERT_TRUE(died_of(&child, SIGABRT));
    clear(&child);
}

/* ---- when it gets worse ---- */

static pthread_barrier_t barrier;

static void *crash_together(void *data)
{
    pthread_barrier_wait(&barrier);
    by_pointer();
    return data;
}

static void crash_in_many(const struct tree *tree)
{
    pthread_t threads[8];
    crash_install(open_in(tree, "log"), "unit");
    pthread_barrier_init(&barrier, NULL, 8);
    for (int i = 0; i < 8; i++)
        thread_start(&threads[i], "crasher", crash_together, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}

static void test_many_at_once(void)
{
    for (int i = 0; i < 20; i++) {
        struct child child = run(crash_in_many);
        CU_ASSERT_TRUE(died_of(&child, SIGSEGV));
        CU_ASSERT_EQUAL(count(child.log, "llmspell crashed"), 1);
        CU_ASSERT_EQUAL(count(child.log, "addr2line"), 1);
        clear(&child);
    }
}

/* The handler's own stack ends, before the frames, at a page that nobody may touch. */
static void crash_in_handler(const struct tree *tree)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = ((size_t)sysconf(_SC_MINSIGSTKSZ) + 2500) & ~(size_t)15;
    char *memory = mmap(NULL, page + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = memory + page, .ss_size = size};
    crash_install(open_in(tree, "log"), "unit");
    if (mprotect(memory + page, size, PROT_READ | PROT_WRITE) != 0 ||
        sigaltstack(&stack, NULL) != 0)
        _exit(8);
    raise(SIGFPE);
}

static void test_crash_in_handler(void)
{
    struct child child = run(crash_in_handler);
    CU_ASSERT_TRUE(died_of(&child, SIGSEGV));
    CU_ASSERT_TRUE(has(child.log, "llmspell crashed: SIGFPE"));
    CU_ASSERT_EQUAL(count(child.log, "addr2line"), 0);
    clear(&child);
}

/* Nobody reads the log: the report is given up, and the signal stays what it was. */
static void crash_into_full_pipe(const struct tree *tree)
{
    int ends[2];
    char fill[4096] = "";
    (void)tree;
    if (pipe2(ends, O_NONBLOCK) != 0)
        _exit(8);
    while (write(ends[1], fill, sizeof fill) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    crash_install(ends[1], "unit");
    crash_in_thread(by_pointer);
}

static void test_stuck(void)
{
    struct child child = run(crash_into_full_pipe);
    CU_ASSERT_TRUE(died_of(&child, SIGSEGV));
    clear(&child);
}

/* A child that was forked and crashes is not the kernel. */
static void crash_in_child(const struct tree *tree)
{
    int status = 0;
    crash_install(open_in(tree, "log"), "unit");
    pid_t child = fork();
    if (child == 0)
        by_pointer();
    waitpid(child, &status, 0);
    _exit(WIFSIGNALED(status) ? WTERMSIG(status) : 8);
}

static void test_forked_child(void)
{
    struct child child = run(crash_in_child);
    CU_ASSERT_EQUAL(WEXITSTATUS(child.status), SIGSEGV);
    CU_ASSERT_STRING_EQUAL(child.log, "");
    clear(&child);
}

/* ---- threads ---- */

struct seen {
    char name[32];
    bool has_stack;
};

static void *look(void *data)
{
    struct seen *seen = data;
    stack_t stack = {0};
    prctl(PR_GET_NAME, seen->name);
    seen->has_stack = sigaltstack(NULL, &stack) == 0 && !(stack.ss_flags & SS_DISABLE);
    return NULL;
}

static void look_at_threads(const struct tree *tree)
{
    struct seen before = {0}, after = {0};
    pthread_t thread;
    thread_start(&thread, "a name that is too long", look, &before);
    pthread_join(thread, NULL);
    crash_install(open_in(tree, "log"), "unit");
    thread_start(&thread, "pool-1", look, &after);
    pthread_join(thread, NULL);
    fprintf(stderr, "%s %d %s %d", before.name, before.has_stack, after.name, after.has_stack);
    fflush(stderr);
}

static void test_threads(void)
{
    struct child child = run(look_at_threads);
    CU_ASSERT_EQUAL(WEXITSTATUS(child.status), 9);
    CU_ASSERT_STRING_EQUAL(child.err, "a name that is  0 pool-1 1");
    clear(&child);
}

/* A sanitizer's own handler says more: then there is nothing of ours to test. */
static void only_without_sanitizer(void (*test)(void))
{
    if (crash_is_supported())
        test();
    else
        printf("skipped: in a sanitizer's build nothing is installed ");
}

#define CASE(name)                                                                                 \
    static void case_##name(void)                                                                  \
    {                                                                                              \
        only_without_sanitizer(test_##name);                                                       \
    }
CASE(each_way)
CASE(addresses)
CASE(build_id_and_time)
CASE(other_fd)
CASE(one_file_for_both)
CASE(drain)
CASE(many_at_once)
CASE(crash_in_handler)
CASE(stuck)
CASE(forked_child)
CASE(threads)

TEST_MAIN("daemon/crash", {"each way", case_each_way}, {"addresses", case_addresses},
          {"build id and time", case_build_id_and_time}, {"other descriptor", case_other_fd},
          {"one file for both", case_one_file_for_both}, {"drain", case_drain},
          {"many at once", case_many_at_once}, {"crash in the handler", case_crash_in_handler},
          {"stuck", case_stuck}, {"forked child", case_forked_child}, {"threads", case_threads})
