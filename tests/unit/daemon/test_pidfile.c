/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/pidfile.c: one holder at a time, stale files, forks, and what is refused. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "config/tree.h"
#include "daemon/pidfile.h"

#define STARTERS 50
#define WATCHERS 4

static int open_file(const struct tree *tree, struct pidfile **file, struct error *error)
{
    char path[TREE_MAX];
    memset(error, 0, sizeof *error);
    return pidfile_open(tree_path(tree, "x.pid", path), file, error);
}

/* pidfile_check: the PID, 0 or a negative code. */
static long holder(const struct tree *tree)
{
    char path[TREE_MAX];
    pid_t pid = -1;
    struct error error = {0};
    int rc = pidfile_check(tree_path(tree, "x.pid", path), &pid, &error);
    CU_ASSERT_EQUAL(rc < 0, error.message[0] != '\0');
    return rc > 0 ? pid : rc;
}

static void check_content(const struct tree *tree, const char *expected)
{
    char *text = tree_read(tree, "x.pid");
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static void check_exit(pid_t child)
{
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
}

static void test_open_and_close(void)
{
    struct tree tree;
    struct pidfile *file = NULL, *other = NULL;
    struct error error;
    struct stat facts;
    char path[TREE_MAX], text[64];
    tree_open(&tree);
    tree_path(&tree, "x.pid", path);
    CU_ASSERT_EQUAL(holder(&tree), 0);
    mode_t mask = umask(022);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    umask(mask);
    CU_ASSERT_EQUAL(stat(path, &facts), 0);
    CU_ASSERT_EQUAL(facts.st_mode & 07777, 0644);
    snprintf(text, sizeof text, "%d\n", getpid());
    check_content(&tree, text);
    CU_ASSERT_EQUAL(holder(&tree), getpid());
    CU_ASSERT_EQUAL(open_file(&tree, &other, &error), LLMSPELL_EBUSY);
    CU_ASSERT_PTR_NULL(other);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    snprintf(text, sizeof text, "running process %d:", getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, text));
    pidfile_close(file);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.pid"));
    CU_ASSERT_EQUAL(holder(&tree), 0);
    pidfile_close(NULL);
    tree_close(&tree);
}

static void test_stale(void)
{
    static const char *const contents[] = {"", "1\n", "4194304\n"};
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    tree_open(&tree);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        tree_write(&tree, "x.pid", contents[i]);
        CU_ASSERT_EQUAL(holder(&tree), 0);
        CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
        CU_ASSERT_EQUAL(holder(&tree), getpid());
        pidfile_close(file);
    }
    tree_close(&tree);
}

/* In a child: holds the file and says so, until it is killed or told to go. */
static pid_t fork_holder(const struct tree *tree, int *ret_release)
{
    int said[2], release[2];
    char word = 0;
    if (pipe(said) != 0 || pipe(release) != 0)
        abort();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct pidfile *file = NULL;
        struct error error;
        close(release[1]);
        word = open_file(tree, &file, &error) ? 'n' : 'y';
        if (write(said[1], &word, 1) != 1 || read(release[0], &word, 1) != 0)
            _exit(1);
        pidfile_close(file);
        _exit(0);
    }
    close(said[1]);
    close(release[0]);
    CU_ASSERT_EQUAL(read(said[0], &word, 1), 1);
    CU_ASSERT_EQUAL(word, 'y');
    close(said[0]);
    *ret_release = release[1];
    return child;
}

static void test_killed_holder(void)
{
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    int release = -1, status = 0;
    tree_open(&tree);
    pid_t child = fork_holder(&tree, &release);
    CU_ASSERT_EQUAL(holder(&tree), child);
    CU_ASSERT_EQUAL(open_file(&tree, &file, &error), LLMSPELL_EBUSY);
    kill(child, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(tree_exists(&tree, "x.pid"));
    CU_ASSERT_EQUAL(holder(&tree), 0);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    CU_ASSERT_EQUAL(holder(&tree), getpid());
    pidfile_close(file);
    close(release);
    tree_close(&tree);
}

static void test_fork(void)
{
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    int said[2], release[2];
    char word = 0;
    tree_open(&tree);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(said) || pipe(release), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(release[1]);
        word = pidfile_update(file, &error) ? 'n' : 'y';
        if (write(said[1], &word, 1) != 1 || read(release[0], &word, 1) != 0)
            _exit(1);
        pidfile_close(file);
        _exit(0);
    }
    CU_ASSERT_EQUAL(read(said[0], &word, 1), 1);
    CU_ASSERT_EQUAL(word, 'y');
    pidfile_close(file); /* not ours any more: the file and the lock stay */
    CU_ASSERT_EQUAL(holder(&tree), child);
    CU_ASSERT_EQUAL(open_file(&tree, &file, &error), LLMSPELL_EBUSY);
    close(release[1]);
    check_exit(child);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.pid"));
    close(said[0]);
    close(said[1]);
    close(release[0]);
    tree_close(&tree);
}

