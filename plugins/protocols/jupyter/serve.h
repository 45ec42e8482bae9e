/* SPDX-License-Identifier: Apache-2.0
 * The serving half: one kernel on five sockets. Called by jupyter.c. */
#ifndef JUPYTER_SERVE_H
#define JUPYTER_SERVE_H

#include <llmspell/kernel.h>

#include "connection.h"
#include "register.h"

struct server;

/* Binds what connection says (its key is made if it has none; its ports are filled in), tells the
 * ports to who waits for them (registration, if it is wanted) and serves until server_stop. Errors
 * are set on call. [main] */
int32_t server_start(struct llmspell_call *call, struct connection *connection,
                     const struct registration *registration, struct server **ret_server);

/* Clients that are connected now. */
int server_clients(const struct server *server);

/* Sends what is queued, ends the thread, closes the ports. Requests that the kernel still works on
 * are answered into nothing. NULL is fine. [main] */
void server_stop(struct server *server);

#endif
