/* SPDX-License-Identifier: Apache-2.0
 * A client channel over a kernel in the same process: what the connect half of a protocol plugin
 * is over a socket. Used by cli/channel.c. */
#ifndef HOST_LOCAL_H
#define HOST_LOCAL_H

#include <llmspell/protocol.h>

#include "kernel/kernel.h"

/* As llmspell_protocol.request; event and input are called on the kernel's threads. */
int local_request(struct kernel *kernel, const struct llmspell_client_request *request,
                  json_t **ret_reply, struct error *ret_error);

#endif
