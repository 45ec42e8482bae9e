/* SPDX-License-Identifier: Apache-2.0
 * `kernel interrupt [ID]`: ends what a kernel executes. */
#include <stdio.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_ask.h"

static int run(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = kernel_ask(cli, args, "interrupt_request", 5000, &reply);
    if (status == 0 && cli->json)
        cli_print_json(cli, reply);
    else if (status == 0 && !cli->quiet)
        puts("interrupted");
    return status;
}

const struct command cmd_kernel_interrupt = {
    .name = "kernel interrupt",
    .arguments = "[ID]",
    .summary = "end what a kernel executes",
    .max_values = 1,
    .run = run,
};
