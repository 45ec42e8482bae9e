/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/history_file.c: appending, locks, torn lines, compaction beside another kernel, and
 * what is not opened. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <llmspell/error.h>

#include "config/tree.h"
#include "kernel/history_file.h"

static void make_folder(const struct tree *tree, const char *name)
{
    char path[TREE_MAX];
    CU_ASSERT_EQUAL_FATAL(mkdir(tree_path(tree, name, path), 0700), 0);
}

static void open_history(const struct tree *tree, struct history_file *file, size_t entries_max)
{
    char path[TREE_MAX];
    CU_ASSERT_EQUAL_FATAL(
        history_file_init(file, tree_path(tree, "home", path), "lua", entries_max), 0);
}

static int add(struct history_file *file, int64_t session, int64_t number, struct error *error)
{
    char input[32];
    struct history_text text = {0};
    struct history_line line = {.session = session, .line = number, .input = input};
    line.input_size = (size_t)snprintf(input, sizeof input, "x = %d", (int)number);
    CU_ASSERT_TRUE_FATAL(history_line_write(&text, &line));
    int rc = history_file_lock(file, error);
    if (rc == 0) {
        rc = history_file_append(file, text.data, text.size, 1, error);
        if (rc == 0)
            rc = history_file_compact(file, error);
        history_file_unlock(file);
    }
    free(text.data);
    return rc;
}

/* How many inputs the file holds of a session; *ret_last: the last of them. */
static int count(const struct history_file *file, int64_t session, int64_t *ret_last)
{
    char *text = NULL;
    const char *line;
    size_t size = 0, length;
    struct error error;
    int found = 0;
    *ret_last = 0;
    CU_ASSERT_EQUAL_FATAL(history_file_read(file, &text, &size, &error), 0);
    while (history_text_last(text, &size, &line, &length)) {
        struct history_line read;
        if (!history_line_read(line, length, &read))
            continue;
        if (read.session == session && found++ == 0)
            *ret_last = read.line;
        json_decref(read.holder);
    }
    free(text);
    return found;
}

static void test_append(void)
{
    struct tree tree;
    struct history_file file, other;
    struct error error;
    struct stat facts;
    char path[TREE_MAX];
    int64_t last;
    tree_open(&tree);
    make_folder(&tree, "home");
    open_history(&tree, &file, 100);
    open_history(&tree, &other, 100);
    CU_ASSERT_EQUAL(count(&file, 1, &last), 0); /* nothing there is nothing wrong */
    CU_ASSERT_NOT_EQUAL(stat(tree_path(&tree, "home/history", path), &facts), 0);
    CU_ASSERT_EQUAL(add(&file, 1, 1, &error), 0);
    CU_ASSERT_EQUAL(add(&other, 2, 1, &error), 0);
    CU_ASSERT_EQUAL(other.last_session, 1); /* what it found */
    CU_ASSERT_EQUAL(add(&file, 1, 2, &error), 0);
    CU_ASSERT_EQUAL(file.last_session, 2);
    CU_ASSERT_EQUAL(file.lines, 3);
    CU_ASSERT_EQUAL(count(&file, 1, &last), 2);
    CU_ASSERT_EQUAL(last, 2);
    CU_ASSERT_EQUAL(stat(tree_path(&tree, "home/history", path), &facts), 0);
    CU_ASSERT_EQUAL(facts.st_mode & 07777, 0700);
    CU_ASSERT_EQUAL(stat(tree_path(&tree, "home/history/lua.jsonl", path), &facts), 0);
    CU_ASSERT_EQUAL(facts.st_mode & 07777, 0600);
    CU_ASSERT_EQUAL(history_file_lock(&file, &error), 0);
    CU_ASSERT_EQUAL(add(&other, 2, 2, &error), LLMSPELL_EBUSY); /* at once */
    history_file_unlock(&file);
    CU_ASSERT_EQUAL(add(&other, 2, 2, &error), 0);
    history_file_clear(&file);
    history_file_clear(&other);
    tree_close(&tree);
}

