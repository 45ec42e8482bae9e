/* SPDX-License-Identifier: Apache-2.0
 * host/log/capture.c: what this process and its children print becomes records. Each case runs in a
 * child, since CUnit prints, too; the child's exit status counts what failed. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "config/tree.h"
#include "log/capture.h"
#include "log/logger.h"

static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            log_error("test", "line %d: %s", __LINE__, #condition);                                \
        }                                                                                          \
    } while (0)

/* Runs function with the capture on, and gives what was logged. */
static char *captured(void (*function)(void))
{
    struct tree tree;
    char path[TREE_MAX];
    int status = -1;
    struct logger_options options = {.level = LOG_INFO};
    tree_open(&tree);
    options.file = tree_path(&tree, "x.log", path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        CHECK(logger_open(&options, NULL) == 0);
        CHECK(capture_start(NULL) == 0);
        function();
        capture_stop();
        logger_close();
        _exit(failures);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    char *text = tree_read(&tree, "x.log");
    if (status != 0)
        printf("\n%s\n", text);
    tree_close(&tree);
    return text;
}

static bool put(int fd, const char *text, size_t size)
{
    return write(fd, text, size) == (ssize_t)size;
}

static void print_lines(void)
{
    struct error error = {0};
    CHECK(capture_start(&error) == LLMSPELL_EBUSY);
    CHECK(capture_drain_fd(STDIN_FILENO) == -1);
    CHECK(fcntl(capture_drain_fd(STDOUT_FILENO), F_GETFL) & O_NONBLOCK);
    printf("from stdout\n");
    fprintf(stderr, "from stderr, password=x\n\n");
    CHECK(put(STDERR_FILENO, "half", 4) && put(STDERR_FILENO, " a line\r\nnul \0 byte\n", 20));
    CHECK(put(STDERR_FILENO, "the rest", 8));
}

static void test_lines(void)
{
    char *text = captured(print_lines);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z INFO  stdout: from stdout\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z WARN  stderr: from stderr, password=[redacted]\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z WARN  stderr: half a line\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z WARN  stderr: nul ? byte\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z WARN  stderr: the rest\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "stderr: \n"));
    free(text);
}

#define LONG_LINE 200000

static void print_long_line(void)
{
    char *line = malloc(LONG_LINE);
    memset(line, 'x', LONG_LINE);
    line[LONG_LINE - 1] = '\n';
    CHECK(line && put(STDOUT_FILENO, line, LONG_LINE)); /* more than the pipe holds */
    free(line);
}

static void test_long_line(void)
{
    char *text = captured(print_long_line);
    size_t count = 0, records = 0;
    for (const char *at = text; *at; at++) {
        count += *at == 'x';
        records += *at == '\n';
    }
    CU_ASSERT_EQUAL(count, LONG_LINE - 1);
    CU_ASSERT_EQUAL(records, 4);
    free(text);
}

/* Both descriptors lead to the same file. */
static bool is_same(int a, const struct stat *b)
{
    struct stat facts;
    return fstat(a, &facts) == 0 && facts.st_dev == b->st_dev && facts.st_ino == b->st_ino;
}

/* What a cell takes: only while it runs, whole characters, and all of it at capture_sync. */
struct cell {
    atomic_bool runs;
    char text[2][300000];
    size_t size[2];
};

static struct cell cell;

static bool take(void *data, int stream, const char *text, size_t size)
{
    struct cell *c = data;
    if (!c->runs || c->size[stream - 1] + size > sizeof c->text[0])
        return false;
    memcpy(c->text[stream - 1] + c->size[stream - 1], text, size);
    c->size[stream - 1] += size;
    return true;
}

static void print_taken(void)
{
    capture_set_take(take, &cell);
    printf("before\n");
    capture_sync();
    CHECK(cell.size[0] == 0);
    cell.runs = true;
    printf("in the cell, no line end");
    CHECK(put(STDERR_FILENO, "h\xc3", 2));
    capture_sync();
    CHECK(cell.size[0] == 24 && memcmp(cell.text[0], "in the cell, no line end", 24) == 0);
    CHECK(cell.size[1] == 2 && memcmp(cell.text[1], "h\xc3", 2) == 0);
    char block[1000];
    memset(block, '\0', sizeof block);
    for (int i = 0; i < 250; i++) /* more than the pipe holds: the thread takes part */
        CHECK(put(STDERR_FILENO, block, sizeof block));
    capture_sync();
    CHECK(cell.size[1] == 250002);
    cell.runs = false;
    printf("after\n");
    capture_set_take(NULL, NULL);
}

static void test_taken(void)
{
    char *text = captured(print_taken);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z INFO  stdout: before\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z INFO  stdout: after\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "in the cell"));
    free(text);
}

/* A child that floods, and keeps the pipe: stopping does not wait for it. */
static void print_flood(void)
{
    pid_t child = fork();
    if (child == 0) {
        close(capture_drain_fd(STDOUT_FILENO)); /* as execve does */
        for (;;)
            if (write(STDOUT_FILENO, "flood\n", 6) < 0)
                _exit(0);
    }
    struct log_counts counts;
    do {
        poll(NULL, 0, 1);
        logger_counts(&counts);
    } while (counts.written[LOG_INFO] < 1000);
    struct stat before;
    CHECK(capture_stderr() > STDERR_FILENO && fstat(capture_stderr(), &before) == 0);
    CHECK(!is_same(STDERR_FILENO, &before));
    capture_stop();
    CHECK(capture_stderr() == STDERR_FILENO && is_same(STDERR_FILENO, &before));
    CHECK(capture_drain_fd(STDOUT_FILENO) == -1);
    CHECK(waitpid(child, NULL, 0) == child); /* its pipe is broken */
    CHECK(capture_start(NULL) == 0);
    printf("again\n");
}

static void test_flood(void)
{
    char *text = captured(print_flood);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z INFO  stdout: flood\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Z INFO  stdout: again\n"));
    free(text);
}

/* The log's own stderr is not captured: records would come round for ever. */
static void print_to_stderr_sink(void)
{
    struct log_counts before, after;
    struct logger_options options = {.level = LOG_INFO}, null = {.file = "/dev/null"};
    int ends[2];
    char text[4096];
    capture_stop();
    CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    logger_counts(&before);
    CHECK(capture_start(NULL) == 0 && logger_open(&options, NULL) == 0);
    log_warn("k", "once");
    fprintf(stderr, "a library's line\n");
    capture_stop();
    CHECK(logger_open(&null, NULL) == 0);
    logger_counts(&after);
    CHECK(after.written[LOG_WARN] - before.written[LOG_WARN] == 2);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    CHECK(strstr(text, "WARN  k: once\n") && strstr(text, "stderr: a library's line\n"));
}

static void test_stderr_sink(void)
{
    free(captured(print_to_stderr_sink));
}

/* As a crash handler does: what the thread has not read yet can be read. */
static void print_and_drain(void)
{
    char text[64];
    ssize_t size;
    do { /* the thread may be faster */
        CHECK(put(STDERR_FILENO, "dying\n", 6));
        size = read(capture_drain_fd(STDERR_FILENO), text, sizeof text);
    } while (size < 0 && errno == EAGAIN);
    CHECK(size > 0 && memcmp(text, "dying\n", 6) == 0);
}

static void test_drain(void)
{
    free(captured(print_and_drain));
}

TEST_MAIN("log/capture", {"lines", test_lines}, {"long line", test_long_line},
          {"taken", test_taken}, {"flood", test_flood}, {"stderr sink", test_stderr_sink},
          {"drain", test_drain})
