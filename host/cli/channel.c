/* SPDX-License-Identifier: Apache-2.0
 * Embedded and remote channels behind one interface. */
#include "cli/channel.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "kernel/local.h"
#include "plugin/protocol.h"

struct channel {
    struct kernel *kernel;                    /* embedded */
    const struct llmspell_protocol *protocol; /* remote */
    void *protocol_self, *remote;
    struct llmspell_ctx *ctx;
};

int channel_open_embedded(const struct config *config, const struct catalog *catalog,
                          const char *workdir, struct channel **ret_channel,
                          struct error *ret_error)
{
    char id[32];
    snprintf(id, sizeof id, "embedded-%d", (int)getpid());
    struct kernel_options options = {
        .config = config, .catalog = catalog, .id = id, .workdir = workdir};
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = kernel_new(&options, &channel->kernel, ret_error);
    if (rc < 0)
        free(channel);
    else
        *ret_channel = channel;
    return rc;
}

static int connect_remote(struct channel *channel, const json_t *connection, int timeout_ms,
                          struct error *ret_error)
{
    struct call call;
    call_init(&call, channel->ctx);
    int rc = channel->protocol->connect(channel->protocol_self, &call.base, connection, timeout_ms,
                                        &channel->remote);
    return rc < 0 ? call_error(&call, rc, ret_error) : 0;
}

int channel_open_remote(const struct config *config, const struct catalog *catalog,
                        const json_t *connection, int timeout_ms, struct channel **ret_channel,
                        struct error *ret_error)
{
    const char *name = llmspell_string(connection, "protocol");
    if (!name)
        name = "jupyter"; /* a connection file that a Jupyter server wrote */
    struct plugin *plugin = catalog_find(catalog, PLUGIN_PROTOCOL, name);
    if (!plugin)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "the kernel speaks \"%s\", but no such protocol plugin is here; see "
                         "`llmspell plugin list`",
                         name);
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    channel->ctx = &plugin->ctx;
    int rc = protocol_open(config, plugin, &channel->protocol, &channel->protocol_self, ret_error);
    const struct llmspell_protocol *protocol = channel->protocol;
    if (rc == 0 && !(protocol->connect && protocol->request && protocol->disconnect))
        rc = error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                       "the kernel speaks \"%s\", which has no connect half: commands cannot reach "
                       "it; start the kernel with jupyter as the first of [kernel] protocol",
                       name);
    if (rc == 0)
        rc = connect_remote(channel, connection, timeout_ms, ret_error);
    if (rc < 0)
        channel_close(channel);
    else
        *ret_channel = channel;
    return rc;
}

int channel_request(struct channel *channel, const struct llmspell_client_request *request,
                    json_t **ret_reply, struct error *ret_error)
{
    if (channel->kernel)
        return local_request(channel->kernel, request, ret_reply, ret_error);
    struct call call;
    call_init(&call, channel->ctx);
    int rc = channel->protocol->request(channel->remote, &call.base, request, ret_reply);
    return rc < 0 ? call_error(&call, rc, ret_error) : 0;
}

void channel_close(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->kernel && kernel_shutdown(channel->kernel, 0, 1000) == 0)
        kernel_free(channel->kernel);
    if (channel->remote)
        channel->protocol->disconnect(channel->remote);
    if (channel->protocol)
        channel->protocol->close(channel->protocol_self);
    free(channel);
}
