/* SPDX-License-Identifier: Apache-2.0
 * host/log/archive.c, gzip.c: what becomes of rotated files, also after a crash or beside another
 * process. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <zlib.h>

#include "config/tree.h"
#include "log/archive.h"
#include "log/gzip.h"
#include "log/rotator.h"
#include "wait.h"

static struct archive *open_archive(const struct tree *tree, unsigned count, int64_t max_age_ms,
                                    bool compress)
{
    char path[TREE_MAX];
    struct archive_options options = {.path = tree_path(tree, "x.log", path),
                                      .count = count,
                                      .max_age_ms = max_age_ms,
                                      .compress = compress};
    struct archive *archive = archive_new(&options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(archive);
    return archive;
}

/* Does the file hold these bytes in gzip format? */
static bool holds(const struct tree *tree, const char *name, const char *text, size_t size)
{
    char path[TREE_MAX];
    char *got = malloc(size + 1);
    gzFile file = gzopen(tree_path(tree, name, path), "rb");
    bool same = file && !gzdirect(file) && gzread(file, got, (unsigned)size + 1) == (int)size &&
                memcmp(got, text, size) == 0;
    if (file)
        gzclose(file);
    free(got);
    return same;
}

static bool is_zipped(const struct tree *tree, const char *name, const char *text)
{
    return holds(tree, name, text, strlen(text));
}

static void test_compress(void)
{
    struct tree tree;
    char path[TREE_MAX];
    struct stat before, after;
    struct timespec old[] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    tree_write(&tree, "x.log.1", "one");
    tree_write(&tree, "x.log.3", "three");
    tree_write(&tree, "x.log.3.gz", "half"); /* the process ended between rename and unlink */
    tree_write(&tree, "x.log.gz.tmp", "half");
    tree_write(&tree, "x.log.9", "beyond a count that was larger once");
    tree_path(&tree, "x.log.1", path);
    CU_ASSERT_EQUAL(chmod(path, 0640), 0);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, old, 0), 0);
    stat(path, &before);
    struct archive *archive = open_archive(&tree, 3, 0, true);
    CU_ASSERT_TRUE(archive_is_due(archive));
    archive_start(archive);
    WAIT_FOR(!archive_is_due(archive));
    CU_ASSERT_EQUAL(archive_failure(archive), 0);
    archive_free(archive);
    CU_ASSERT_TRUE(is_zipped(&tree, "x.log.1.gz", "one"));
    CU_ASSERT_TRUE(is_zipped(&tree, "x.log.3.gz", "three"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.3"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.gz.tmp"));
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.9")); /* behind a gap: nobody knows whose it is */
    CU_ASSERT_EQUAL(stat(tree_path(&tree, "x.log.1.gz", path), &after), 0);
    CU_ASSERT_EQUAL(after.st_mode, before.st_mode);
    CU_ASSERT_EQUAL(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    tree_close(&tree);
}

static void test_clean_up(void)
{
    struct tree tree;
    char path[TREE_MAX];
    struct timespec now;
    tree_open(&tree);
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec old[] = {{.tv_sec = now.tv_sec - 3700}, {.tv_sec = now.tv_sec - 3700}};
    struct timespec young[] = {{.tv_sec = now.tv_sec - 3000}, {.tv_sec = now.tv_sec - 3000}};
    static const char *const names[] = {"x.log",   "x.log.1",    "x.log.2.gz",
                                        "x.log.3", "x.log.3.gz", "x.log.4.gz"};
    for (size_t i = 0; i < 6; i++)
        tree_write(&tree, names[i], "text");
    utimensat(AT_FDCWD, tree_path(&tree, "x.log", path), old, 0);
    utimensat(AT_FDCWD, tree_path(&tree, "x.log.1", path), young, 0);
    utimensat(AT_FDCWD, tree_path(&tree, "x.log.2.gz", path), old, 0);
    struct archive *archive = open_archive(&tree, 3, 3600000, false);
    archive_start(archive);
    WAIT_FOR(!archive_is_due(archive));
    archive_free(archive);
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log"));
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.1"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.2.gz")); /* too old */
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.3"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.3.gz")); /* a crash came between */
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.4.gz")); /* too many */
    tree_close(&tree);
}

/* A file that somebody still writes stays plain until he leaves it. */
static void test_in_use(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    tree_write(&tree, "x.log.1", "one,");
    tree_write(&tree, "x.log.2", "two");
    int writer = open(tree_path(&tree, "x.log.1", path), O_WRONLY | O_APPEND);
    CU_ASSERT_EQUAL(flock(writer, LOCK_SH), 0);
    struct archive *archive = open_archive(&tree, 3, 0, true);
    archive_start(archive);
    WAIT_FOR(tree_exists(&tree, "x.log.2.gz") && !tree_exists(&tree, "x.log.2"));
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.1"));
    CU_ASSERT_EQUAL(write(writer, "late", 4), 4);
    close(writer);
    WAIT_FOR(!archive_is_due(archive));
    archive_free(archive);
    CU_ASSERT_TRUE(is_zipped(&tree, "x.log.1.gz", "one,late"));
    tree_close(&tree);
}

/* The file is renamed while it is being compressed: it comes out under its new number. An end of
 * the process meanwhile leaves it whole. */
