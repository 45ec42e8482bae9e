/* SPDX-License-Identifier: Apache-2.0
 * The listening socket: one of the service manager's (FileDescriptorName=http), or one of our own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <llmspell/listen.h>

#include "http.h"

#define BACKLOG 256

static int bind_to(const char *ip, int port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t size = sizeof *v4;
    int yes = 1;
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        size = sizeof *v6;
    } else {
        return -EINVAL;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    return -why;
}

static int32_t bind_own(struct http *http, struct llmspell_call *call, int port)
{
    int fd = bind_to(http->ip, port);
    if (fd >= 0) {
        http->listener = fd;
        return 0;
    }
    if (fd == -EINVAL)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/ip",
                                "[protocol.http] ip %s is not a numeric address, as 127.0.0.1 is",
                                http->ip);
    return llmspell_fail_at(call, fd == -EADDRINUSE ? LLMSPELL_EBUSY : LLMSPELL_ENETWORK, "/port",
                            "cannot listen on %s port %d: %s; port 0 takes a free one", http->ip,
                            port, strerror(-fd));
}

static int32_t take_inherited(struct http *http, struct llmspell_call *call, int fd)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    int flags = fcntl(fd, F_GETFL);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens) {
        close(fd);
        return llmspell_fail(call, LLMSPELL_EINVAL,
                             "the inherited socket http does not listen: make it ListenStream=");
    }
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    http->listener = fd;
    return 0;
}

static void find_address(struct http *http)
{
    struct sockaddr_storage address = {0};
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    socklen_t size = sizeof address;
    http->host_ip[0] = 0;
    http->bound = 0;
    if (http->listener < 0 || getsockname(http->listener, (struct sockaddr *)&address, &size) != 0)
        return;
    if (address.ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, http->host_ip, sizeof http->host_ip);
        http->bound = ntohs(v4->sin_port);
    } else if (address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, http->host_ip, sizeof http->host_ip);
        http->bound = ntohs(v6->sin6_port);
    }
}

int32_t listen_open(struct http *http, struct llmspell_call *call, const json_t *wanted)
{
    const struct llmspell_listen *inherited = call->host->extension(call->ctx, LLMSPELL_LISTEN);
    int port = (int)llmspell_integer(wanted, "port", http->port);
    int32_t fd, code = 0;
    http->listener = -1;
    if (port > 65535)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/port", "port %d is above 65535", port);
    if (inherited && inherited->take(call->ctx, "http", &fd) == 0)
        code = take_inherited(http, call, fd);
    else if (port >= 0)
        code = bind_own(http, call, port);
    find_address(http);
    return code;
}
