/* SPDX-License-Identifier: Apache-2.0
 * `kernel list`: the kernels of this user, also those that start, and dead ones. */
#include <stdio.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernels.h"
#include "cli/table.h"

static json_t *entry_json(const struct kernel_entry *entry)
{
    const char *protocol = llmspell_string(entry->connection, "protocol");
    return json_pack("{s:s, s:i, s:s, s:s*, s:s}", "kernel_id", entry->files.id, "pid",
                     (int)entry->pid, "state", kernel_entry_state(entry), "protocol", protocol,
                     "connection_file", entry->files.connection);
}

static void print_table(const struct cli *cli, const json_t *list)
{
    static const char *const headings[] = {"ID", "PID", "STATE", "PROTOCOL", "CONNECTION FILE",
                                           NULL};
    struct table *table = table_new(cli, headings);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        char pid[16];
        snprintf(pid, sizeof pid, "%d", (int)llmspell_integer(item, "pid", 0));
        const char *cells[] = {llmspell_string(item, "kernel_id"), pid,
                               llmspell_string(item, "state"), llmspell_string(item, "protocol"),
                               llmspell_string(item, "connection_file")};
        table_add(table, cells);
    }
    table_print(table);
}

static int run(struct cli *cli, const struct args *args)
{
    struct error error;
    const struct config *config;
    struct kernel_entry *entries;
    size_t count;
    (void)args;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    if (kernels_list(config, 0, &entries, &count, &error) < 0)
        return cli_fail(cli, &error);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_json(&entries[i]));
    kernels_free(entries, count);
    if (cli->json)
        cli_print_json(cli, list);
    else if (count > 0)
        print_table(cli, list);
    else if (!cli->quiet)
        fputs("no kernel runs; `llmspell kernel start --daemon` starts one\n", stderr);
    return EXIT_OK;
}

const struct command cmd_kernel_list = {
    .name = "kernel list",
    .arguments = "",
    .summary = "list the kernels of this user",
    .run = run,
};
