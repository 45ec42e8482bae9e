/* SPDX-License-Identifier: Apache-2.0
 * Sockets of a kernel. ZMQ_FD is edge-like: its state changes when ZeroMQ's own commands arrive,
 * and any call on the socket may eat them. So the thread here receives until there is nothing more,
 * and whoever sends looks at ZMQ_EVENTS afterwards and wakes the thread if a message came to light.
 */
#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <llmspell/error.h>

#include "endpoint.h"
#include "hold.h"
#include "monitor.h"

#define LINGER_MS 1000  /* how long the last messages may take to leave */
#define DRAIN_BUDGET 16 /* messages of one channel before the others have their turn */
#define MESSAGE_MAX (INT64_C(1) << 28) /* bytes of one frame that a peer may send */
#define QUEUE_MAX 32768                /* events that wait for one subscriber; more are dropped */
#define HANDSHAKE_MS 10000             /* who connects and says nothing is thrown out after it */

const char *const transport_port_names[TRANSPORT_CHANNELS] = {
    "shell_port", "control_port", "stdin_port", "iopub_port", "hb_port"};

struct channel {
    pthread_mutex_t lock; /* of all calls on socket */
    void *socket;         /* NULL: closed */
    int fd;               /* ZMQ_FD */
    int port;
    int pending; /* [thread] there may be more to receive */
};

struct transport {
    void *context;
    struct endpoint_base base;
    struct channel channels[TRANSPORT_CHANNELS];
    struct monitor monitor; /* of the shell channel: each client has one */
    struct hold hold;       /* under the lock of iopub */
    int wake_fd;            /* eventfd: look at all channels */
    int started;
    atomic_int receiver; /* thread id of the thread */
    atomic_int stopping;
    pthread_t thread;
    transport_receive_fn receive;
    void *data;
    struct wire_frames *frames; /* [thread] */
};

static void set_option(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static void set_options(const struct transport *transport, enum transport_channel channel,
                        void *socket)
{
    int64_t most = MESSAGE_MAX;
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    set_option(socket, ZMQ_LINGER, LINGER_MS);
    /* Anybody may subscribe: who never reads loses events, and nobody else. Replies are for those
     * who know the key, and no more than they asked for. */
    set_option(socket, ZMQ_SNDHWM, channel == TRANSPORT_IOPUB ? QUEUE_MAX : 0);
    set_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    set_option(socket, ZMQ_IPV6, transport->base.ipv6);
    if (channel == TRANSPORT_IOPUB)
        set_option(socket, ZMQ_XPUB_VERBOSE, 1); /* else a second client gets no welcome */
    else if (channel != TRANSPORT_HB)
        set_option(socket, ZMQ_ROUTER_HANDOVER, 1); /* a client may come back under its name */
    if (channel == TRANSPORT_STDIN)
        set_option(socket, ZMQ_ROUTER_MANDATORY, 1); /* a question that nobody hears must fail */
}

static int channel_open(struct transport *transport, enum transport_channel channel,
                        const struct transport_wish *wish, char *message, size_t size)
{
    static const int types[TRANSPORT_CHANNELS] = {ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_ROUTER, ZMQ_XPUB,
                                                  ZMQ_REP};
    struct channel *c = &transport->channels[channel];
    size_t fd_size = sizeof c->fd;
    c->socket = zmq_socket(transport->context, types[channel]);
    if (!c->socket) {
        snprintf(message, size, "no ZeroMQ socket: %s", zmq_strerror(errno));
        return LLMSPELL_EIO;
    }
    set_options(transport, channel, c->socket);
    if (curve_serve(wish->curve, c->socket) < 0) {
        snprintf(message, size, "the socket of %s cannot be encrypted: %s",
                 transport_port_names[channel], zmq_strerror(errno));
        return LLMSPELL_EIO;
    }
    int result = channel == TRANSPORT_SHELL ? monitor_open(&transport->monitor, transport->context,
                                                           c->socket, message, size)
                                            : 0;
    if (result == 0)
        result = endpoint_bind(&transport->base, c->socket, transport_port_names[channel],
                               wish->ports[channel], &c->port, message, size);
    if (result < 0)
        return result;
    zmq_getsockopt(c->socket, ZMQ_FD, &c->fd, &fd_size);
    return 0;
}

static int transport_init(struct transport *transport, char *message, size_t size)
{
    transport->wake_fd = -1;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        pthread_mutex_init(&transport->channels[i].lock, NULL);
    transport->frames = calloc(1, sizeof *transport->frames);
    transport->context = zmq_ctx_new();
    transport->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (transport->frames && transport->context && transport->wake_fd >= 0 &&
        hold_open(&transport->hold, transport->context) == 0)
        return 0;
    snprintf(message, size, "cannot make the sockets: %s", strerror(errno));
    return LLMSPELL_EIO;
}

int transport_open(const struct transport_wish *wish, char *message, size_t size,
                   struct transport **ret_transport)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport) {
        snprintf(message, size, "out of memory");
        return LLMSPELL_ENOMEM;
    }
    int result = transport_init(transport, message, size);
    if (result == 0)
        result = endpoint_base_init(&transport->base, wish->transport, wish->ip, message, size);
    if (result == 0)
        result = endpoint_base_adopt(&transport->base, message, size);
    for (int i = 0; i < TRANSPORT_CHANNELS && result == 0; i++)
        result = channel_open(transport, (enum transport_channel)i, wish, message, size);
    if (result < 0) {
        transport_close(transport);
        transport_free(transport);
        return result;
    }
    *ret_transport = transport;
    return 0;
}

