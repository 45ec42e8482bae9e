/* SPDX-License-Identifier: Apache-2.0
 * Datagrams to a local log service. Used by sink_syslog.c and sink_journal.c. */
#ifndef HOST_LOG_DATAGRAM_H
#define HOST_LOG_DATAGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct datagram {
    int fd;
    struct sockaddr_un address;
    atomic_bool stalled; /* the service does not drain: nobody waits for it again */
};

/* Connects to the service's socket. Returns 0 or -errno (ENAMETOOLONG …). */
int datagram_open(struct datagram *datagram, const char *path);
void datagram_close(struct datagram *datagram);

/* Sends one message whole, after a connect if the service was started again meanwhile. Waits 20 ms
 * once for a full queue, then not until it drains. Returns 0 or -errno. [any-thread] */
int datagram_send(struct datagram *datagram, const struct msghdr *message);

#endif
