/* SPDX-License-Identifier: Apache-2.0
 * Requests to a running kernel. */
#include "cli/kernel_ask.h"

#include <llmspell/tool.h>

#include "cli/channel.h"

#define CONNECT_TIMEOUT_MS 5000

const char *kernel_ask_name(const struct cli *cli, const struct args *args)
{
    return args->count ? args->values[0] : cli->kernel_name;
}

int kernel_ask_connect(struct cli *cli, const json_t *connection, int timeout_ms,
                       struct error *ret_error)
{
    channel_close(cli->channel);
    cli->channel = NULL;
    return channel_open_remote(cli->config, cli->catalog, connection, timeout_ms, &cli->channel,
                               ret_error);
}

int kernel_ask_request(struct cli *cli, const char *msg_type, int timeout_ms, json_t **ret_reply,
                       struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *content = json_object();
    struct llmspell_client_request request = {
        .size = sizeof request,
        .timeout_ms = timeout_ms,
        .msg_type = msg_type,
        .content = content,
        .cancel_fd = -1,
    };
    return channel_request(cli->channel, &request, ret_reply, ret_error);
}

int kernel_ask(struct cli *cli, const struct args *args, const char *msg_type, int timeout_ms,
               json_t **ret_reply)
{
    struct error error;
    const struct catalog *catalog;
    LLMSPELL_CLEANUP_JSON json_t *connection = NULL;
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    if (kernels_find(cli->config, kernel_ask_name(cli, args), &connection, &error) < 0 ||
        kernel_ask_connect(cli, connection, CONNECT_TIMEOUT_MS, &error) < 0 ||
        kernel_ask_request(cli, msg_type, timeout_ms, ret_reply, &error) < 0)
        return cli_fail(cli, &error);
    return cli_check_reply(cli, *ret_reply);
}
