/* SPDX-License-Identifier: Apache-2.0
 * Opening a protocol plugin, for its serve half (daemon/server.c) or its connect half
 * (cli/channel.c). */
#ifndef HOST_PROTOCOL_H
#define HOST_PROTOCOL_H

#include <llmspell/protocol.h>

#include "config/config.h"
#include "plugin/catalog.h"

/* Loads the plugin and calls its open with the section [protocol.NAME]. *ret_self is handed to its
 * functions; the caller ends it with close. EREFUSED, EINVAL (configuration), or the plugin's own
 * error. [main] */
int protocol_open(const struct config *config, struct plugin *plugin,
                  const struct llmspell_protocol **ret_protocol, void **ret_self,
                  struct error *ret_error);

#endif
