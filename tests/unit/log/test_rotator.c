/* SPDX-License-Identifier: Apache-2.0
 * host/log/rotator.c through the logger: nothing is lost or torn while files are renamed. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>

#include "config/tree.h"
#include "log/logger.h"
#include "log/rotator.h"

#define THREADS 8
#define RECORDS 1500 /* of each thread */

static void open_log(const struct tree *tree, uint64_t bytes, unsigned count)
{
    char path[TREE_MAX];
    struct error error = {0};
    struct logger_options options = {.level = LOG_INFO,
                                     .file = tree_path(tree, "x.log", path),
                                     .rotate_bytes = bytes,
                                     .rotate_count = count};
    CU_ASSERT_EQUAL_FATAL(logger_open(&options, &error), 0);
}

static size_t file_size(const struct tree *tree, const char *name)
{
    char *text = tree_read(tree, name);
    size_t size = strlen(text);
    free(text);
    return size;
}

static void test_shift(void)
{
    static const char *const names[] = {"x.log.3", "x.log.2", "x.log.1", "x.log"};
    struct tree tree;
    tree_open(&tree);
    open_log(&tree, 1000, 3);
    for (int i = 0; i < 200; i++)
        log_info("k", "number %d", i);
    logger_close();
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.4"));
    int expected = -1;
    for (size_t i = 0; i < 4; i++) {
        char *text = tree_read(&tree, names[i]);
        CU_ASSERT_TRUE(strlen(text) > (i < 3 ? 950 : 0) && strlen(text) <= 1000);
        for (const char *at = text; (at = strstr(at, "number ")); at++) {
            int number = (int)strtol(at + 7, NULL, 10);
            CU_ASSERT_TRUE(expected < 0 || number == expected);
            expected = number + 1;
        }
        free(text);
    }
    CU_ASSERT_EQUAL(expected, 200);
    tree_close(&tree);
}

static void test_truncate(void)
{
    struct tree tree;
    tree_open(&tree);
    open_log(&tree, 1000, 0);
    for (int i = 0; i < 100; i++)
        log_info("k", "number %d", i);
    logger_close();
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_TRUE(strlen(text) <= 1000);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 99\n"));
    free(text);
    tree_close(&tree);
}

/* A record that is larger than the limit gets a file of its own; an old file counts in. */
static void test_sizes(void)
{
    struct tree tree;
    char big[500];
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    tree_open(&tree);
    tree_write(&tree, "x.log",
               "an older log, ninety bytes long ........................"
               "..................................\n");
    open_log(&tree, 100, 5);
    log_info("k", "%s", big);
    log_info("k", "%s", big);
    logger_close();
    CU_ASSERT_EQUAL(file_size(&tree, "x.log.2"), 91);
    CU_ASSERT_TRUE(file_size(&tree, "x.log.1") > 500);
    CU_ASSERT_TRUE(file_size(&tree, "x.log") > 500);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.3"));
    tree_close(&tree);
}

/* Somebody else renamed the file: the log moves to the name again, and renames nothing. */
static void test_foreign_rotation(void)
{
    struct tree tree;
    char path[TREE_MAX], other[TREE_MAX];
    tree_open(&tree);
    open_log(&tree, 100, 5);
    log_info("k", "first");
    rename(tree_path(&tree, "x.log", path), tree_path(&tree, "moved", other));
    log_info("k", "second");
    log_info("k", "third");
    logger_close();
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    char *moved = tree_read(&tree, "moved"), *text = tree_read(&tree, "x.log");
    CU_ASSERT_PTR_NOT_NULL(strstr(moved, "first"));
    CU_ASSERT_PTR_NOT_NULL(strstr(moved, "second"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "third"));
    free(moved);
    free(text);
    tree_close(&tree);
}

static void test_failure(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    open_log(&tree, 100, 1);
    tree_write(&tree, "x.log.1/in/the/way", "");
    for (int i = 0; i < 10; i++)
        log_info("k", "number %d", i);
    logger_close();
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "WARN  log: cannot rotate "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 0\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 9\n"));
    free(text);
    int fd = rotator_open(tree_path(&tree, "y.log", path));
    int other = rotator_lock(path); /* another process that rotates just now */
    CU_ASSERT_TRUE_FATAL(other >= 0);
    CU_ASSERT_EQUAL(rotator_lock(path), -EAGAIN);
    CU_ASSERT_EQUAL(rotator_rotate(path, fd, 1), 1);
    close(other);
    CU_ASSERT_EQUAL(rotator_rotate(path, fd, 1), 0);
    CU_ASSERT_TRUE(tree_exists(&tree, "y.log.1"));
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    tree_close(&tree);
}

