/* SPDX-License-Identifier: Apache-2.0
 * host/log/sink_file.c, birth.c through the logger: rotation by age, files that others rename, cut
 * or remove, compression, several sinks, replacing all that while threads write. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "config/tree.h"
#include "log/birth.h"
#include "log/logger.h"
#include "log/rotator.h"
#include "socket.h"
#include "wait.h"

#define HOUR INT64_C(3600000)

static void open_log(const struct tree *tree, struct logger_options options)
{
    char path[TREE_MAX];
    struct error error = {0};
    options.level = LOG_INFO;
    options.file = tree_path(tree, "x.log", path);
    int rc = logger_open(&options, &error);
    if (rc)
        printf("\n    %s\n", error.message);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static bool contains(const struct tree *tree, const char *name, const char *part)
{
    char *text = tree_read(tree, name);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

/* ---- age ---- */

static void write_first(const struct tree *tree, int64_t seconds_ago, const char *head)
{
    char text[128];
    time_t then = time(NULL) - seconds_ago;
    struct tm parts;
    gmtime_r(&then, &parts);
    int size = snprintf(text, sizeof text, "%s", head);
    strftime(text + size, sizeof text - (size_t)size, "%Y-%m-%dT%H:%M:%S.000Z INFO  k: first\n",
             &parts);
    tree_write(tree, "x.log", text);
}

static void test_age(void)
{
    struct tree tree;
    tree_open(&tree);
    struct logger_options hourly = {.rotate_age_ms = HOUR, .rotate_count = 3};
    write_first(&tree, 3000, "");
    open_log(&tree, hourly);
    log_info("k", "still young");
    logger_close();
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    write_first(&tree, 3700, "{\"time\":\"");
    open_log(&tree, hourly);
    log_info("k", "second");
    log_info("k", "third");
    logger_close();
    CU_ASSERT_TRUE(contains(&tree, "x.log.1", "first"));
    CU_ASSERT_FALSE(contains(&tree, "x.log.1", "second"));
    CU_ASSERT_TRUE(contains(&tree, "x.log", "third"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.2"));
    tree_close(&tree);
}

/* The clock was set back by a year: nothing rotates in a loop, and age counts again from now. */
static void test_future(void)
{
    struct tree tree;
    tree_open(&tree);
    write_first(&tree, -365 * 86400, "");
    open_log(&tree, (struct logger_options){.rotate_age_ms = 50, .rotate_count = 3});
    log_info("k", "second");
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    WAIT_FOR((log_info("k", "next"), tree_exists(&tree, "x.log.1")));
    CU_ASSERT_TRUE(contains(&tree, "x.log.1", "first"));
    logger_close();
    tree_close(&tree);
}

static void test_birth(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    tree_write(&tree, "x.log", "2026-11-22T17:43:13.306Z INFO  k: m\n");
    int fd = rotator_open(tree_path(&tree, "x.log", path));
    CU_ASSERT_EQUAL(birth_of_log(path, fd), INT64_C(1795369393306));
    tree_write(&tree, "x.log", "{\"time\":\"1970-01-02T00:00:00.001Z\"}\n");
    CU_ASSERT_EQUAL(birth_of_log(path, fd), 86400001);
    int64_t now = (int64_t)time(NULL) * 1000;
    static const char *const others[] = {"", "text", "2026-11-22 17:43:13.306Z", "2026-11-22T17"};
    for (size_t i = 0; i < 4; i++) {
        tree_write(&tree, "x.log", others[i]);
        int64_t born = birth_of_log(path, fd);
        CU_ASSERT_TRUE(born > now - 60000 && born < now + 60000);
    }
    CU_ASSERT_EQUAL(birth_of_log(path, -1), 0);
    close(fd);
    tree_close(&tree);
}

/* ---- others at the file ---- */

static void test_renamed(void)
{
    struct tree tree;
    char path[TREE_MAX], other[TREE_MAX];
    tree_open(&tree);
    open_log(&tree, (struct logger_options){.rotate_bytes = 1 << 20, .rotate_count = 3});
    log_info("k", "first");
    rename(tree_path(&tree, "x.log", path), tree_path(&tree, "moved", other));
    WAIT_FOR((log_info("k", "next"), contains(&tree, "x.log", "next")));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    CU_ASSERT_TRUE(contains(&tree, "moved", "first"));
    CU_ASSERT_EQUAL(unlink(path), 0);
    WAIT_FOR((log_info("k", "last"), contains(&tree, "x.log", "last")));
    logger_close();
    tree_close(&tree);
}

/* logrotate's copytruncate: no holes, and the size counts from the beginning. */
static void test_truncated(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    open_log(&tree, (struct logger_options){.rotate_bytes = 2000, .rotate_count = 3});
    for (int i = 0; i < 30; i++)
        log_info("k", "number %d", i);
    CU_ASSERT_EQUAL(truncate(tree_path(&tree, "x.log", path), 0), 0);
    for (int i = 30; i < 60; i++)
        log_info("k", "number %d", i);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1")); /* 60 would not have fit */
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "number 30\n"));
    CU_ASSERT_EQUAL(text[0], '2');
    free(text);
    logger_close();
    tree_close(&tree);
}

/* The folder is gone: records are lost and counted; it comes again: they are told. */
static void test_folder_gone(void)
{
    struct tree tree;
    char path[TREE_MAX], folder[TREE_MAX];
    struct log_counts before, after;
    struct logger_options options = {.level = LOG_INFO};
    tree_open(&tree);
    tree_path(&tree, "logs", folder);
    mkdir(folder, 0700);
    options.file = tree_path(&tree, "logs/x.log", path);
    CU_ASSERT_EQUAL_FATAL(logger_open(&options, NULL), 0);
    log_info("k", "first");
    unlink(path);
    rmdir(folder);
    logger_counts(&before);
    WAIT_FOR(
        (log_info("k", "into the void"), logger_counts(&after), after.dropped > before.dropped));
    mkdir(folder, 0700);
    WAIT_FOR((log_info("k", "back"), contains(&tree, "logs/x.log", "back")));
    CU_ASSERT_TRUE(contains(&tree, "logs/x.log", "lost here: No such file or directory"));
    CU_ASSERT_FALSE(contains(&tree, "logs/x.log", "void"));
    logger_close();
    tree_close(&tree);
}

