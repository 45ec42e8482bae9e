/* SPDX-License-Identifier: Apache-2.0
 * One program, its input and its output. Sockets instead of pipes, since a write to a program that
 * has ended must not raise SIGPIPE in the host. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#define TURN_MS 50

struct child {
    struct llmspell_call *call;
    const struct program *program;
    pid_t pid;
    int in, out; /* our ends; -1 when closed */
    size_t sent;
    struct byte_buffer *got;
    struct timespec start;
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

static int32_t fail_start(const struct child *child, int error)
{
    const struct program *program = child->program;
    if (error == ENOENT)
        return llmspell_fail(child->call, LLMSPELL_EUNAVAILABLE,
                             "%s is not installed; it is in the package %s", program->path,
                             program->package);
    if (error == EACCES || error == EPERM)
        return llmspell_fail(child->call, LLMSPELL_EPERM, "%s must not be started here",
                             program->path);
    return llmspell_fail(child->call, LLMSPELL_EIO, "cannot start %s: %s", program->path,
                         strerror(error));
}

/* 0 or an errno. in, out: the program's ends. */
static int spawn(struct child *child, int in, int out)
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
        error = posix_spawn(&child->pid, child->program->path, &actions, &attributes,
                            child->program->argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void send_some(struct child *child)
{
    const struct program *program = child->program;
    ssize_t put = send(child->in, program->text + child->sent, program->size - child->sent,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    child->sent += put > 0 ? (size_t)put : 0;
    bool over = put < 0 && errno != EAGAIN && errno != EINTR;
    if (over || child->sent == program->size)
        close_end(&child->in);
}

static int32_t check_time(const struct child *child)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long ms = (now.tv_sec - child->start.tv_sec) * 1000ll +
                   (now.tv_nsec - child->start.tv_nsec) / 1000000;
    if (child->program->wall_ms > 0 && ms > child->program->wall_ms)
        return llmspell_fail(child->call, LLMSPELL_ETIMEOUT,
                             "%s did not end within its time limit of %d ms", child->program->path,
                             child->program->wall_ms);
    return llmspell_cancelled(child->call);
}

/* Sends and reads what is possible now; false in *ret_more: the output has ended, or is enough. */
static int32_t turn(struct child *child, bool *ret_more)
{
    char chunk[65536];
    struct pollfd ends[] = {{.fd = child->out, .events = POLLIN},
                            {.fd = child->in, .events = POLLOUT}};
    poll(ends, 2, TURN_MS);
    if (child->in >= 0 && ends[1].revents)
        send_some(child);
    ssize_t got = recv(child->out, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got > 0)
        buffer_add(child->got, chunk, (size_t)got);
    *ret_more = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    if (child->program->enough > 0 && child->got->size >= child->program->enough)
        *ret_more = false;
    else if (child->got->size > child->program->max)
        return llmspell_fail(child->call, LLMSPELL_ELIMIT,
                             "%s prints more than the limit of %zu bytes", child->program->path,
                             child->program->max);
    if (child->got->failed)
        return llmspell_fail(child->call, LLMSPELL_ENOMEM, "out of memory");
    return check_time(child);
}

static int32_t start(struct child *child)
{
    int in[2], out[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0)
        return fail_start(child, errno);
    child->in = in[0];
    LLMSPELL_CLEANUP_CLOSE int its_in = in[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) != 0)
        return fail_start(child, errno);
    child->out = out[0];
    LLMSPELL_CLEANUP_CLOSE int its_out = out[1];
    int error = spawn(child, its_in, its_out);
    if (!error)
        return 0;
    child->pid = 0;
    return fail_start(child, error);
}

int32_t program_run(struct llmspell_call *call, const struct program *program,
                    struct byte_buffer *out, int *ret_status)
{
    __attribute__((cleanup(child_clear))) struct child child = {
        .call = call, .program = program, .in = -1, .out = -1, .got = out};
    clock_gettime(CLOCK_MONOTONIC, &child.start);
    int32_t rc = start(&child);
    for (bool more = true; rc == 0 && more;)
        rc = turn(&child, &more);
    *ret_status = 0;
    if (rc < 0 || (program->enough > 0 && out->size >= program->enough))
        return rc;
    while (waitpid(child.pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    child.pid = 0;
    return 0;
}
