/* SPDX-License-Identifier: Apache-2.0
 * `kernel dump [ID]`: has a running kernel write its state to dump/ID.json, and prints it. */
#include <stdio.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_ask.h"
#include "util/json_text.h"

#define DUMP_TIMEOUT_MS 30000

static int run(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = kernel_ask(cli, args, "dump_request", DUMP_TIMEOUT_MS, &reply);
    if (status != 0)
        return status;
    const json_t *dump = json_object_get(reply, "dump");
    const char *path = llmspell_string(reply, "path");
    if (cli->json) {
        cli_print_json(cli, dump);
        return EXIT_OK;
    }
    if (path && !cli->quiet)
        fprintf(stderr, "written to %s\n", path);
    json_text_write(stdout, dump, 2);
    putchar('\n');
    return EXIT_OK;
}

const struct command cmd_kernel_dump = {
    .name = "kernel dump",
    .arguments = "[ID]",
    .summary = "write a kernel's inner state to dump/ID.json and print it",
    .max_values = 1,
    .run = run,
};
