/* SPDX-License-Identifier: Apache-2.0
 * Endpoints: addresses to connect to, and binding with messages that name the port. */
#include "endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include <llmspell/error.h>

#define IPC_PORT_MAX 65535
#define PRIVATE_FOLDER "llmspell-"
#define RANDOM "XXXXXX" /* in its name */

/* A folder that only we can enter: socket paths in a shared folder must not be predictable. */
static int make_folder(struct endpoint_base *base, char *message, size_t size)
{
    const char *parent = getenv("XDG_RUNTIME_DIR");
    if (!parent || parent[0] != '/' || strlen(parent) > 60 || access(parent, W_OK) < 0)
        parent = "/tmp";
    if (asprintf(&base->folder, "%s/" PRIVATE_FOLDER RANDOM, parent) < 0)
        base->folder = NULL;
    if (!base->folder || !mkdtemp(base->folder)) {
        snprintf(message, size, "cannot make a folder for the sockets in %s: %s", parent,
                 strerror(errno));
        free(base->folder);
        base->folder = NULL;
        return LLMSPELL_EIO;
    }
    snprintf(base->ip, sizeof base->ip, "%s/kernel", base->folder);
    return 0;
}

int endpoint_base_init(struct endpoint_base *base, const char *transport, const char *ip,
                       char *message, size_t size)
{
    *base = (struct endpoint_base){.ipc = strcmp(transport, "ipc") == 0};
    if (!base->ipc && strcmp(transport, "tcp") != 0) {
        snprintf(message, size, "transport is \"%s\"; it must be \"tcp\" or \"ipc\"", transport);
        return LLMSPELL_EINVAL;
    }
    if (base->ipc && !ip[0])
        return make_folder(base, message, size);
    if (!ip[0] || strlen(ip) >= sizeof base->ip) {
        snprintf(message, size, "ip is empty or too long; give an address such as 127.0.0.1");
        return LLMSPELL_EINVAL;
    }
    snprintf(base->ip, sizeof base->ip, "%s", ip);
    base->ipv6 = !base->ipc && strchr(ip, ':') != NULL;
    return 0;
}

/* The path of an earlier socket, in a private folder that went with it: made anew. One that is
 * there must still be ours alone. */
int endpoint_base_adopt(struct endpoint_base *base, char *message, size_t size)
{
    static const char mark[] = "/" PRIVATE_FOLDER;
    struct stat status;
    const char *slash = strrchr(base->ip, '/');
    if (!base->ipc || base->folder)
        return 0;
    char *folder = strndup(base->ip, slash ? (size_t)(slash - base->ip) : 0);
    const char *name = folder ? strrchr(folder, '/') : NULL;
    if (!name || strncmp(name, mark, sizeof mark - 1) != 0 ||
        strlen(name) != sizeof mark - 1 + sizeof RANDOM - 1) { /* somebody's choice */
        free(folder);
        return 0;
    }
    int made = mkdir(folder, 0700) == 0;
    if (!made && (lstat(folder, &status) < 0 || !S_ISDIR(status.st_mode) ||
                  status.st_uid != geteuid() || (status.st_mode & 077))) {
        snprintf(message, size, "%s is no folder of ours alone: remove it, or give another ip",
                 folder);
        free(folder);
        return LLMSPELL_EPERM;
    }
    base->folder = folder; /* also one that a kernel left when it crashed */
    return 0;
}

void endpoint_base_clear(struct endpoint_base *base)
{
    if (base->folder)
        rmdir(base->folder);
    free(base->folder);
    base->folder = NULL;
}

static int format_address(const struct endpoint_base *base, const char *ip, const char *port,
                          char ret_address[ENDPOINT_MAX])
{
    int brackets = base->ipv6 && ip[0] != '[';
    int size = base->ipc ? snprintf(ret_address, ENDPOINT_MAX, "ipc://%s-%s", ip, port)
                         : snprintf(ret_address, ENDPOINT_MAX, "tcp://%s%s%s:%s",
                                    brackets ? "[" : "", ip, brackets ? "]" : "", port);
    size_t room =
        base->ipc ? sizeof "ipc://" - 1 + sizeof((struct sockaddr_un){0}).sun_path : ENDPOINT_MAX;
    return size > 0 && (size_t)size < room ? 0 : LLMSPELL_EINVAL;
}

