/* SPDX-License-Identifier: Apache-2.0
 * One request of a `kernel …` command to the running kernel that its argument (or --kernel) means.
 * Ctrl-C just ends the command: it must not interrupt what the kernel executes. */
#ifndef HOST_KERNEL_ASK_H
#define HOST_KERNEL_ASK_H

#include "cli/cli.h"
#include "cli/kernels.h"

/* The kernel that a command's one argument or --kernel names; NULL if neither is given. */
const char *kernel_ask_name(const struct cli *cli, const struct args *args);

/* Connects cli->channel to that kernel (an open one is closed first). connection: of a kernel that
 * was found. ENETWORK, ETIMEOUT, … */
int kernel_ask_connect(struct cli *cli, const json_t *connection, int timeout_ms,
                       struct error *ret_error);

/* Over the open channel; ret_reply is a new reference. */
int kernel_ask_request(struct cli *cli, const char *msg_type, int timeout_ms, json_t **ret_reply,
                       struct error *ret_error);

/* Finds, connects, asks and checks the reply. 0, or prints why not and returns an exit status. */
int kernel_ask(struct cli *cli, const struct args *args, const char *msg_type, int timeout_ms,
               json_t **ret_reply);

#endif