const char *transport_ip(const struct transport *transport)
{
    return transport->base.ip;
}

int transport_port(const struct transport *transport, enum transport_channel channel)
{
    return transport->channels[channel].port;
}

int transport_clients(const struct transport *transport)
{
    return monitor_peers(&transport->monitor);
}

/* ---- receiving ---- */

static void wake(struct transport *transport)
{
    uint64_t one = 1;
    while (write(transport->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

/* Heartbeat: what came goes back. The socket is used by this thread alone. */
static void echo(void *socket, struct wire_frames *frames)
{
    size_t kept = frames->count < WIRE_FRAMES_MAX ? frames->count : WIRE_FRAMES_MAX;
    for (size_t i = 0; i < kept; i++)
        if (zmq_msg_send(&frames->messages[i], socket,
                         ZMQ_DONTWAIT | (i + 1 < kept ? ZMQ_SNDMORE : 0)) < 0)
            break;
}

/* The first subscription: its welcome goes before what was held. */
static void subscribed(struct transport *transport)
{
    struct channel *c = &transport->channels[TRANSPORT_IOPUB];
    struct wire_frames *frames = transport->frames;
    int first = frames->count == 1 && frames->spans[0].size > 0 && frames->spans[0].data[0] == 1;
    transport->hold.releasing = first;
    transport->receive(transport->data, TRANSPORT_IOPUB, frames->spans, frames->count);
    transport->hold.releasing = 0;
    pthread_mutex_lock(&c->lock);
    if (first)
        hold_release(&transport->hold, c->socket);
    pthread_mutex_unlock(&c->lock);
}

/* Takes one message: 1 if there was one. */
static int channel_receive(struct transport *transport, enum transport_channel channel)
{
    struct channel *c = &transport->channels[channel];
    pthread_mutex_lock(&c->lock);
    int result = wire_receive(c->socket, transport->frames);
    if (result == 0 && channel == TRANSPORT_HB)
        echo(c->socket, transport->frames);
    pthread_mutex_unlock(&c->lock);
    if (result < 0)
        return 0;
    if (channel == TRANSPORT_IOPUB)
        subscribed(transport);
    else if (channel != TRANSPORT_HB)
        transport->receive(transport->data, channel, transport->frames->spans,
                           transport->frames->count);
    wire_clear(transport->frames); /* a megabyte is not kept until the next message */
    return 1;
}

/* Receives on every channel that has something; 1 if there may be more. */
static int receive_round(struct transport *transport)
{
    int more = 0;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        struct channel *c = &transport->channels[i];
        for (int n = 0; c->pending && n < DRAIN_BUDGET; n++)
            c->pending = channel_receive(transport, (enum transport_channel)i);
        more |= c->pending;
    }
    return more;
}

enum { POLL_WAKE = TRANSPORT_CHANNELS, POLL_MONITOR, POLL_COUNT };

static void note_ready(struct transport *transport, const struct pollfd *fds)
{
    uint64_t count;
    int all = fds[POLL_WAKE].revents != 0;
    if (fds[POLL_MONITOR].revents)
        monitor_receive(&transport->monitor);
    if (all && read(transport->wake_fd, &count, sizeof count) < 0)
        all = errno != EAGAIN;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        if (all || fds[i].revents)
            transport->channels[i].pending = 1;
}

static void *transport_thread(void *argument)
{
    struct transport *transport = argument;
    struct pollfd fds[POLL_COUNT];
    int more = 1; /* what came before this thread was there */
    atomic_store(&transport->receiver, gettid());
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        fds[i] = (struct pollfd){.fd = transport->channels[i].fd, .events = POLLIN};
        transport->channels[i].pending = 1;
    }
    fds[POLL_WAKE] = (struct pollfd){.fd = transport->wake_fd, .events = POLLIN};
    fds[POLL_MONITOR] = (struct pollfd){.fd = transport->monitor.fd, .events = POLLIN};
    monitor_receive(&transport->monitor); /* its fd tells only of what comes later */
    while (!atomic_load(&transport->stopping)) {
        if (poll(fds, POLL_COUNT, more ? 0 : -1) > 0)
            note_ready(transport, fds);
        more = receive_round(transport);
    }
    wire_clear(transport->frames);
    return NULL;
}

int transport_start(struct transport *transport, transport_receive_fn receive, void *data)
{
    sigset_t all, before;
    transport->receive = receive;
    transport->data = data;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int error = pthread_create(&transport->thread, NULL, transport_thread, transport);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return LLMSPELL_EIO;
    pthread_setname_np(transport->thread, "jupyter");
    transport->started = 1;
    return 0;
}

/* ---- sending ---- */

/* Where to hold a message that is to be published; NULL: nowhere, send it. */
static void *held_in(struct transport *transport, const struct wire_outgoing *message)
{
    struct hold *hold = &transport->hold;
    int receiver = hold->in && atomic_load(&transport->receiver) == gettid();
    size_t size = message->header.size + message->parent.size + message->content.size;
    if (receiver && hold->releasing)
        return NULL;
    return hold_begin(hold, &transport->channels[TRANSPORT_IOPUB].lock, size, !receiver);
}

int transport_send(struct transport *transport, enum transport_channel channel,
                   const struct span *prefix, size_t count, struct wire_outgoing *message)
{
    struct channel *c = &transport->channels[channel];
    int events = 0, result = LLMSPELL_EUNAVAILABLE;
    size_t size = sizeof events;
    pthread_mutex_lock(&c->lock);
    void *held = channel == TRANSPORT_IOPUB && c->socket ? held_in(transport, message) : NULL;
    if (held) {
        result = wire_send(held, prefix, count, message);
    } else if (c->socket) {
        result = wire_send(c->socket, prefix, count, message);
        zmq_getsockopt(c->socket, ZMQ_EVENTS, &events, &size);
    } else {
        wire_outgoing_clear(message);
    }
    pthread_mutex_unlock(&c->lock);
    if (events & ZMQ_POLLIN)
        wake(transport);
    return result;
}

/* ---- the end ---- */

void transport_hurry(struct transport *transport)
{
    struct channel *c = &transport->channels[TRANSPORT_IOPUB];
    pthread_mutex_lock(&c->lock);
    hold_end(&transport->hold);
    pthread_mutex_unlock(&c->lock);
}

void transport_close(struct transport *transport)
{
    if (transport->started) {
        atomic_store(&transport->stopping, 1);
        wake(transport);
        pthread_join(transport->thread, NULL);
        transport->started = 0;
    }
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        struct channel *c = &transport->channels[i];
        pthread_mutex_lock(&c->lock);
        if (c->socket)
            zmq_close(c->socket);
        c->socket = NULL;
        pthread_mutex_unlock(&c->lock);
    }
    transport_hurry(transport);
    monitor_close(&transport->monitor);
    if (transport->context)
        while (zmq_ctx_term(transport->context) < 0 && errno == EINTR)
            ;
    transport->context = NULL;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++) {
        if (transport->channels[i].port)
            endpoint_unbound(&transport->base, transport->channels[i].port);
        transport->channels[i].port = 0;
    }
    endpoint_base_clear(&transport->base);
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    for (int i = 0; i < TRANSPORT_CHANNELS; i++)
        pthread_mutex_destroy(&transport->channels[i].lock);
    if (transport->wake_fd >= 0)
        close(transport->wake_fd);
    hold_close(&transport->hold);
    free(transport->frames);
    free(transport);
}