/* The file is removed and made anew under a holder: the old holder leaves the new file alone. */
static void test_replaced(void)
{
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    char path[TREE_MAX];
    int release = -1;
    tree_open(&tree);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    unlink(tree_path(&tree, "x.pid", path));
    CU_ASSERT_EQUAL(holder(&tree), 0);
    pid_t child = fork_holder(&tree, &release);
    pidfile_close(file);
    CU_ASSERT_EQUAL(holder(&tree), child);
    close(release);
    check_exit(child);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.pid"));
    tree_close(&tree);
}

/* ---- many at once ---- */

struct round {
    struct tree tree;
    int gate[2];    /* its end starts everybody */
    int results[2]; /* one byte of each starter */
    int release[2]; /* its end sends everybody home */
};

static void start_one(const struct round *round)
{
    struct pidfile *file = NULL;
    struct error error;
    char word;
    close(round->gate[1]);
    close(round->release[1]);
    if (read(round->gate[0], &word, 1) != 0)
        _exit(1);
    int rc = open_file(&round->tree, &file, &error);
    word = rc == 0 ? 'W' : rc == LLMSPELL_EBUSY ? 'B' : 'E';
    if (write(round->results[1], &word, 1) != 1 || read(round->release[0], &word, 1) != 0)
        _exit(1);
    pidfile_close(file);
    _exit(0);
}

/* Asks all the time: that must neither fail nor keep anybody from starting. */
static void watch(const struct round *round)
{
    struct error error = {0};
    char path[TREE_MAX];
    pid_t pid = 0;
    close(round->gate[1]);
    close(round->release[1]);
    struct pollfd end = {.fd = round->release[0], .events = POLLIN};
    tree_path(&round->tree, "x.pid", path);
    while (poll(&end, 1, 0) == 0) {
        int rc = pidfile_check(path, &pid, &error);
        bool alive = rc != 1 || kill(pid, 0) == 0;
        if (rc < 0 || (!alive && poll(&end, 1, 0) == 0))
            _exit(1);
    }
    _exit(0);
}

static void run_round(int number)
{
    struct round round;
    pid_t children[STARTERS + WATCHERS];
    int winners = 0, busy = 0;
    char words[STARTERS];
    tree_open(&round.tree);
    if (number % 2)
        tree_write(&round.tree, "x.pid", "1\n"); /* a stale one */
    CU_ASSERT_EQUAL_FATAL(pipe(round.gate) || pipe(round.results) || pipe(round.release), 0);
    fflush(stdout);
    for (int i = 0; i < STARTERS + WATCHERS; i++) {
        children[i] = fork();
        if (children[i] == 0 && i < STARTERS)
            start_one(&round);
        else if (children[i] == 0)
            watch(&round);
    }
    close(round.gate[1]);
    for (int i = 0; i < STARTERS; i++) {
        CU_ASSERT_EQUAL_FATAL(read(round.results[0], &words[i], 1), 1);
        winners += words[i] == 'W';
        busy += words[i] == 'B';
    }
    CU_ASSERT_EQUAL(winners, 1);
    CU_ASSERT_EQUAL(busy, STARTERS - 1);
    CU_ASSERT_TRUE(holder(&round.tree) > 0);
    close(round.release[1]);
    for (int i = 0; i < STARTERS + WATCHERS; i++)
        check_exit(children[i]);
    CU_ASSERT_FALSE(tree_exists(&round.tree, "x.pid"));
    close(round.gate[0]);
    close(round.release[0]);
    close(round.results[0]);
    close(round.results[1]);
    tree_close(&round.tree);
}

static void test_starters(void)
{
    for (int i = 0; i < 6; i++)
        run_round(i);
}

/* Opens and closes again and again; between the two nobody else may be in. */
static void open_often(const struct tree *tree)
{
    char path[TREE_MAX];
    tree_path(tree, "inside", path);
    for (int wins = 0, i = 0; i < 1000000 && wins < 200; i++) {
        struct pidfile *file = NULL;
        struct error error;
        int rc = open_file(tree, &file, &error);
        if (rc == LLMSPELL_EBUSY)
            continue;
        int fd = rc ? -1 : open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (fd < 0)
            _exit(1);
        close(fd);
        unlink(path);
        pidfile_close(file);
        wins++;
    }
    _exit(0);
}

static void test_turns(void)
{
    struct tree tree;
    pid_t children[4];
    tree_open(&tree);
    fflush(stdout);
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0)
            open_often(&tree);
    }
    for (int i = 0; i < 4; i++)
        check_exit(children[i]);
    CU_ASSERT_FALSE(tree_exists(&tree, "x.pid"));
    tree_close(&tree);
}

/* ---- refused ---- */

