/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/daemonize.c: what the daemon is like, and what the first process learns about it. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

#include "config/tree.h"
#include "daemon/daemonize.h"

/* Runs in the daemon; what it returns is the exit status. */
typedef int (*daemon_fn)(const struct tree *tree, int ready_fd);

struct result {
    int rc, pid;
    struct error error;
};

/* Daemonizes in this process: the daemon runs body and ends. */
static struct result start(const struct tree *tree, daemon_fn body)
{
    struct result result = {.pid = -1};
    int ready_fd = -1;
    result.rc = daemonize(&ready_fd, &result.pid, &result.error);
    if (result.rc == 0)
        _exit(body(tree, ready_fd));
    return result;
}

/* The daemon is handed to the process that waited for it: so its end can be seen. */
static int wait_for_end(int pid)
{
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int describe_daemon(const struct tree *tree, int ready_fd)
{
    char path[TREE_MAX], cwd[64] = "";
    struct sigaction hangup;
    int others = 0;
    for (int fd = 3; fd < 1024; fd++)
        others += fd != ready_fd && is_open(fd);
    int cloexec = fcntl(ready_fd, F_GETFD) == FD_CLOEXEC;
    int terminal = open("/dev/tty", O_RDWR);
    mode_t mask = umask(0);
    sigaction(SIGHUP, NULL, &hangup);
    FILE *out = fopen(tree_path(tree, "facts", path), "w");
    if (!out)
        return 9;
    fprintf(out, "pid %d leader %d group %d cwd %s umask %03o hup %d tty %d others %d cloexec %d\n",
            getpid(), getsid(0) == getpid(), getpgrp() == getsid(0), getcwd(cwd, sizeof cwd), mask,
            hangup.sa_handler == SIG_IGN, terminal >= 0, others, cloexec);
    fclose(out);
    printf("before\n");
    fflush(stdout);
    int log = open(tree_path(tree, "log", path), O_WRONLY | O_CREAT | O_APPEND, 0600);
    daemonize_ready(ready_fd, log);
    printf("out\n");
    fprintf(stderr, "err\n");
    fflush(stdout);
    char byte;
    return read(STDIN_FILENO, &byte, 1) == 0 && !is_open(ready_fd) ? 7 : 8;
}

static void test_ready(void)
{
    struct tree tree;
    char path[TREE_MAX], expected[256], cwd[4096];
    tree_open(&tree);
    int noise = open("/dev/null", O_RDONLY), kept = dup(STDOUT_FILENO);
    int out = open(tree_path(&tree, "stdout", path), O_WRONLY | O_CREAT, 0600);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    struct result result = start(&tree, describe_daemon);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    close(out);
    CU_ASSERT_EQUAL_FATAL(result.rc, 1);
    CU_ASSERT_TRUE_FATAL(result.pid > 0 && result.pid != getpid());
    int status = wait_for_end(result.pid);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    snprintf(expected, sizeof expected,
             "pid %d leader 0 group 1 cwd / umask 027 hup 1 tty 0 others 0 cloexec 1\n",
             result.pid);
    char *facts = tree_read(&tree, "facts"), *before = tree_read(&tree, "stdout");
    char *log = tree_read(&tree, "log");
    CU_ASSERT_STRING_EQUAL(facts, expected);
    CU_ASSERT_STRING_EQUAL(before, "before\n");
    CU_ASSERT_STRING_EQUAL(log, "out\nerr\n");
    CU_ASSERT_STRING_NOT_EQUAL(getcwd(cwd, sizeof cwd), "/"); /* we are as we were */
    CU_ASSERT_TRUE(is_open(noise));
    close(noise);
    free(facts);
    free(before);
    free(log);
    tree_close(&tree);
}

static int go_silent(const struct tree *tree, int ready_fd)
{
    struct stat null, facts;
    (void)tree;
    daemonize_ready(ready_fd, -1);
    if (stat("/dev/null", &null) != 0)
        return 9;
    for (int fd = 0; fd < 3; fd++)
        if (fstat(fd, &facts) != 0 || facts.st_rdev != null.st_rdev || fcntl(fd, F_GETFD) != 0)
            return 1;
    return is_open(3);
}

static void test_silent(void)
{
    struct result result = start(NULL, go_silent);
    CU_ASSERT_EQUAL_FATAL(result.rc, 1);
    CU_ASSERT_EQUAL(wait_for_end(result.pid), 0);
}

/* The same with stdin, stdout and stderr closed: the pipe must not come in their place. */
static void test_closed_stdio(void)
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        struct result result = start(NULL, go_silent);
        int ended = result.rc == 1 && waitpid(result.pid, &status, 0) == result.pid;
        _exit(ended && status == 0 ? 0 : 1);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
}

