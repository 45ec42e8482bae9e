/* SPDX-License-Identifier: Apache-2.0
 * A kernel process from start to exit: PID file, log, kernel, protocols, connection file, loop,
 * shutdown. Used by `kernel start`, in the foreground and as a daemon. */
#ifndef HOST_SERVER_H
#define HOST_SERVER_H

#include <jansson.h>

#include "config/config.h"
#include "plugin/catalog.h"
#include "util/error.h"

struct server_options {
    const struct config *config;
    const struct catalog *catalog;
    const char *id;
    const char *workdir;         /* absolute */
    const char *pidfile;         /* paths are absolute */
    const char *connection_file; /* kernels/ID.json */
    const char *given_file;      /* -f FILE, or NULL: read if it exists, else written, too */
    const char *log_file;        /* NULL: stderr */
    const char *log_level;       /* --log-level, or NULL: [log] level */
    int64_t idle_timeout_ms;     /* 0: never */
    int port;                    /* first port wanted, or 0 */
    int ready_fd;                /* of daemonize, or -1 in the foreground */

    /* In the foreground: clients can connect. May be NULL. */
    void (*ready)(void *data, const json_t *connection);
    void *data;
};

/* Runs until the kernel is shut down. 0, or why it did not start. [main] */
int server_run(const struct server_options *options, struct error *ret_error);

#endif
