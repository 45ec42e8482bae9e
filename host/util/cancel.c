/* SPDX-License-Identifier: Apache-2.0
 * The flag is set before the descriptor is looked at, and the descriptor is there before the flag
 * is looked at: one of the two sees the other. */
#include "util/cancel.h"

#include <sys/eventfd.h>
#include <unistd.h>

void cancel_init(struct cancel *cancel)
{
    atomic_init(&cancel->value, 0);
    atomic_init(&cancel->fd, -1);
}

void cancel_clear(struct cancel *cancel)
{
    int fd = atomic_exchange(&cancel->fd, -1);
    if (fd >= 0)
        close(fd);
}

void cancel_set(struct cancel *cancel)
{
    atomic_store(&cancel->value, 1);
    int fd = atomic_load(&cancel->fd);
    if (fd >= 0)
        eventfd_write(fd, 1);
}

int cancel_fd(struct cancel *cancel)
{
    int fd = atomic_load(&cancel->fd);
    if (fd < 0) {
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        atomic_store(&cancel->fd, fd);
    }
    if (fd >= 0 && atomic_load(&cancel->value))
        eventfd_write(fd, 1);
    return fd;
}
