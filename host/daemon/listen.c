/* SPDX-License-Identifier: Apache-2.0
 * Taking over inherited sockets. All are checked before one is kept: a service that serves on half
 * of its sockets looks well and is not. */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* A number in the environment; 0 if it is not there, -1 if it is none. */
static long read_number(const char *variable)
{
    const char *text = getenv(variable);
    if (!text)
        return 0;
    size_t length = strlen(text);
    return length < 1 || length > 9 || strspn(text, "0123456789") != length
               ? -1
               : strtol(text, NULL, 10);
}

/* The variables may be there for another process: then they are no business of ours. */
static bool is_for_us(void)
{
    return read_number("LISTEN_PID") == (long)getpid();
}

static void forget_variables(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("LISTEN_PIDFDID");
}

/* A socket that can be listened on: a stream that listens, or a datagram socket. */
static int check_socket(int fd, const char *name, struct error *ret_error)
{
    int type = 0, listens = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "the inherited descriptor %d (\"%s\") is no socket (%s): name only "
                         "sockets in the .socket unit",
                         fd, name, strerror(errno));
    size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot ask about the inherited socket %d: %s",
                         fd, strerror(errno));
    if (type != SOCK_DGRAM && !listens)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "the inherited socket %d (\"%s\") does not listen: set Accept=no in the "
                         ".socket unit",
                         fd, name);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot keep the inherited socket %d: %s", fd,
                         strerror(errno));
    return 0;
}

/* Copies the next of the names between colons. */
static const char *next_name(const char *at, char *name)
{
    size_t length = strcspn(at, ":"), kept = length < LISTEN_NAME_MAX ? length : LISTEN_NAME_MAX;
    memcpy(name, at, kept);
    name[kept] = '\0';
    return at + length + (at[length] == ':');
}

static int take_over(struct listen_set *set, long count, struct error *ret_error)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int rc = 0;
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct listen_socket *inherited = &set->sockets[i];
        inherited->fd = FIRST_FD + (int)i;
        if (names && *names)
            names = next_name(names, inherited->name);
        else
            memcpy(inherited->name, "unknown", sizeof "unknown");
        rc = check_socket(inherited->fd, inherited->name, ret_error);
    }
    set->count = (unsigned)count;
    return rc;
}

int listen_open(struct listen_set *ret_set, struct error *ret_error)
{
    struct listen_set set = {.count = 0};
    long count = is_for_us() ? read_number("LISTEN_FDS") : 0;
    int rc = 0;
    if (count < 0)
        rc = error_set(ret_error, LLMSPELL_EINVAL, "$LISTEN_FDS is \"%.64s\", not a number",
                       getenv("LISTEN_FDS"));
    else if (count > LISTEN_SOCKETS_MAX)
        rc = error_set(ret_error, LLMSPELL_ELIMIT,
                       "%ld sockets were handed down ($LISTEN_FDS), more than %d", count,
                       LISTEN_SOCKETS_MAX);
    else
        rc = take_over(&set, count, ret_error);
    forget_variables();
    if (rc < 0)
        return rc;
    *ret_set = set;
    return 0;
}

int listen_take(struct listen_set *set, const void *owner, const char *name, int *ret_fd)
{
    for (unsigned i = 0; i < set->count; i++) {
        struct listen_socket *one = &set->sockets[i];
        if (one->owner || strcmp(one->name, name) != 0)
            continue;
        int fd = fcntl(one->fd, F_DUPFD_CLOEXEC, FIRST_FD);
        if (fd < 0)
            return LLMSPELL_EIO;
        one->owner = owner;
        *ret_fd = fd;
        return 0;
    }
    return LLMSPELL_ENOTFOUND;
}

void listen_give_back(struct listen_set *set, const void *owner)
{
    for (unsigned i = 0; set && i < set->count; i++)
        if (set->sockets[i].owner == owner)
            set->sockets[i].owner = NULL;
}

void listen_close(struct listen_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        close(set->sockets[i].fd);
    set->count = 0;
}

int listen_refuse(struct error *ret_error)
{
    if (!is_for_us() || read_number("LISTEN_FDS") == 0)
        return 0;
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "sockets were handed down ($LISTEN_FDS), which a daemon cannot take over: "
                     "start in the foreground, without --daemon (in a systemd unit: Type=notify)");
}