int endpoint_connect_address(const struct endpoint_base *base, int port,
                             char ret_address[ENDPOINT_MAX])
{
    char digits[16];
    const char *ip = base->ip;
    if (!base->ipc && (strcmp(ip, "*") == 0 || strcmp(ip, "0.0.0.0") == 0))
        ip = "127.0.0.1"; /* bound everywhere: here too */
    else if (!base->ipc && strcmp(ip, "::") == 0)
        ip = "::1";
    snprintf(digits, sizeof digits, "%d", port);
    return format_address(base, ip, digits, ret_address);
}

/* Whether somebody accepts on a socket path: ZeroMQ would just take the path away from them. */
static int ipc_in_use(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int in_use = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    memcpy(address.sun_path, path, strnlen(path, sizeof address.sun_path - 1));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EAGAIN)
        in_use = 1;
    close(fd);
    return in_use;
}

/* The first number whose path is not there yet. */
static int ipc_free_port(const struct endpoint_base *base)
{
    char address[ENDPOINT_MAX], digits[16];
    struct stat status;
    for (int port = 1; port <= IPC_PORT_MAX; port++) {
        snprintf(digits, sizeof digits, "%d", port);
        if (format_address(base, base->ip, digits, address) < 0)
            return port; /* too long: bind says so */
        if (lstat(address + sizeof "ipc://" - 1, &status) < 0)
            return port;
    }
    return IPC_PORT_MAX;
}

void endpoint_unbound(const struct endpoint_base *base, int port)
{
    char address[ENDPOINT_MAX], digits[16];
    snprintf(digits, sizeof digits, "%d", port);
    if (base->ipc && format_address(base, base->ip, digits, address) == 0)
        unlink(address + sizeof "ipc://" - 1); /* ZeroMQ leaves it */
}

static int bind_failed(const char *name, const char *address, int port, int error, char *message,
                       size_t size)
{
    if (error == EADDRINUSE) {
        snprintf(message, size,
                 "port %d (%s, %s) is in use; end the program that holds it, or give another port, "
                 "or 0 for a free one",
                 port, name, address);
        return LLMSPELL_EBUSY;
    }
    snprintf(message, size, "cannot bind %s to %s: %s; check transport, ip and port", name, address,
             zmq_strerror(error));
    if (error == EACCES || error == EPERM)
        return LLMSPELL_EPERM;
    return error == EADDRNOTAVAIL || error == ENODEV || error == EINVAL ? LLMSPELL_EINVAL
                                                                        : LLMSPELL_EIO;
}

static int bound_port(void *socket)
{
    char address[ENDPOINT_MAX];
    size_t size = sizeof address;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, address, &size) < 0)
        return 0;
    const char *colon = strrchr(address, ':');
    return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
}

int endpoint_bind(const struct endpoint_base *base, void *socket, const char *name, int port,
                  int *ret_port, char *message, size_t size)
{
    char address[ENDPOINT_MAX], digits[16];
    struct stat status;
    const char *ip = !base->ipc && strcmp(base->ip, "localhost") == 0 ? "127.0.0.1" : base->ip;
    if (base->ipc && port == 0)
        port = ipc_free_port(base);
    snprintf(digits, sizeof digits, "%d", port);
    if (format_address(base, ip, port ? digits : "*", address) < 0) {
        snprintf(message, size, "the socket path \"%s-%d\" is too long; give a shorter ip", ip,
                 port);
        return LLMSPELL_EINVAL;
    }
    const char *path = address + sizeof "ipc://" - 1;
    if (base->ipc && lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        snprintf(message, size, "%s is there and is no socket: remove it, or give another ip",
                 path); /* ZeroMQ would remove it */
        return LLMSPELL_EBUSY;
    }
    if (base->ipc && ipc_in_use(path))
        return bind_failed(name, address, port, EADDRINUSE, message, size);
    if (zmq_bind(socket, address) < 0)
        return bind_failed(name, address, port, zmq_errno(), message, size);
    *ret_port = base->ipc ? port : bound_port(socket);
    return 0;
}
