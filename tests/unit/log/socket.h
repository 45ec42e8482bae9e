/* SPDX-License-Identifier: Apache-2.0
 * A log service of a test: a datagram socket in its folder. */
#ifndef TEST_LOG_SOCKET_H
#define TEST_LOG_SOCKET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/tree.h"

/* Binds the socket "socket" in the tree; *path gets its path. */
static inline int socket_open(const struct tree *tree, char path[TREE_MAX])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    tree_path(tree, "socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* The next datagram, "" if there is none: the sender has sent before. */
static inline size_t socket_next(int fd, char *text, size_t room)
{
    ssize_t size = recv(fd, text, room - 1, MSG_DONTWAIT);
    text[size > 0 ? size : 0] = '\0';
    return size > 0 ? (size_t)size : 0;
}

#endif
