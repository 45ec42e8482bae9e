/* SPDX-License-Identifier: Apache-2.0
 * The protocol plugins that serve a kernel: started, stopped and replaced while it runs. Used by
 * server.c and reload.c. */
#ifndef HOST_PROTOCOLS_H
#define HOST_PROTOCOLS_H

#include <pthread.h>
#include <stdbool.h>

#include <llmspell/protocol.h>

#include "daemon/listen.h"
#include "kernel/kernel.h"
#include "plugin/catalog.h"

#define PROTOCOLS_MAX 8

struct served {
    struct plugin *plugin; /* counted */
    const struct llmspell_protocol *protocol;
    void *self;
    struct config *config; /* that it was opened with; counted */
    json_t *connection;    /* what serve returned: a successor gets it as its wish */
    bool serving;
};

struct protocols {
    struct kernel *kernel;
    struct listen_set *sockets; /* inherited ones: who stops gives back what it took; or NULL */
    pthread_rwlock_t lock;      /* held to change items; readers on other threads only try it: a
                                   protocol's thread that reads may be the one that stop waits for */
    struct served items[PROTOCOLS_MAX];
    unsigned count;
};

void protocols_init(struct protocols *protocols, struct kernel *kernel, struct listen_set *sockets);

/* Opens and serves one plugin. wanted: borrowed, {} for none. Errors: the plugin's, or EINVAL,
 * ELIMIT. [main] */
int protocols_start(struct protocols *protocols, const struct config *config, struct plugin *plugin,
                    const json_t *wanted, struct error *ret_error);

/* The plugins of [kernel] protocol, in order, borrowed from catalog; EUNAVAILABLE names what is
 * missing, ELIMIT. */
int protocols_wanted(const struct config *config, const struct catalog *catalog,
                     struct plugin *ret_plugins[PROTOCOLS_MAX], unsigned *ret_count,
                     struct error *ret_error);

/* Makes what serves those that to and catalog say, and does no more than it must. Plans first:
 * *ret_plan is {"started": [names], "stopped", "replaced", "failed": []}; the second call does it,
 * and moves what failed to "failed" [{name, message}]. The last one that serves is not stopped
 * unless another could be started: somebody must be able to mend it. [main] */
int protocols_plan(const struct protocols *protocols, const struct config *to,
                   const struct catalog *catalog, json_t **ret_plan, struct error *ret_error);
void protocols_apply(struct protocols *protocols, const struct config *to,
                     const struct catalog *catalog, json_t *plan);

/* What clients need to connect: of the first protocol that serves, in the configuration's order;
 * NULL if none does. Borrowed. [main] */
const struct served *protocols_first(const struct protocols *protocols);

/* Would the plan end the one that a request came through? */
bool protocols_concerns(const struct protocols *protocols, const json_t *plan,
                        const struct llmspell_ctx *ctx);

/* [{name, version, file, …the plugin's own status}]; NULL while they are being changed.
 * [any-thread] */
json_t *protocols_status(struct protocols *protocols);

/* Ends all; the kernel answers no more requests. [main] */
void protocols_stop(struct protocols *protocols);

/* The same while operations still run that will never be answered: their clients get an error, and
 * what is queued for them is sent. Nothing is closed or freed. [main] */
void protocols_abandon(struct protocols *protocols);

#endif
