/* SPDX-License-Identifier: Apache-2.0
 * A kernel process from start to exit: PID file, log, kernel, protocols, connection file, loop,
 * reloads, shutdown. Used by `kernel start`, in the foreground and as a daemon. */
#ifndef HOST_SERVER_H
#define HOST_SERVER_H

#include <jansson.h>
#include <stdbool.h>

#include "config/config.h"
#include "daemon/listen.h"
#include "plugin/catalog.h"
#include "util/error.h"

struct server_options {
    const struct config *config;   /* counted */
    const struct catalog *catalog; /* counted */
    const char *id;
    bool named;                   /* id was chosen: what is recorded of the kernel stays behind */
    const char *workdir;          /* absolute */
    const char *pidfile;          /* paths are absolute */
    const char *connection_file;  /* kernels/ID.json */
    const char *state_file;       /* state/ID/kernel_state.json */
    const char *dump_file;        /* dump/ID.json */
    const char *log_file;         /* where a daemon logs if [log] says nothing; NULL: stderr */
    const char *given_file;       /* -f FILE, or NULL: read if it exists, else written, too */
    const char *log_level;        /* --log-level, or NULL: [log] level */
    int64_t idle_timeout_ms;      /* --idle-timeout, or -1: [kernel] idle_timeout */
    int port;                     /* first port wanted, or 0 */
    int ready_fd;                 /* of daemonize, or -1 in the foreground */
    struct listen_set *sockets;   /* what was inherited; taken from */
    const char *program;          /* this binary, absolute */
    const char *const *arguments; /* of the command line, without the program; NULL-terminated */

    /* Reads the configuration and the plugin folders once more, as at start; unchanged plugins stay
     * those of previous. New references. [main] */
    int (*load)(void *data, const struct catalog *previous, struct config **ret_config,
                struct catalog **ret_catalog, struct error *ret_error);

    /* In the foreground: clients can connect. May be NULL. */
    void (*ready)(void *data, const json_t *connection);
    void *data;
};

/* Runs until the kernel is shut down. *ret_status: the process's exit status: 0, or 1 if operations
 * had to be abandoned. Returns 0, or why it did not start. [main] */
int server_run(const struct server_options *options, int *ret_status, struct error *ret_error);

#endif