static void refused(const char *path, int code, const char *message)
{
    struct pidfile *file = NULL;
    struct error error = {0};
    CU_ASSERT_EQUAL(pidfile_open(path, &file, &error), code);
    CU_ASSERT_PTR_NULL(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, message));
    if (!strstr(error.message, message))
        printf("\n    %s\n", error.message);
}

static void test_refused(void)
{
    static const char *const contents[] = {"not a PID\n",
                                           "12",
                                           "12 \n",
                                           "-3\n",
                                           "0\n",
                                           "99999999999\n",
                                           "12\n................................"};
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        tree_write(&tree, "x.pid", contents[i]);
        refused(tree_path(&tree, "x.pid", path), LLMSPELL_EIO, "is not a PID file");
        check_content(&tree, contents[i]);
    }
    CU_ASSERT_EQUAL(symlink("x.pid", tree_path(&tree, "link", path)), 0);
    refused(path, LLMSPELL_EIO, "it is a symbolic link");
    CU_ASSERT_EQUAL(mkfifo(tree_path(&tree, "fifo", path), 0600), 0);
    refused(path, LLMSPELL_EIO, "is not a PID file");
    refused(tree.root, LLMSPELL_EIO, "Is a directory");
    refused(tree_path(&tree, "absent/x.pid", path), LLMSPELL_EIO, "make its folder first");
    tree_close(&tree);
}

/* As somebody who may not write there (root may everywhere). */
static void test_denied(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    tree_write(&tree, "d/x.pid", "1\n");
    chmod(tree_path(&tree, "d/x.pid", path), 0444);
    chmod(tree_path(&tree, "d", path), 0555);
    chmod(tree.root, 0755);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct pidfile *file = NULL;
        struct error error = {0}, other = {0};
        pid_t pid = 0;
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        int old = pidfile_open(tree_path(&tree, "d/x.pid", path), &file, &error);
        int asked = pidfile_check(path, &pid, &other);
        int new = pidfile_open(tree_path(&tree, "d/new.pid", path), &file, &other);
        _exit(old == LLMSPELL_EPERM && new == LLMSPELL_EPERM &&asked == 0 &&
                      strstr(error.message, "choose a folder that you may write to")
                  ? 0
                  : 1);
    }
    check_exit(child);
    chmod(tree_path(&tree, "d", path), 0755);
    tree_close(&tree);
}

/* ---- another user's ---- */

static void stranger(const char *path, bool readable)
{
    struct pidfile *file = NULL;
    struct error opened = {0}, checked = {0};
    pid_t pid = 0;
    char held[64];
    snprintf(held, sizeof held, "running process %d of user root:", getppid());
    if (setgid(65534) != 0 || setuid(65534) != 0)
        _exit(2);
    int open_rc = pidfile_open(path, &file, &opened),
        check_rc = pidfile_check(path, &pid, &checked);
    bool good = readable
                    ? open_rc == LLMSPELL_EBUSY && strstr(opened.message, held) && check_rc == 1 &&
                          pid == getppid()
                    : open_rc == LLMSPELL_EPERM && strstr(opened.message, "of user root: ") &&
                          check_rc == LLMSPELL_EPERM && strstr(checked.message, "ask as that user");
    if (!good)
        fprintf(stderr, "\n    %d %s\n    %d %s\n", open_rc, opened.message, check_rc,
                checked.message);
    _exit(!good);
}

/* A file that is held and that one may only read, or not even that. */
static void test_stranger(void)
{
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    char path[TREE_MAX];
    if (geteuid() != 0) {
        printf("skipped: only root can become somebody else ");
        return;
    }
    tree_open(&tree);
    chmod(tree.root, 0777);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    tree_path(&tree, "x.pid", path);
    for (int readable = 0; readable < 2; readable++) {
        chmod(path, readable ? 0644 : 0600);
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            stranger(path, readable);
        check_exit(child);
    }
    CU_ASSERT_EQUAL(holder(&tree), getpid());
    pidfile_close(file);
    tree_close(&tree);
}

/* Somebody wrote into the file of a living process: no PID is guessed. */
static void test_garbage(void)
{
    struct tree tree;
    struct pidfile *file = NULL;
    struct error error;
    tree_open(&tree);
    CU_ASSERT_EQUAL_FATAL(open_file(&tree, &file, &error), 0);
    tree_write(&tree, "x.pid", "garbage\n");
    CU_ASSERT_EQUAL(holder(&tree), LLMSPELL_EIO);
    CU_ASSERT_EQUAL(pidfile_update(file, &error), 0);
    CU_ASSERT_EQUAL(holder(&tree), getpid());
    pidfile_close(file);
    tree_close(&tree);
}

TEST_MAIN("daemon/pidfile", {"open and close", test_open_and_close}, {"stale", test_stale},
          {"killed holder", test_killed_holder}, {"fork", test_fork}, {"replaced", test_replaced},
          {"fifty starters", test_starters}, {"turns", test_turns}, {"refused", test_refused},
          {"denied", test_denied}, {"stranger", test_stranger}, {"garbage", test_garbage})
