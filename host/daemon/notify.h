/* SPDX-License-Identifier: Apache-2.0
 * Telling the service manager how a kernel fares, by sd_notify(3)'s protocol: datagrams of
 * NAME=value lines to the socket in $NOTIFY_SOCKET. Own code, since libsystemd would bring seven
 * shared objects for it. Used by the kernel process; without a service manager nothing is sent. */
#ifndef HOST_NOTIFY_H
#define HOST_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "util/error.h"

struct notify {
    int fd; /* -1: nobody wants to know */
    socklen_t size;
    struct sockaddr_un address;
    uint64_t watchdog_us; /* 0: none */
};

/* Takes $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID out of the environment, so that children
 * do not speak for us. 0, also without them; negative if one of them is of no use (EINVAL,
 * EUNAVAILABLE: vsock, EIO): *ret_notify is good all the same, and sends nothing.
 * [main, before threads] */
int notify_open(struct notify *ret_notify, struct error *ret_error);
void notify_close(struct notify *notify);

/* Sends lines, never waits. 1: sent; 0: nobody wants to know; LLMSPELL_EBUSY: the service manager
 * does not read, LLMSPELL_EIO: any other reason (errno says which). All below return the same.
 * [any-thread] */
int notify_send(const struct notify *notify, const char *lines);

/* Clients can connect. status may be NULL. mainpid: of the process that is the service, if it is
 * not the one that was started (a daemon), else 0. Also the end of a reload. */
int notify_ready(const struct notify *notify, const char *status, pid_t mainpid);

/* A reload begins; notify_ready ends it. */
int notify_reloading(const struct notify *notify);

int notify_stopping(const struct notify *notify);

/* One line for `systemctl status`; control characters become blanks. */
__attribute__((format(printf, 2, 3))) int notify_status(const struct notify *notify,
                                                        const char *format, ...);

/* A sign of life; due every notify_watchdog_interval_ms: half of what the manager waits. 0: none
 * is wanted. */
int notify_watchdog(const struct notify *notify);
int64_t notify_watchdog_interval_ms(const struct notify *notify);

#endif
