/* SPDX-License-Identifier: Apache-2.0
 * The one way of commands to a kernel: embedded, or over the protocol that a connection file names.
 */
#ifndef HOST_CHANNEL_H
#define HOST_CHANNEL_H

#include <jansson.h>

#include <llmspell/protocol.h>

#include "config/config.h"
#include "plugin/catalog.h"
#include "util/error.h"

struct channel;

/* A kernel in this process. workdir: absolute. */
int channel_open_embedded(const struct config *config, const struct catalog *catalog,
                          const char *workdir, struct channel **ret_channel,
                          struct error *ret_error);

/* A running kernel, by the content of its connection file. ENETWORK, ETIMEOUT, EREFUSED. */
int channel_open_remote(const struct config *config, const struct catalog *catalog,
                        const json_t *connection, int timeout_ms, struct channel **ret_channel,
                        struct error *ret_error);

int channel_request(struct channel *channel, const struct llmspell_client_request *request,
                    json_t **ret_reply, struct error *ret_error);

void channel_close(struct channel *channel);

#endif
