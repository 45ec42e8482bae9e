/* SPDX-License-Identifier: Apache-2.0
 * Sends lines back over TCP and executes those that begin with "!": an example of a protocol. One
 * thread reads; answers are sent by whichever thread of the kernel has them. */
#define _GNU_SOURCE /* accept4 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llmspell/listen.h>
#include <llmspell/protocol.h>
#include <llmspell/tool.h>

enum { CLIENTS = 32, LISTENER = CLIENTS, WAKE, POLLED, LINE = 4096 };

struct client { /* its slot is free when its fd is -1 and no request is on its way */
    struct echo *echo;
    atomic_int requests, answered; /* answered: the request that runs has shown its result */
    char line[LINE];
    size_t used;
};
struct echo {
    const struct llmspell_kernel *kernel;
    struct llmspell_ctx *ctx;
    char greeting[280];
    int port, bound, execute, wake;
    atomic_int count;
    uint64_t subscription;
    pthread_t thread;
    pthread_mutex_t lock;      /* guards fds[].fd against being closed while it is written to */
    struct pollfd fds[POLLED]; /* of the clients, in the order of their slots; -1: none */
    struct client clients[CLIENTS];
};

static void say(struct client *client, const char *before, const char *text)
{
    struct echo *echo = client->echo;
    pthread_mutex_lock(&echo->lock);
    int fd = echo->fds[client - echo->clients].fd;
    if (fd >= 0 && dprintf(fd, "%s%s\n", before, text ? text : "?") < 0)
        shutdown(fd, SHUT_RDWR); /* it does not read: the thread will see the end */
    pthread_mutex_unlock(&echo->lock);
}

static void on_event(void *data, const struct llmspell_message *message)
{
    struct echo *echo = data; /* the request that caused the event is its parent */
    unsigned slot;
    if (strcmp(message->msg_type, "execute_result") == 0 &&
        sscanf(message->parent, "{\"msg_id\":\"echo-%u\"}", &slot) == 1 && slot < CLIENTS) {
        const json_t *shown = json_object_get(message->content, "data");
        say(&echo->clients[slot], "", llmspell_string(shown, "text/plain"));
        echo->clients[slot].answered = 1;
    }
}

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct client *client = data;
    int answered = atomic_exchange(&client->answered, 0);
    if (!llmspell_is(content, "status", "ok"))
        say(client, "error: ", llmspell_string(content, "evalue"));
    else if (!answered)
        say(client, "", "ok");
    json_decref(content);
    (void)msg_type;
}

static void on_done(void *data)
{
    ((struct client *)data)->requests--;
}

static void take_line(struct client *client, const char *line)
{
    struct echo *echo = client->echo;
    char parent[64];
    if (*line != '!' || !echo->execute) {
        say(client, echo->greeting, line);
        return;
    }
    int size = snprintf(parent, sizeof parent, "{\"msg_id\":\"echo-%td\"}", client - echo->clients);
    struct llmspell_request request = {
        .size = sizeof request,
        .msg_type = "execute_request",
        .parent = parent,
        .parent_size = (uint32_t)size,
        .data = client,
        .reply = on_reply,
        .done = on_done,
        .content = json_pack("{s:s, s:b}", "code", line + 1, "stop_on_error", 0)};
    client->requests++; /* first: the callbacks may come before submit returns */
    int32_t code = echo->kernel->submit(echo->ctx, &request);
    if (code < 0) {
        client->requests--;
        say(client, "error: ", llmspell_error_text(code));
    }
}

static void drop(struct echo *echo, struct pollfd *slot)
{
    pthread_mutex_lock(&echo->lock);
    close(slot->fd);
    slot->fd = -1;
    pthread_mutex_unlock(&echo->lock);
    echo->count--;
}

static void receive(struct echo *echo, struct pollfd *slot, struct client *client)
{
    ssize_t n = read(slot->fd, client->line + client->used, LINE - client->used);
    client->used += n > 0 ? (size_t)n : 0;
    for (char *end; (end = memchr(client->line, '\n', client->used));) {
        *end = '\0';
        take_line(client, client->line);
        client->used -= (size_t)(++end - client->line);
        memmove(client->line, end, client->used);
    }
    if (n <= 0 || client->used == LINE) /* it has gone, or sends a line without an end */
        drop(echo, slot);
}

