/* SPDX-License-Identifier: Apache-2.0
 * Socket activation: listening sockets that a service manager opened and handed down as descriptors
 * 3 and up ($LISTEN_FDS, $LISTEN_PID, $LISTEN_FDNAMES; sd_listen_fds(3)). The kernel process takes
 * them over at its start and gives them to protocol plugins by name (llmspell/listen.h). */
#ifndef HOST_LISTEN_H
#define HOST_LISTEN_H

#include "util/error.h"

#define LISTEN_SOCKETS_MAX 16
#define LISTEN_NAME_MAX 255 /* bytes, as systemd's */

struct listen_socket {
    int fd;
    const void *owner; /* who took it; NULL: nobody */
    char name[LISTEN_NAME_MAX + 1];
};

struct listen_set {
    unsigned count;
    struct listen_socket sockets[LISTEN_SOCKETS_MAX];
};

/* Takes over what was handed to this process and the variables out of the environment. 0, also if
 * there is nothing; EINVAL, ELIMIT, EIO (then the descriptors are left as they were). A socket
 * without a name is called "unknown". Before threads, before anything opens a file, and before
 * init_run. [main] */
int listen_open(struct listen_set *ret_set, struct error *ret_error);

/* The next socket called name that nobody has, for owner: a duplicate, close-on-exec, which is the
 * caller's. The set keeps its own, since a successor of owner could not bind the port again: the
 * service manager listens on it, too. LLMSPELL_ENOTFOUND: there is none (more), which is no error
 * of anybody's; LLMSPELL_EIO. [main] */
int listen_take(struct listen_set *set, const void *owner, const char *name, int *ret_fd);

/* What owner took can be taken again. NULL sets are fine. [main] */
void listen_give_back(struct listen_set *set, const void *owner);

void listen_close(struct listen_set *set);

/* For a start that goes into the background: EINVAL if sockets were handed to this process, since
 * they would be lost by the double fork; else 0. Leaves the environment alone. [main] */
int listen_refuse(struct error *ret_error);

#endif
