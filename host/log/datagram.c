/* SPDX-License-Identifier: Apache-2.0
 * Datagrams to a local log service that may be started again, be slow or be gone. */
#include "log/datagram.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define STALL_MS 20 /* a burst may fill the queue of a service that is well */

/* A datagram socket may be connected again at any time, also below other threads' sends. */
static int connect_to(const struct datagram *datagram)
{
    return connect(datagram->fd, (const struct sockaddr *)&datagram->address,
                   sizeof datagram->address) < 0
               ? -errno
               : 0;
}

int datagram_open(struct datagram *datagram, const char *path)
{
    datagram->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    atomic_init(&datagram->stalled, false);
    size_t length = strlen(path);
    if (length >= sizeof datagram->address.sun_path)
        return -ENAMETOOLONG;
    memcpy(datagram->address.sun_path, path, length);
    datagram->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (datagram->fd < 0)
        return -errno;
    int rc = connect_to(datagram);
    if (rc)
        datagram_close(datagram);
    return rc;
}

void datagram_close(struct datagram *datagram)
{
    close(datagram->fd);
}

static int send_once(struct datagram *datagram, const struct msghdr *message)
{
    ssize_t sent;
    do
        sent = sendmsg(datagram->fd, message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int datagram_send(struct datagram *datagram, const struct msghdr *message)
{
    int rc = send_once(datagram, message);
    if (rc == -ECONNREFUSED || rc == -ENOTCONN || rc == -ECONNRESET || rc == -EPIPE) {
        rc = connect_to(datagram);
        if (rc == 0)
            rc = send_once(datagram, message);
    }
    struct pollfd ready = {.fd = datagram->fd, .events = POLLOUT};
    if (rc == -EAGAIN && !atomic_exchange(&datagram->stalled, true) &&
        poll(&ready, 1, STALL_MS) > 0)
        rc = send_once(datagram, message);
    if (rc == 0 && atomic_load(&datagram->stalled))
        atomic_store(&datagram->stalled, false);
    return rc;
}
