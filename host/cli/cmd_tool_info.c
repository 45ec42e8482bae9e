/* SPDX-License-Identifier: Apache-2.0
 * `tool info NAME`: everything about one tool, as a page (tool_page.c) or as JSON. */
#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/tool_page.h"

static int run(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:s}", "command", "info", "name", args->values[0]);
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    if (!content)
        return cli_usage(NULL, "the tool's name is not UTF-8 text");
    int status = cli_request(cli, "tool_request", content, -1, &reply);
    if (status == 0)
        status = cli_check_reply(cli, reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_json(cli, json_object_get(reply, "info"));
    else
        tool_page_print(cli, json_object_get(reply, "info"));
    return EXIT_OK;
}

const struct command cmd_tool_info = {
    .name = "tool info",
    .arguments = "NAME",
    .summary = "show everything about a tool",
    .min_values = 1,
    .max_values = 1,
    .run = run,
};