static void test_torn_line(void)
{
    struct tree tree;
    struct history_file file;
    struct error error;
    char path[TREE_MAX];
    int64_t last;
    tree_open(&tree);
    make_folder(&tree, "home");
    open_history(&tree, &file, 100);
    CU_ASSERT_EQUAL(add(&file, 4, 1, &error), 0);
    FILE *torn = fopen(tree_path(&tree, "home/history/lua.jsonl", path), "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(torn);
    fputs("garbage\n\n{\"session\":4,\"line\":2,\"inp", torn);
    fclose(torn);
    CU_ASSERT_EQUAL(add(&file, 4, 3, &error), 0);
    CU_ASSERT_EQUAL(count(&file, 4, &last), 2);
    CU_ASSERT_EQUAL(last, 3);
    CU_ASSERT_EQUAL(truncate(path, 0), 0); /* somebody empties it */
    CU_ASSERT_EQUAL(add(&file, 4, 4, &error), 0);
    CU_ASSERT_EQUAL(file.lines, 1);
    CU_ASSERT_EQUAL(unlink(path), 0); /* or removes it */
    CU_ASSERT_EQUAL(add(&file, 4, 5, &error), 0);
    CU_ASSERT_EQUAL(count(&file, 4, &last), 1);
    history_file_clear(&file);
    tree_close(&tree);
}

static void test_compaction(void)
{
    struct tree tree;
    struct history_file file, other;
    struct error error;
    char path[TREE_MAX];
    int64_t last;
    tree_open(&tree);
    make_folder(&tree, "home");
    open_history(&tree, &file, 10);
    open_history(&tree, &other, 10);
    CU_ASSERT_EQUAL(add(&other, 9, 1, &error), 0);
    for (int i = 1; i <= 100; i++) {
        CU_ASSERT_EQUAL(add(&file, 8, i, &error), 0);
        CU_ASSERT_TRUE(count(&file, 8, &last) <= 21);
        CU_ASSERT_TRUE(i < 10 || count(&file, 8, &last) >= 10);
        CU_ASSERT_EQUAL(last, i);
    }
    CU_ASSERT_EQUAL(count(&file, 9, &last), 0);    /* the oldest went */
    CU_ASSERT_EQUAL(add(&other, 9, 2, &error), 0); /* into the new file */
    CU_ASSERT_EQUAL(count(&file, 9, &last), 1);
    struct history_file third;
    open_history(&tree, &third, 10);
    CU_ASSERT_EQUAL(history_file_lock(&third, &error), 0);
    CU_ASSERT_EQUAL(third.last_session, 9);
    history_file_unlock(&third);
    CU_ASSERT_NOT_EQUAL(access(tree_path(&tree, "home/history/lua.jsonl.new", path), F_OK), 0);
    history_file_clear(&file);
    history_file_clear(&other);
    history_file_clear(&third);
    tree_close(&tree);
}

/* The number of a session stays in use, though its lines are gone. */
static void test_compaction_keeps_the_last_session(void)
{
    struct tree tree;
    struct history_file file, other, third;
    struct error error;
    tree_open(&tree);
    make_folder(&tree, "home");
    open_history(&tree, &file, 2);
    open_history(&tree, &other, 2);
    open_history(&tree, &third, 2);
    CU_ASSERT_EQUAL(add(&other, 9, 1, &error), 0);
    for (int i = 1; i <= 9; i++)
        CU_ASSERT_EQUAL(add(&file, 8, i, &error), 0);
    CU_ASSERT_EQUAL(history_file_lock(&third, &error), 0);
    CU_ASSERT_EQUAL(third.last_session, 9);
    history_file_unlock(&third);
    history_file_clear(&file);
    history_file_clear(&other);
    history_file_clear(&third);
    tree_close(&tree);
}

#define WRITERS 4
#define LINES 300

static void write_lines(const struct tree *tree, int session)
{
    struct history_file file;
    struct error error;
    open_history(tree, &file, 1 << 20);
    for (int i = 1; i <= LINES; i++) {
        int rc;
        if (i % 50 == 0) /* as if it were too large */
            file.lines = 4 << 20;
        while ((rc = add(&file, session, i, &error)) == LLMSPELL_EBUSY)
            ;
        if (rc < 0)
            _exit(1);
    }
    history_file_clear(&file);
    _exit(0);
}

/* Several processes append and compact at once: no line is lost, and none twice there. */
static void test_many_writers(void)
{
    struct tree tree;
    struct history_file file;
    pid_t children[WRITERS];
    int64_t last;
    tree_open(&tree);
    make_folder(&tree, "home");
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            write_lines(&tree, i + 1);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        CU_ASSERT_EQUAL(waitpid(children[i], &status, 0), children[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
    open_history(&tree, &file, 1 << 20);
    for (int i = 0; i < WRITERS; i++) {
        CU_ASSERT_EQUAL(count(&file, i + 1, &last), LINES);
        CU_ASSERT_EQUAL(last, LINES);
    }
    history_file_clear(&file);
    tree_close(&tree);
}

/* A write that does not fit leaves the file as it was. */
static void test_no_room(void)
{
    struct tree tree;
    struct history_file file;
    struct error error;
    struct rlimit before, limit = {100, 100};
    int64_t last;
    tree_open(&tree);
    make_folder(&tree, "home");
    open_history(&tree, &file, 100);
    CU_ASSERT_EQUAL(add(&file, 1, 1, &error), 0);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGXFSZ, &ignore, &old);
    getrlimit(RLIMIT_FSIZE, &before);
    limit.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    int rc = add(&file, 1, 2, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    sigaction(SIGXFSZ, &old, NULL);
    CU_ASSERT_EQUAL(rc, LLMSPELL_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "history/lua.jsonl"));
    CU_ASSERT_EQUAL(count(&file, 1, &last), 1);
    CU_ASSERT_EQUAL(add(&file, 1, 3, &error), 0);
    CU_ASSERT_EQUAL(count(&file, 1, &last), 2);
    history_file_clear(&file);
    tree_close(&tree);
}

static void check_refused(const struct tree *tree, int code, const char *words)
{
    struct history_file file;
    struct error error = {0};
    char *text = NULL;
    size_t size;
    open_history(tree, &file, 100);
    CU_ASSERT_EQUAL(add(&file, 1, 1, &error), code);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, words));
    CU_ASSERT_EQUAL(history_file_read(&file, &text, &size, &error), code);
    CU_ASSERT_PTR_NULL(text);
    history_file_clear(&file);
}

