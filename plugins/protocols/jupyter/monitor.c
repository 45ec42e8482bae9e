/* SPDX-License-Identifier: Apache-2.0
 * ZeroMQ's monitor: two frames an event, the number (16 bits) and a value (32 bits), then the
 * address. A peer that fails to shake hands is told of as failed, and at once as gone. */
#include "monitor.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <llmspell/error.h>

#define ADDRESS "inproc://monitor"
#define FAILED                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |                  \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

int monitor_open(struct monitor *monitor, void *context, void *watched, char *message, size_t size)
{
    size_t fd_size = sizeof monitor->fd;
    int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | FAILED;
    monitor->socket = zmq_socket(context, ZMQ_PAIR);
    if (monitor->socket && zmq_socket_monitor(watched, ADDRESS, events) == 0 &&
        zmq_connect(monitor->socket, ADDRESS) == 0 &&
        zmq_getsockopt(monitor->socket, ZMQ_FD, &monitor->fd, &fd_size) == 0)
        return 0;
    snprintf(message, size, "cannot watch who connects: %s", zmq_strerror(errno));
    return LLMSPELL_EIO;
}

static void take(struct monitor *monitor, const void *frame)
{
    uint16_t event;
    memcpy(&event, frame, sizeof event);
    if (event & FAILED) {
        monitor->failed = 1;
    } else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        atomic_fetch_add(&monitor->peers, 1);
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
        if (!monitor->failed)
            atomic_fetch_sub(&monitor->peers, 1);
        monitor->failed = 0;
    }
}

void monitor_receive(struct monitor *monitor)
{
    char frame[256]; /* a longer address is cut */
    int more = 0, first = 1;
    size_t size = sizeof more;
    while (monitor->socket) {
        int n = zmq_recv(monitor->socket, frame, sizeof frame, ZMQ_DONTWAIT);
        if (n < 0 && errno != EINTR)
            return;
        if (n < 0)
            continue;
        if (first && n >= (int)sizeof(uint16_t))
            take(monitor, frame);
        zmq_getsockopt(monitor->socket, ZMQ_RCVMORE, &more, &size);
        first = !more;
    }
}

int monitor_peers(const struct monitor *monitor)
{
    return atomic_load(&monitor->peers);
}

void monitor_close(struct monitor *monitor)
{
    if (monitor->socket)
        zmq_close(monitor->socket);
    monitor->socket = NULL;
}
