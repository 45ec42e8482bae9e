/* SPDX-License-Identifier: Apache-2.0
 * Sends each line back over TCP: the least that a protocol is. One thread serves all clients. What
 * a protocol does with the kernel is in the SDK's template (`llmspell plugin new protocol`). */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llmspell/listen.h>
#include <llmspell/protocol.h>
#include <llmspell/tool.h>

enum { CLIENTS = 32, LISTENER = CLIENTS, WAKE, POLLED, LINE = 4096 };

struct echo {
    char greeting[280];
    int port, bound;
    atomic_int count;
    pthread_t thread;
    struct pollfd fds[POLLED]; /* the clients in their slots (-1: free), listener, wake-up */
    char lines[CLIENTS][LINE];
    size_t used[CLIENTS];
};

static void drop(struct echo *echo, int i)
{
    close(echo->fds[i].fd);
    echo->fds[i].fd = -1;
    echo->count--;
}

static void receive(struct echo *echo, int i)
{
    int fd = echo->fds[i].fd;
    char *line = echo->lines[i];
    ssize_t n = read(fd, line + echo->used[i], LINE - echo->used[i]);
    echo->used[i] += n > 0 ? (size_t)n : 0;
    for (char *end; n > 0 && (end = memchr(line, '\n', echo->used[i]));) {
        int size = (int)(++end - line);
        if (dprintf(fd, "%s%.*s", echo->greeting, size, line) < 0)
            n = -1; /* it does not read */
        echo->used[i] -= (size_t)size;
        memmove(line, end, echo->used[i]);
    }
    if (n <= 0 || echo->used[i] == LINE) /* it has gone, or sends a line without an end */
        drop(echo, i);
}

static void welcome(struct echo *echo, int fd)
{
    int i = 0;
    while (i < CLIENTS && echo->fds[i].fd >= 0)
        i++;
    if (fd < 0 || i == CLIENTS) {
        close(fd);
        return;
    }
    echo->fds[i].fd = fd;
    echo->used[i] = 0;
    echo->count++;
}

static void *run(void *data)
{
    struct echo *echo = data;
    while (poll(echo->fds, POLLED, -1) > 0 && !echo->fds[WAKE].revents) {
        for (int i = 0; i < CLIENTS; i++)
            if (echo->fds[i].fd >= 0 && echo->fds[i].revents)
                receive(echo, i);
        if (echo->fds[LISTENER].revents)
            welcome(echo,
                    accept4(echo->fds[LISTENER].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    }
    return NULL;
}

static int32_t echo_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    struct echo *echo = calloc(1, sizeof *echo);
    if (!echo)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    echo->port = (int)llmspell_integer(config, "port", 0);
    snprintf(echo->greeting, sizeof echo->greeting, "%s", llmspell_string(config, "greeting"));
    *ret_self = echo;
    return 0;
}

/* The socket that a service manager opened for us (FileDescriptorName=echo), or one of our own. */
static int listen_on(struct llmspell_call *call, int port)
{
    const struct llmspell_listen *inherited = call->host->extension(call->ctx, LLMSPELL_LISTEN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int32_t fd;
    int yes = 1;
    if (inherited && inherited->take(call->ctx, "echo", &fd) == 0) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        return fd;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, CLIENTS) == 0)
        return fd;
    close(fd);
    return llmspell_fail(call, LLMSPELL_EBUSY, "port %d cannot be had; 0 takes a free one", port);
}

static void close_all(struct echo *echo)
{
    for (int i = 0; i < POLLED; i++)
        if (echo->fds[i].fd >= 0)
            close(echo->fds[i].fd); /* all has been written: what is left to send, leaves */
    echo->count = 0;
}

/* wanted: what an earlier kernel had, or this one before its plugin was replaced. */
static int32_t echo_serve(void *self, struct llmspell_call *call, const json_t *wanted,
                          json_t **ret_connection)
{
    struct echo *echo = self;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    sigset_t all, before;
    int fd = listen_on(call, (int)llmspell_integer(wanted, "port", echo->port));
    if (fd < 0)
        return fd;
    getsockname(fd, (struct sockaddr *)&address, &size);
    echo->bound = ntohs(address.sin_port);
    for (int i = 0; i < POLLED; i++)
        echo->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    echo->fds[LISTENER].fd = fd;
    echo->fds[WAKE].fd = eventfd(0, EFD_CLOEXEC);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
    int failed = pthread_create(&echo->thread, NULL, run, echo);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        close_all(echo);
        return llmspell_fail(call, LLMSPELL_EIO, "no thread: %s", strerror(failed));
    }
    return llmspell_return(call, ret_connection,
                           json_pack("{s:s, s:i}", "ip", "127.0.0.1", "port", echo->bound));
}

static void echo_stop(void *self)
{
    struct echo *echo = self;
    eventfd_write(echo->fds[WAKE].fd, 1);
    pthread_join(echo->thread, NULL);
    close_all(echo);
}

static int32_t echo_status(void *self, json_t **ret_status)
{
    struct echo *echo = self;
    *ret_status =
        json_pack("{s:i, s:i}", "clients", atomic_load(&echo->count), "port", echo->bound);
    return *ret_status ? 0 : LLMSPELL_ENOMEM;
}

LLMSPELL_PROTOCOL(.open = echo_open, .serve = echo_serve, .stop = echo_stop, .close = free,
                  .status = echo_status)