static void welcome(struct echo *echo, int fd)
{
    for (int i = 0; fd >= 0 && i < CLIENTS; i++) {
        if (echo->fds[i].fd >= 0 || echo->clients[i].requests > 0)
            continue;
        echo->clients[i].used = 0;
        pthread_mutex_lock(&echo->lock);
        echo->fds[i].fd = fd;
        pthread_mutex_unlock(&echo->lock);
        echo->count++;
        return;
    }
    close(fd);
}

static void *run(void *data)
{
    struct echo *echo = data;
    while (poll(echo->fds, POLLED, -1) > 0 && !echo->fds[WAKE].revents) {
        for (int i = 0; i < CLIENTS; i++)
            if (echo->fds[i].fd >= 0 && echo->fds[i].revents)
                receive(echo, &echo->fds[i], &echo->clients[i]);
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
    pthread_mutex_init(&echo->lock, NULL);
    echo->port = (int)llmspell_integer(config, "port", 0);
    echo->execute = llmspell_bool(config, "execute", 0);
    snprintf(echo->greeting, sizeof echo->greeting, "%s", llmspell_string(config, "greeting"));
    *ret_self = echo;
    return 0;
}

static void echo_stop(void *self)
{
    struct echo *echo = self;
    echo->kernel->unsubscribe(echo->ctx, echo->subscription);
    eventfd_write(echo->wake, 1);
    pthread_join(echo->thread, NULL);
    for (int i = 0; i < POLLED; i++)
        if (echo->fds[i].fd >= 0)
            close(echo->fds[i].fd); /* all has been written: what is left to send, leaves */
    echo->count = 0;
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
    echo->ctx = call->ctx;
    echo->kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    echo->wake = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < POLLED; i++)
        echo->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (int i = 0; i < CLIENTS; i++)
        echo->clients[i].echo = echo;
    echo->fds[LISTENER].fd = fd;
    echo->fds[WAKE].fd = echo->wake;
    echo->kernel->subscribe(echo->ctx, on_event, echo, &echo->subscription);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
    int failed = pthread_create(&echo->thread, NULL, run, echo);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        echo->kernel->unsubscribe(echo->ctx, echo->subscription);
        close(fd), close(echo->wake);
        return llmspell_fail(call, LLMSPELL_EIO, "no thread: %s", strerror(failed));
    }
    return llmspell_return(call, ret_connection,
                           json_pack("{s:s, s:i}", "ip", "127.0.0.1", "port", echo->bound));
}

/* Commands do not come this way: there is no connect without a request that can be answered. */
static int32_t echo_connect(void *self, struct llmspell_call *call, const json_t *connection,
                            int32_t timeout_ms, void **ret_channel)
{
    (void)self, (void)connection, (void)timeout_ms, (void)ret_channel;
    return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                         "the protocol echo is for people, not for commands: use nc, or let "
                         "[kernel] protocol name jupyter first");
}

static int32_t echo_request(void *channel, struct llmspell_call *call,
                            const struct llmspell_client_request *request, json_t **ret_reply)
{
    return echo_connect(channel, call, request->content, 0, (void **)ret_reply);
}

static void echo_disconnect(void *channel)
{
    (void)channel; /* there is none */
}

static void echo_close(void *self)
{
    pthread_mutex_destroy(&((struct echo *)self)->lock);
    free(self);
}

static int32_t echo_status(void *self, json_t **ret_status)
{
    struct echo *echo = self;
    *ret_status =
        json_pack("{s:i, s:i}", "clients", atomic_load(&echo->count), "port", echo->bound);
    return *ret_status ? 0 : LLMSPELL_ENOMEM;
}

LLMSPELL_PROTOCOL(.open = echo_open, .serve = echo_serve, .stop = echo_stop,
                  .connect = echo_connect, .request = echo_request, .disconnect = echo_disconnect,
                  .close = echo_close, .status = echo_status)