static void test_shifted(void)
{
    struct tree tree;
    char path[TREE_MAX];
    const size_t size = 40 << 20;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = "0123456789abcdef\n"[(i * 7 + i / 1000) % 17];
    text[size] = '\0';
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    tree_write(&tree, "x.log.1", text);
    int fd = rotator_open(tree_path(&tree, "x.log", path));
    struct archive *archive = open_archive(&tree, 5, 0, true);
    archive_start(archive);
    WAIT_FOR(tree_exists(&tree, "x.log.gz.tmp"));
    archive_free(archive);
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.1"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.gz.tmp"));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.1.gz"));
    archive = open_archive(&tree, 5, 0, true);
    archive_start(archive);
    WAIT_FOR(tree_exists(&tree, "x.log.gz.tmp"));
    CU_ASSERT_EQUAL(rotator_rotate(path, fd, 5), 0);
    archive_start(archive);
    WAIT_FOR(!archive_is_due(archive));
    archive_free(archive);
    CU_ASSERT_TRUE(is_zipped(&tree, "x.log.1.gz", "now"));
    CU_ASSERT_TRUE(holds(&tree, "x.log.2.gz", text, size));
    CU_ASSERT_FALSE(tree_exists(&tree, "x.log.2"));
    close(fd);
    free(text);
    tree_close(&tree);
}

/* SIGKILL at any moment: the plain file or the whole compressed one is there, and the next process
 * makes it good. */
static void test_killed(void)
{
    struct tree tree;
    const size_t size = 300000;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + (i * i / 7) % 26);
    text[size] = '\0';
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    for (unsigned round = 0; round < 60; round++) {
        tree_write(&tree, "x.log.1", text);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            archive_start(open_archive(&tree, 3, 0, true));
            for (;;)
                pause();
        }
        usleep(round * 400); /* the moments differ, nothing is waited for */
        kill(child, SIGKILL);
        CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
        char *plain = tree_read(&tree, "x.log.1");
        CU_ASSERT_TRUE(strcmp(plain, text) == 0 ||
                       (!tree_exists(&tree, "x.log.1") && holds(&tree, "x.log.1.gz", text, size)));
        free(plain);
        struct archive *archive = open_archive(&tree, 3, 0, true);
        archive_start(archive);
        WAIT_FOR(!archive_is_due(archive));
        archive_free(archive);
        CU_ASSERT_TRUE(holds(&tree, "x.log.1.gz", text, size));
        CU_ASSERT_FALSE(tree_exists(&tree, "x.log.gz.tmp"));
    }
    free(text);
    tree_close(&tree);
}

/* Two processes with one log: each file is compressed once, and both end. */
static void test_two(void)
{
    struct tree tree;
    char name[32], expected[32];
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    for (int i = 1; i <= 20; i++) {
        snprintf(name, sizeof name, "x.log.%d", i);
        tree_write(&tree, name, name);
    }
    struct archive *one = open_archive(&tree, 20, 0, true);
    struct archive *other = open_archive(&tree, 20, 0, true);
    archive_start(one);
    archive_start(other);
    WAIT_FOR(!archive_is_due(one));
    CU_ASSERT_EQUAL(archive_failure(one), 0);
    CU_ASSERT_EQUAL(archive_failure(other), 0);
    archive_free(one);
    archive_free(other);
    for (int i = 1; i <= 20; i++) {
        snprintf(expected, sizeof expected, "x.log.%d", i);
        snprintf(name, sizeof name, "x.log.%d.gz", i);
        CU_ASSERT_TRUE(is_zipped(&tree, name, expected));
    }
    tree_close(&tree);
}

/* What cannot be written is told, and the plain file stays. */
static void test_failures(void)
{
    struct tree tree;
    char path[TREE_MAX];
    atomic_bool stop = false;
    uint64_t size = 7;
    tree_open(&tree);
    tree_write(&tree, "x.log", "now");
    tree_write(&tree, "x.log.1", "one");
    tree_write(&tree, "x.log.gz.tmp/in/the/way", "");
    struct archive *archive = open_archive(&tree, 3, 0, true);
    archive_start(archive);
    int failed = 0;
    WAIT_FOR((failed = archive_failure(archive)) != 0);
    CU_ASSERT_EQUAL(failed, EISDIR);
    archive_free(archive);
    CU_ASSERT_TRUE(tree_exists(&tree, "x.log.1"));
    int from = open(tree_path(&tree, "x.log.1", path), O_RDONLY);
    int full = open("/dev/full", O_WRONLY);
    CU_ASSERT_EQUAL(gzip_copy(from, full, &stop, &size), -ENOSPC);
    CU_ASSERT_EQUAL(gzip_copy(-1, full, &stop, &size), -EBADF);
    stop = true;
    CU_ASSERT_EQUAL(gzip_copy(from, full, &stop, &size), -ECANCELED);
    CU_ASSERT_EQUAL(size, 7);
    close(from);
    close(full);
    tree_close(&tree);
}

TEST_MAIN("log/archive", {"compress", test_compress}, {"clean up", test_clean_up},
          {"in use", test_in_use}, {"shifted", test_shifted}, {"killed", test_killed},
          {"two", test_two}, {"failures", test_failures})
