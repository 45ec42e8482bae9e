/* SPDX-License-Identifier: Apache-2.0
 * The double fork, and the pipe over which the daemon tells the first process how its start went.
 * While it waits, the first process is the "subreaper" of its descendants: so it learns with which
 * signal or status a daemon ended that said nothing. */
#include "daemon/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <llmspell/tool.h>

#define EXIT_MS 2000 /* between the end of the pipe and the end of the process */

enum word { WORD_PID = 'P', WORD_READY = 'R', WORD_FAILED = 'F' };

/* What goes over the pipe; shorter than PIPE_BUF, so it arrives whole. */
struct message {
    int32_t word;
    int32_t pid;        /* of the daemon */
    struct error error; /* WORD_FAILED */
};

static int system_error(const char *what, struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_EIO, "cannot start the daemon: %s: %s", what,
                     strerror(errno));
}

/* ---- the daemon's end of the pipe ---- */

/* The reader may be gone, which must not end the daemon: SIGPIPE is kept away from this one write.
 */
static void send_message(int fd, const struct message *message)
{
    sigset_t pipe_signal, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t written;
    do
        written = write(fd, message, sizeof *message);
    while (written < 0 && errno == EINTR);
    if (written < 0 && errno == EPIPE && !sigismember(&before, SIGPIPE))
        sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void send_failure(int fd, const struct error *error)
{
    struct message message = {.word = WORD_FAILED, .pid = (int32_t)getpid()};
    message.error = *error;
    send_message(fd, &message);
}

/* Everything from 3 up but keep. */
static int close_others(int keep)
{
    if ((keep == 3 || close_range(3, (unsigned)keep - 1, 0) == 0) &&
        close_range((unsigned)keep + 1, ~0U, 0) == 0)
        return 0;
    if (errno != ENOSYS && errno != EPERM)
        return -1;
    struct rlimit limit; /* a kernel or a sandbox that does not know the call */
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -1;
    int end = limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
    for (int fd = 3; fd < end; fd++)
        if (fd != keep)
            close(fd);
    return 0;
}

static int make_tidy(int ready_fd, struct error *ret_error)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&ignore.sa_mask);
    if (sigaction(SIGHUP, &ignore, NULL) < 0)
        return system_error("ignoring SIGHUP", ret_error);
    if (chdir("/") < 0)
        return system_error("chdir /", ret_error);
    umask(027);
    if (close_others(ready_fd) < 0)
        return system_error("closing inherited files", ret_error);
    return 0;
}

/* The second child: session, group and terminal are settled. Returns in order only. */
static void become_daemon(int ready_fd)
{
    struct error error = {0};
    struct message message = {.word = WORD_PID, .pid = (int32_t)getpid()};
    send_message(ready_fd, &message);
    if (make_tidy(ready_fd, &error) == 0)
        return;
    send_failure(ready_fd, &error);
    _exit(EXIT_FAILURE);
}

/* The first child: leads the new session, and ends, so that the second leads nothing and cannot get
 * a terminal by opening one. Returns in the second only. */
static void fork_again(int ready_fd)
{
    struct error error = {0};
    if (setsid() < 0) {
        system_error("setsid", &error);
    } else {
        pid_t pid = fork();
        if (pid == 0)
            return;
        if (pid > 0)
            _exit(EXIT_SUCCESS);
        system_error("fork", &error);
    }
    send_failure(ready_fd, &error);
    _exit(EXIT_FAILURE);
}

/* ---- the first process's end ---- */

/* Returns 1 with a whole message, 0 at the end of the pipe. */
static int receive_message(int fd, struct message *ret_message)
{
    struct message message;
    size_t size = 0;
    while (size < sizeof message) {
        ssize_t got = read(fd, (char *)&message + size, sizeof message - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        size += (size_t)got;
    }
    message.error.message[ERROR_MESSAGE_MAX - 1] = '\0';
    message.error.path[ERROR_PATH_MAX - 1] = '\0';
    *ret_message = message;
    return 1;
}

/* The pipe ended without a word: waits for the process's end, and says how it ended. */
static int report_death(pid_t pid, struct error *ret_error)
{
    int status = 0;
    bool known = false;
    LLMSPELL_CLEANUP_CLOSE int handle = pid > 0 ? pidfd_open(pid, 0) : -1;
    struct pollfd end = {.fd = handle, .events = POLLIN};
    if (handle >= 0 && poll(&end, 1, EXIT_MS) == 1)
        known = waitpid(pid, &status, WNOHANG) == pid;
    char how[64] = "without a word";
    if (known && WIFSIGNALED(status))
        snprintf(how, sizeof how, "signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (known)
        snprintf(how, sizeof how, "exit status %d", WEXITSTATUS(status));
    return error_set(ret_error, LLMSPELL_EFAILED,
                     "the daemon died during start (%s): its messages above or in its log say why",
                     how);
}

static int wait_for_word(int fd, pid_t child, int *ret_pid, struct error *ret_error)
{
    struct message message = {0};
    pid_t daemon = 0;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    while (receive_message(fd, &message) == 1) {
        daemon = message.pid;
        if (message.word == WORD_READY) {
            *ret_pid = daemon;
            return 1;
        }
        if (message.word == WORD_FAILED) {
            if (ret_error)
                *ret_error = message.error;
            return message.error.code < 0 ? message.error.code : LLMSPELL_EFAILED;
        }
    }
    return report_death(daemon, ret_error);
}

/* A pipe whose ends are none of stdin, stdout, stderr, even if those are closed. */
static int open_pipe(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) < 0)
        return -1;
    ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, 3);
    ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, 3);
    close(low[0]);
    close(low[1]);
    return ends[0] < 0 || ends[1] < 0 ? -1 : 0;
}

int daemonize(int *ret_ready_fd, int *ret_pid, struct error *ret_error)
{
    LLMSPELL_CLEANUP_CLOSE int reader = -1, writer = -1;
    int ends[2] = {-1, -1}, subreaper = 0;
    int rc = open_pipe(ends);
    reader = ends[0];
    writer = ends[1];
    if (rc < 0)
        return system_error("pipe", ret_error);
    fflush(stdout);
    fflush(stderr);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t child = fork();
    if (child == 0) {
        fork_again(writer);
        become_daemon(writer);
        *ret_ready_fd = writer;
        reader = writer = -1; /* the reader is closed with all others */
        return 0;
    }
    rc = child < 0 ? system_error("fork", ret_error) : 0;
    close(writer);
    writer = -1;
    if (!rc)
        rc = wait_for_word(reader, child, ret_pid, ret_error);
    prctl(PR_SET_CHILD_SUBREAPER, subreaper);
    return rc;
}

void daemonize_ready(int ready_fd, int log_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
    int out = log_fd >= 0 ? log_fd : null;
    fflush(stdout);
    fflush(stderr);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
    }
    if (null > STDERR_FILENO)
        close(null);
    else if (null >= 0)
        fcntl(null, F_SETFD, 0); /* stdio was closed: the file stays in its place */
    struct message message = {.word = WORD_READY, .pid = (int32_t)getpid()};
    send_message(ready_fd, &message);
    close(ready_fd);
}

void daemonize_failed(int ready_fd, const struct error *error)
{
    send_failure(ready_fd, error);
    close(ready_fd);
}
