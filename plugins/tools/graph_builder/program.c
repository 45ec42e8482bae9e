/* SPDX-License-Identifier: Apache-2.0
 * One program, its input and its output. Sockets instead of pipes, since a write to a program that
 * has ended must not raise SIGPIPE in the host. */
#include "graph.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TURN_MS 50

struct child {
    struct llmspell_call *call;
    pid_t pid;
    int in, out; /* our ends; -1 when closed */
    const struct byte_buffer *text;
    size_t sent, max;
    struct byte_buffer *got;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void child_clear(struct child *child)
{
    close_end(&child->in);
    close_end(&child->out);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

static int32_t fail_start(struct llmspell_call *call, const char *program, int error)
{
    if (error == ENOENT)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "%s is not installed; it is in the package graphviz", program);
    if (error == EACCES || error == EPERM)
        return llmspell_fail(call, LLMSPELL_EPERM, "%s must not be started here", program);
    return llmspell_fail(call, LLMSPELL_EIO, "cannot start %s: %s", program, strerror(error));
}

/* 0 or an errno. in, out: the program's ends. */
static int spawn(struct child *child, const char *program, char *const argv[], int in, int out)
{
    static char *const environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                                        NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        posix_spawn_file_actions_adddup2(&actions, in, 0);
        posix_spawn_file_actions_adddup2(&actions, out, 1);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes, &signals);
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes, &signals);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        error = posix_spawn(&child->pid, program, &actions, &attributes, argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Sends and reads what is possible now; false in *ret_more: the output has ended. */
static int32_t turn(struct child *child, bool *ret_more)
{
    char chunk[65536];
    struct pollfd ends[] = {{.fd = child->out, .events = POLLIN},
                            {.fd = child->in, .events = POLLOUT}};
    poll(ends, 2, TURN_MS);
    if (child->in >= 0 && ends[1].revents) {
        ssize_t put = send(child->in, child->text->data + child->sent,
                           child->text->size - child->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        child->sent += put > 0 ? (size_t)put : 0;
        bool over = put < 0 && errno != EAGAIN && errno != EINTR;
        if (over || child->sent == child->text->size)
            close_end(&child->in);
    }
    ssize_t got = recv(child->out, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0)
        buffer_add(child->got, chunk, (size_t)got);
    *ret_more = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    if (child->got->size > child->max)
        return llmspell_fail(child->call, LLMSPELL_ELIMIT,
                             "the program prints more than the limit of %zu bytes", child->max);
    if (child->got->failed)
        return llmspell_fail(child->call, LLMSPELL_ENOMEM, "out of memory");
    return llmspell_cancelled(child->call);
}

int32_t program_run(struct llmspell_call *call, const char *program, char *const argv[],
                    const struct byte_buffer *text, struct byte_buffer *out, size_t max,
                    int *ret_status)
{
    __attribute__((cleanup(child_clear))) struct child child = {
        .call = call, .in = -1, .out = -1, .text = text, .got = out, .max = max};
    int in[2], output[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0)
        return fail_start(call, program, errno);
    child.in = in[0];
    LLMSPELL_CLEANUP_CLOSE int its_in = in[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, output) != 0)
        return fail_start(call, program, errno);
    child.out = output[0];
    LLMSPELL_CLEANUP_CLOSE int its_out = output[1];
    int error = spawn(&child, program, argv, its_in, its_out);
    if (error) {
        child.pid = 0;
        return fail_start(call, program, error);
    }
    close_end(&its_in);
    close_end(&its_out);
    bool more = true;
    while (more) {
        int32_t rc = turn(&child, &more);
        if (rc < 0)
            return rc;
    }
    while (waitpid(child.pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    child.pid = 0;
    return 0;
}
