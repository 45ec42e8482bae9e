/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.listen/1": the listening sockets that the service manager opened for this
 * kernel (socket activation), for protocol plugins. A plugin asks in serve, before it binds. */
#ifndef LLMSPELL_LISTEN_H
#define LLMSPELL_LISTEN_H

#include <llmspell/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_LISTEN "llmspell.listen/1"

struct llmspell_listen {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* The next inherited socket called name (FileDescriptorName= of the systemd .socket unit): a
     * stream socket that listens, or a datagram socket; close-on-exec, blocking as the manager left
     * it. *ret_fd is the plugin's, which closes it and does not shut it down: the host keeps the
     * socket for the next serve. LLMSPELL_ENOTFOUND: there is none, or no more:
     * bind as configured. [main] */
    int32_t (*take)(struct llmspell_ctx *ctx, const char *name, int32_t *ret_fd);
};

#ifdef __cplusplus
}
#endif

#endif