/* Compressed and plain files keep their order, gaps stay, the oldest falls off in either form. */
static void test_names(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    tree_write(&tree, "x.log", "0");
    tree_write(&tree, "x.log.1", "1");
    tree_write(&tree, "x.log.2.gz", "2");
    tree_write(&tree, "x.log.4.gz", "4");
    int fd = rotator_open(tree_path(&tree, "x.log", path));
    CU_ASSERT_EQUAL(rotator_rotate(path, fd, 4), 0);
    static const char *const there[] = {"x.log.1", "x.log.2", "x.log.3.gz"}, *const texts[] = {
                                                                                 "0", "1", "2"};
    for (size_t i = 0; i < 3; i++) {
        char *text = tree_read(&tree, there[i]);
        CU_ASSERT_STRING_EQUAL(text, texts[i]);
        free(text);
    }
    static const char *const gone[] = {"x.log.1.gz", "x.log.2.gz", "x.log.3",
                                       "x.log.4",    "x.log.4.gz", "x.log.5.gz"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        CU_ASSERT_FALSE(tree_exists(&tree, gone[i]));
    close(fd);
    tree_close(&tree);
}

/* Whoever writes a file holds it; a file that is being compressed is not opened for writing. */
static void test_locks(void)
{
    struct tree tree;
    char path[TREE_MAX], other[TREE_MAX];
    tree_open(&tree);
    int fd = rotator_open(tree_path(&tree, "x.log", path));
    int probe = open(path, O_RDONLY | O_CLOEXEC);
    CU_ASSERT_NOT_EQUAL(flock(probe, LOCK_EX | LOCK_NB), 0);
    CU_ASSERT_EQUAL(rotator_follow(path, fd), 0);
    CU_ASSERT_EQUAL(rename(path, tree_path(&tree, "moved", other)), 0);
    CU_ASSERT_EQUAL(rotator_lock(path), -ENOENT);
    CU_ASSERT_EQUAL(rotator_follow(path, fd), ROTATOR_MOVED);
    CU_ASSERT_TRUE(rotator_is_same(path, fd));
    CU_ASSERT_EQUAL(flock(probe, LOCK_EX | LOCK_NB), 0);
    CU_ASSERT_EQUAL(rotator_open(other), -EBUSY);
    close(probe);
    close(fd);
    tree_close(&tree);
}

static void *write_many(void *data)
{
    int thread = *(int *)data;
    for (int i = 0; i < RECORDS; i++)
        log_info("k", "<%d %d>", thread, i);
    return NULL;
}

/* Counts each record of a file; false if a line is not whole. */
static bool count_records(const char *text, unsigned char seen[THREADS][RECORDS])
{
    bool whole = true;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        int thread = -1, number = -1, end = 0;
        const char *at = strstr(line, "Z INFO  k: <");
        if (at)
            sscanf(at, "Z INFO  k: <%d %d>%n", &thread, &number, &end);
        whole = whole && at == line + 23 && end > 0 && at[end] == '\n' && strchr(line, '\n');
        if (thread >= 0 && thread < THREADS && number >= 0 && number < RECORDS)
            seen[thread][number]++;
        if (!whole)
            break;
    }
    return whole;
}

static void test_threads(void)
{
    static unsigned char seen[THREADS][RECORDS];
    struct tree tree;
    pthread_t threads[THREADS];
    int numbers[THREADS], wrong = 0, files = 0;
    tree_open(&tree);
    open_log(&tree, 20000, 100);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, write_many, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    logger_close();
    for (int i = 0; i <= 100; i++) {
        char name[32];
        snprintf(name, sizeof name, i ? "x.log.%d" : "x.log", i);
        files += tree_exists(&tree, name);
        char *text = tree_read(&tree, name);
        CU_ASSERT_TRUE(count_records(text, seen));
        free(text);
    }
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < RECORDS; j++)
            wrong += seen[i][j] != 1;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_TRUE(files > 1 && files <= 100);
    tree_close(&tree);
}

TEST_MAIN("log/rotator", {"shift", test_shift}, {"truncate", test_truncate}, {"sizes", test_sizes},
          {"foreign rotation", test_foreign_rotation}, {"failure", test_failure},
          {"names", test_names}, {"locks", test_locks}, {"threads", test_threads})
