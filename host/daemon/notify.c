/* SPDX-License-Identifier: Apache-2.0
 * sd_notify's protocol. The socket is not connected: a service manager that starts anew binds
 * another one to the same path. */
#include "daemon/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX 2048 /* bytes of one datagram of ours */

static int set_address(struct notify *notify, const char *name, struct error *ret_error)
{
    size_t length = strlen(name);
    if (strncmp(name, "vsock", 5) == 0)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "$NOTIFY_SOCKET is %s, and vsock is not supported: the service manager "
                         "will not hear of this kernel",
                         name);
    if ((*name != '/' && *name != '@') || length < 2 || length > sizeof notify->address.sun_path)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "$NOTIFY_SOCKET is \"%.200s\": it must be an absolute path or an "
                         "abstract name (@…) of at most %zu bytes",
                         name, sizeof notify->address.sun_path);
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, length);
    if (*name == '@')
        notify->address.sun_path[0] = '\0';
    notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

static int open_socket(struct notify *notify, const char *name, struct error *ret_error)
{
    int rc = set_address(notify, name, ret_error);
    if (rc < 0)
        return rc;
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make a socket for $NOTIFY_SOCKET: %s",
                         strerror(errno));
    return 0;
}

/* A positive number and nothing else; 0 if it is not. */
static uint64_t read_number(const char *text)
{
    if (strspn(text, "0123456789") != strlen(text))
        return 0;
    errno = 0;
    unsigned long long number = strtoull(text, NULL, 10);
    return errno ? 0 : number;
}

/* A watchdog that is meant for another process is none for us. */
static int read_watchdog(struct notify *notify, struct error *ret_error)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!period || (pid && read_number(pid) != (uint64_t)getpid()))
        return 0;
    notify->watchdog_us = read_number(period);
    if (notify->watchdog_us)
        return 0;
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "$WATCHDOG_USEC is \"%.64s\", not a number of microseconds above 0", period);
}

int notify_open(struct notify *ret_notify, struct error *ret_error)
{
    struct notify notify = {.fd = -1};
    const char *name = getenv("NOTIFY_SOCKET");
    int rc = name ? open_socket(&notify, name, ret_error) : 0;
    if (rc == 0)
        rc = read_watchdog(&notify, ret_error);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    *ret_notify = notify;
    return rc;
}

void notify_close(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    notify->fd = -1;
}

int notify_send(const struct notify *notify, const char *lines)
{
    ssize_t sent;
    if (notify->fd < 0)
        return 0;
    do
        sent = sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&notify->address, notify->size);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 1;
    return errno == EAGAIN || errno == ENOBUFS ? LLMSPELL_EBUSY : LLMSPELL_EIO;
}

/* "STATUS=" and status without anything that would end the line. */
static void put_status(char *lines, size_t size, const char *status)
{
    int head = snprintf(lines, size, "STATUS=%s", status);
    for (char *at = lines; head > 0 && *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
}

int notify_ready(const struct notify *notify, const char *status, pid_t mainpid)
{
    char lines[LINES_MAX], line[LINES_MAX / 2] = "", main_line[32] = "";
    if (status)
        put_status(line, sizeof line, status);
    if (mainpid > 0)
        snprintf(main_line, sizeof main_line, "\nMAINPID=%ld", (long)mainpid);
    snprintf(lines, sizeof lines, "READY=1%s%s%s", main_line, *line ? "\n" : "", line);
    return notify_send(notify, lines);
}

int notify_reloading(const struct notify *notify)
{
    char lines[96];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
    return notify_send(notify, lines);
}

int notify_stopping(const struct notify *notify)
{
    return notify_send(notify, "STOPPING=1");
}

int notify_status(const struct notify *notify, const char *format, ...)
{
    char status[LINES_MAX / 2], line[LINES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(status, sizeof status, format, arguments);
    va_end(arguments);
    put_status(line, sizeof line, status);
    return notify_send(notify, line);
}

int notify_watchdog(const struct notify *notify)
{
    return notify_send(notify, "WATCHDOG=1");
}

int64_t notify_watchdog_interval_ms(const struct notify *notify)
{
    uint64_t half_ms = notify->watchdog_us / 2000;
    if (notify->fd < 0 || notify->watchdog_us == 0)
        return 0;
    return half_ms < 1 ? 1 : half_ms > INT64_MAX ? INT64_MAX : (int64_t)half_ms;
}
