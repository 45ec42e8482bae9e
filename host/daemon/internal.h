/* SPDX-License-Identifier: Apache-2.0
 * The insides of a kernel process, shared by server.c, bridge.c, reload.c, dump.c, state.c and
 * connection.c. Everything is the main thread's but for what a lock guards. */
#ifndef HOST_DAEMON_INTERNAL_H
#define HOST_DAEMON_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <uv.h>

#include "daemon/notify.h"
#include "daemon/protocols.h"
#include "daemon/server.h"
#include "kernel/kernel.h"

#define SIGNALS_MAX 8

/* A request that waits for the main thread. */
struct managed {
    struct managed *next;
    struct operation *operation;
};

struct server {
    const struct server_options *options;
    struct config *config;   /* in force; counted */
    struct catalog *catalog; /* in force; counted */
    struct pidfile *pidfile;
    struct kernel *kernel;
    struct protocols protocols;
    struct notify notify;
    bool connection_written, given_written;
    time_t started_at;
    int64_t started_ns;
    json_t *redacted; /* an array: the keys and tokens that the log does not show */

    uv_loop_t loop;
    bool loop_ready, asked_once;
    uv_async_t wake;
    uv_timer_t idle, watchdog;
    uv_signal_t signals[SIGNALS_MAX];
    unsigned signal_count;
    uv_poll_t parent;
    int parent_fd;

    pthread_mutex_t lock; /* guards what follows: other threads put it there */
    struct managed *first, **last;
    bool ending;         /* no more managed requests */
    bool stop;           /* leave the loop */
    bool wait;           /* and give operations [kernel] shutdown_grace */
    char reason[64];     /* of the stop */
    json_t *last_reload; /* outcome, or NULL */
    json_int_t reloads;
};

/* ---- bridge.c: signals → messages; messages of other threads → the main thread ---- */

int bridge_open(struct server *server, struct error *ret_error);
void bridge_close(struct server *server);
void bridge_start_idle(struct server *server); /* or anew, after a reload */
void bridge_start_watchdog(struct server *server);

/* The kernel's callbacks. [any-thread] */
void bridge_shutdown(void *data, const json_t *content);
void bridge_manage(void *data, struct operation *operation);

/* Refuses what waits and what comes from now on. */
void bridge_refuse(struct server *server);

/* ---- connection.c ---- */

/* Makes the protocols of the configuration serve, with the ports and the key that a client gave, or
 * that an earlier kernel of this id left behind. */
int connection_serve(struct server *server, struct error *ret_error);
int connection_write(struct server *server, struct error *ret_error);
void connection_remove(const struct server *server);
void connection_unredact(struct server *server);

/* What clients of the protocols behind the first one need, by name; a new reference. */
json_t *connection_others(const struct server *server);

/* ---- reload.c, dump.c: answer the operation ---- */

void reload_run(struct server *server, struct operation *operation);
void dump_run(struct server *server, struct operation *operation);

/* ---- state.c: kernel_state.json ---- */

/* ended: NULL at start, then the reason. A kernel with a made-up id leaves nothing behind. */
void state_write(const struct server *server, const char *ended, int exit_status,
                 unsigned abandoned);

/* ---- server.c ---- */

int server_open_log(const struct server_options *options, const struct config *config,
                    struct error *ret_error);

/* The sections of plugins. One of a plugin that is not here is only warned of: it may come later.
 */
int server_check_sections(const struct config *config, const struct catalog *catalog,
                          struct error *ret_error);

/* The file of the log, or NULL. */
const char *server_log_file(const struct server_options *options, const struct config *config);

/* An error reply; a new reference. */
json_t *server_failure(const struct error *error);
double server_uptime(const struct server *server); /* seconds, monotonic */

#endif