static void test_refused(void)
{
    struct tree tree;
    char path[TREE_MAX], target[TREE_MAX];
    tree_open(&tree);
    make_folder(&tree, "home");
    make_folder(&tree, "other");
    tree_path(&tree, "home/history", path);
    CU_ASSERT_EQUAL(symlink(tree_path(&tree, "other", target), path), 0);
    check_refused(&tree, LLMSPELL_EPERM, "is a link");
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(chmod(path, 0770), 0);
    check_refused(&tree, LLMSPELL_EPERM, "mode 0700");
    CU_ASSERT_EQUAL(chmod(path, 0700), 0);
    tree_path(&tree, "home/history/lua.jsonl", path);
    CU_ASSERT_EQUAL(symlink(tree_path(&tree, "other/file", target), path), 0);
    check_refused(&tree, LLMSPELL_EIO, "is a link");
    CU_ASSERT_NOT_EQUAL(access(target, F_OK), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0); /* nor does it wait for its other end */
    check_refused(&tree, LLMSPELL_EPERM, "chmod 600");
    CU_ASSERT_EQUAL(unlink(path), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    CU_ASSERT_EQUAL(fchmod(fd, 0644), 0);
    close(fd);
    check_refused(&tree, LLMSPELL_EPERM, "chmod 600");
    tree_close(&tree);
}

static void test_names(void)
{
    struct history_file file;
    CU_ASSERT_EQUAL(history_file_init(&file, "/nonexistent", "../lua", 10), 0);
    CU_ASSERT_PTR_NULL(file.folder);
    history_file_clear(&file);
    CU_ASSERT_EQUAL(history_file_init(&file, "/nonexistent", "", 10), 0);
    CU_ASSERT_PTR_NULL(file.folder);
    CU_ASSERT_EQUAL(history_file_init(&file, NULL, "lua", 10), 0);
    CU_ASSERT_PTR_NULL(file.folder);
}

TEST_MAIN("kernel/history_file", {"append", test_append}, {"torn line", test_torn_line},
          {"compaction", test_compaction},
          {"compaction keeps the last session", test_compaction_keeps_the_last_session},
          {"many writers", test_many_writers}, {"no room", test_no_room}, {"refused", test_refused},
          {"names", test_names})