/* The path leads to something else: records go on to the old file, which says why. */
static void test_in_the_way(void)
{
    struct tree tree;
    char path[TREE_MAX], other[TREE_MAX];
    tree_open(&tree);
    open_log(&tree, (struct logger_options){.rotate_count = 3});
    rename(tree_path(&tree, "x.log", path), tree_path(&tree, "moved", other));
    mkdir(path, 0700);
    WAIT_FOR((log_info("k", "next"), contains(&tree, "moved", "cannot be opened again")));
    CU_ASSERT_TRUE(contains(&tree, "moved", "Is a directory; records go to the file"));
    rmdir(path);
    WAIT_FOR((log_info("k", "last"), contains(&tree, "x.log", "last")));
    logger_close();
    tree_close(&tree);
}

static void test_compressed(void)
{
    struct tree tree;
    char name[32];
    struct log_counts before, after;
    tree_open(&tree);
    logger_counts(&before);
    open_log(&tree,
             (struct logger_options){.rotate_bytes = 1000, .rotate_count = 5, .compress = true});
    for (int i = 0; i < 500; i++)
        log_info("k", "number %d", i);
    logger_counts(&after);
    CU_ASSERT_TRUE(after.rotations - before.rotations > 5);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "x.log.%d.gz", i);
        WAIT_FOR(tree_exists(&tree, name));
        snprintf(name, sizeof name, "x.log.%d", i);
        WAIT_FOR(!tree_exists(&tree, name));
    }
    logger_close();
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.6.gz"));
    tree_close(&tree);
}

/* ---- sinks ---- */

static void test_several(void)
{
    struct tree tree;
    struct error error = {0};
    char socket[TREE_MAX], text[1000];
    tree_open(&tree);
    int fd = socket_open(&tree, socket);
    struct logger_options options = {
        .sinks = " file, Syslog,file,journal ", .syslog_socket = socket, .journal_socket = socket};
    open_log(&tree, options);
    log_info("k", "everywhere");
    CU_ASSERT_TRUE(contains(&tree, "x.log", "everywhere"));
    CU_ASSERT_TRUE(socket_next(fd, text, sizeof text) > 0 && text[0] == '<');
    CU_ASSERT_TRUE(socket_next(fd, text, sizeof text) > 0 && strstr(text, "MESSAGE=everywhere\n"));
    CU_ASSERT_EQUAL(socket_next(fd, text, sizeof text), 0);
    close(fd);
    options.sinks = "file,sislog";
    options.file = "/tmp/never-opened-by-llmspell";
    CU_ASSERT_EQUAL(logger_open(&options, &error), LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "no sink \"sislog\"; choose from file, stderr"));
    unlink(options.file);
    options = (struct logger_options){.sinks = "file"};
    CU_ASSERT_EQUAL(logger_open(&options, &error), LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "set [log] file"));
    log_info("k", "one sink lost, the other not");
    CU_ASSERT_TRUE(contains(&tree, "x.log", "the other not"));
    logger_close();
    tree_close(&tree);
}

struct writers {
    atomic_bool stop;
    atomic_uint written;
};

static void *write_until(void *data)
{
    struct writers *writers = data;
    while (!atomic_load(&writers->stop)) {
        log_info("k", "record");
        atomic_fetch_add(&writers->written, 1);
    }
    return NULL;
}

static unsigned count_lines(const struct tree *tree, const char *name)
{
    char *text = tree_read(tree, name);
    unsigned count = 0;
    for (const char *end = text; (end = strchr(end, '\n')); end++)
        count += end - text > 9 &&
                 (memcmp(end - 9, "k: record", 9) == 0 || memcmp(end - 8, "record\"}", 8) == 0);
    free(text);
    return count;
}

/* Between two files, two formats, with secrets that come and go: no record is lost. */
static void test_reopen(void)
{
    struct tree tree;
    struct writers writers = {.stop = false};
    pthread_t threads[4];
    char one[TREE_MAX], other[TREE_MAX];
    tree_open(&tree);
    struct logger_options options[] = {
        {.level = LOG_INFO, .file = tree_path(&tree, "one", one), .format = LOG_JSON},
        {.level = LOG_TRACE, .file = tree_path(&tree, "other", other)}};
    CU_ASSERT_EQUAL_FATAL(logger_open(&options[0], NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, write_until, &writers);
    for (int i = 1; i <= 200; i++) {
        CU_ASSERT_EQUAL(logger_open(&options[i % 2], NULL), 0);
        CU_ASSERT_EQUAL(logger_redact("a secret"), 0);
        logger_unredact("a secret");
    }
    atomic_store(&writers.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    logger_close();
    CU_ASSERT_TRUE(atomic_load(&writers.written) > 0);
    CU_ASSERT_EQUAL(count_lines(&tree, "one") + count_lines(&tree, "other"),
                    atomic_load(&writers.written));
    tree_close(&tree);
}

TEST_MAIN("log/sink_file", {"age", test_age}, {"future", test_future}, {"birth", test_birth},
          {"renamed", test_renamed}, {"truncated", test_truncated},
          {"folder gone", test_folder_gone}, {"in the way", test_in_the_way},
          {"compressed", test_compressed}, {"several", test_several}, {"reopen", test_reopen})
