/* SPDX-License-Identifier: Apache-2.0
 * Counts the peers of a socket by what ZeroMQ tells of it: nothing is asked for, nothing is woken
 * while nobody comes or goes. Used by transport.c. */
#ifndef JUPYTER_MONITOR_H
#define JUPYTER_MONITOR_H

#include <stdatomic.h>
#include <stddef.h>

struct monitor {
    void *socket; /* where the events come; NULL: closed */
    int fd;       /* ZMQ_FD of it: becomes readable as the transport's others do */
    atomic_int peers;
    int failed; /* the next one that goes was never counted */
};

/* Watches `watched` from now on: before it is bound. EIO; message says why. */
int monitor_open(struct monitor *monitor, void *context, void *watched, char *message, size_t size);

/* Takes all events that are there. [the transport's thread] */
void monitor_receive(struct monitor *monitor);

/* Peers that have shaken hands and not gone. [any-thread] */
int monitor_peers(const struct monitor *monitor);

/* One of zeros is fine. */
void monitor_close(struct monitor *monitor);

#endif