static int fail(const struct tree *tree, int ready_fd)
{
    struct error error;
    (void)tree;
    error_set_at(&error, LLMSPELL_EBUSY, "/port", "port %d is taken: choose another", 9555);
    daemonize_failed(ready_fd, &error);
    return is_open(ready_fd);
}

static void test_failed(void)
{
    struct result result = start(NULL, fail);
    CU_ASSERT_EQUAL(result.rc, LLMSPELL_EBUSY);
    CU_ASSERT_EQUAL(result.error.code, LLMSPELL_EBUSY);
    CU_ASSERT_STRING_EQUAL(result.error.message, "port 9555 is taken: choose another");
    CU_ASSERT_STRING_EQUAL(result.error.path, "/port");
    int status = -1;
    CU_ASSERT_TRUE(waitpid(-1, &status, 0) > 0);
    CU_ASSERT_EQUAL(status, 0);
}

static int die_by_status(const struct tree *tree, int ready_fd)
{
    (void)tree, (void)ready_fd;
    return 3;
}

static int die_by_signal(const struct tree *tree, int ready_fd)
{
    (void)tree, (void)ready_fd;
    raise(SIGKILL);
    return 0;
}

static void test_died(void)
{
    struct result result = start(NULL, die_by_status);
    CU_ASSERT_EQUAL(result.rc, LLMSPELL_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.error.message, "died during start (exit status 3)"));
    result = start(NULL, die_by_signal);
    CU_ASSERT_EQUAL(result.rc, LLMSPELL_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.error.message, "died during start (signal 9, Killed)"));
    CU_ASSERT_EQUAL(waitpid(-1, NULL, 0), -1); /* nothing is left behind */
    CU_ASSERT_EQUAL(errno, ECHILD);
}

/* ---- the first process is gone when the daemon speaks ---- */

static int speak_late(const struct tree *tree, int ready_fd)
{
    char path[TREE_MAX], word;
    int gate = open(tree_path(tree, "gate", path), O_RDONLY);
    if (read(gate, &word, 1) != 0)
        return 1;
    daemonize_ready(ready_fd, -1);
    int answer = open(tree_path(tree, "answer", path), O_WRONLY);
    return write(answer, "alive", 5) != 5;
}

static void test_orphan(void)
{
    struct tree tree;
    char path[TREE_MAX], text[16] = "";
    int status = 0;
    tree_open(&tree);
    alarm(30); /* a daemon that does not answer must not hang us */
    mkfifo(tree_path(&tree, "gate", path), 0600);
    mkfifo(tree_path(&tree, "answer", path), 0600);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        start(&tree, speak_late);
        _exit(0);
    }
    int gate = open(tree_path(&tree, "gate", path), O_WRONLY); /* the daemon is there */
    kill(child, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status));
    close(gate);
    int answer = open(tree_path(&tree, "answer", path), O_RDONLY);
    CU_ASSERT_EQUAL(read(answer, text, sizeof text - 1), 5);
    CU_ASSERT_STRING_EQUAL(text, "alive");
    alarm(0);
    close(answer);
    tree_close(&tree);
}

TEST_MAIN("daemon/daemonize", {"ready", test_ready}, {"silent", test_silent},
          {"closed stdio", test_closed_stdio}, {"failed", test_failed}, {"died", test_died},
          {"first process gone", test_orphan})
