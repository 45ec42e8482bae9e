/* SPDX-License-Identifier: Apache-2.0
 * `kernel list`, `kernel status [ID]`, `kernel interrupt [ID]`. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/channel.h"
#include "cli/cli.h"
#include "cli/kernels.h"
#include "cli/table.h"

/* ---- list ---- */

static json_t *entry_json(const struct kernel_entry *entry)
{
    const char *protocol = llmspell_string(entry->connection, "protocol");
    return json_pack("{s:s, s:i, s:s, s:s*, s:s}", "kernel_id", entry->files.id, "pid",
                     (int)entry->pid, "state", entry->pid ? "running" : "dead", "protocol",
                     protocol, "connection_file", entry->files.connection);
}

static int run_list(struct cli *cli, const struct args *args)
{
    static const char *const headings[] = {"ID", "PID", "STATE", "PROTOCOL", "CONNECTION FILE",
                                           NULL};
    struct error error;
    const struct config *config;
    struct kernel_entry *entries;
    size_t count;
    (void)args;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    if (kernels_list(config, &entries, &count, &error) < 0)
        return cli_fail(cli, &error);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, entry_json(&entries[i]));
    kernels_free(entries, count);
    if (cli->json) {
        cli_print_json(cli, list);
        return EXIT_OK;
    }
    if (json_array_size(list) == 0) {
        if (!cli->quiet)
            fputs("no kernel runs; `llmspell kernel start --daemon` starts one\n", stderr);
        return EXIT_OK;
    }
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
    return EXIT_OK;
}

const struct command cmd_kernel_list = {
    .name = "kernel list",
    .arguments = "",
    .summary = "list the kernels of this user",
    .run = run_list,
};

/* ---- status and interrupt: to a running kernel ---- */

static int connect_to(struct cli *cli, const struct args *args)
{
    struct error error;
    const struct catalog *catalog;
    LLMSPELL_CLEANUP_JSON json_t *connection = NULL;
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    const char *name = args->count ? args->values[0] : cli->kernel_name;
    if (kernels_find(cli->config, name, &connection, &error) < 0 ||
        channel_open_remote(cli->config, catalog, connection, 5000, &cli->channel, &error) < 0)
        return cli_fail(cli, &error);
    return 0;
}

static void print_duration(char *buffer, size_t size, json_int_t ms)
{
    json_int_t s = ms / 1000;
    if (s < 60)
        snprintf(buffer, size, "%.1f s", (double)ms / 1000.0);
    else
        snprintf(buffer, size, "%lldd %02lld:%02lld:%02lld", (long long)(s / 86400),
                 (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

static void print_status(const json_t *reply)
{
    char uptime[48];
    print_duration(uptime, sizeof uptime, llmspell_integer(reply, "uptime_ms", 0));
    printf("%-12s %s\n", "kernel", llmspell_string(reply, "kernel_id"));
    printf("%-12s %s\n", "state", llmspell_string(reply, "execution_state"));
    printf("%-12s %lld\n", "pid", (long long)llmspell_integer(reply, "pid", 0));
    printf("%-12s %s\n", "uptime", uptime);
    printf("%-12s %.1f MiB\n", "memory",
           (double)llmspell_integer(reply, "rss_bytes", 0) / 1048576.0);
    printf("%-12s %lld executed, %lld waiting\n", "scripts",
           (long long)llmspell_integer(reply, "execution_count", 0),
           (long long)llmspell_integer(reply, "pending", 0));
    printf("%-12s %lld, %lld of them failed\n", "requests",
           (long long)llmspell_integer(reply, "requests", 0),
           (long long)llmspell_integer(reply, "errors", 0));
    printf("%-12s %lld tools, runtime %s, protocol %s\n", "plugins",
           (long long)llmspell_integer(reply, "tools", 0), llmspell_string(reply, "runtime"),
           llmspell_string(reply, "protocol"));
    printf("%-12s %s\n", "workdir", llmspell_string(reply, "workdir"));
    printf("%-12s %s\n", "version", llmspell_string(reply, "version"));
}

static int ask(struct cli *cli, const struct args *args, const char *msg_type, json_t **ret_reply)
{
    LLMSPELL_CLEANUP_JSON json_t *content = json_object();
    int status = connect_to(cli, args);
    if (status == 0)
        status = cli_request(cli, msg_type, content, 5000, ret_reply);
    return status == 0 ? cli_check_reply(cli, *ret_reply) : status;
}

static int run_status(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = ask(cli, args, "status_request", &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_json(cli, reply);
    else
        print_status(reply);
    return EXIT_OK;
}

const struct command cmd_kernel_status = {
    .name = "kernel status",
    .arguments = "[ID]",
    .summary = "ask a running kernel how it is",
    .max_values = 1,
    .run = run_status,
};

static int run_interrupt(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int status = ask(cli, args, "interrupt_request", &reply);
    if (status == 0 && cli->json)
        cli_print_json(cli, reply);
    return status;
}

const struct command cmd_kernel_interrupt = {
    .name = "kernel interrupt",
    .arguments = "[ID]",
    .summary = "end what a kernel executes",
    .max_values = 1,
    .run = run_interrupt,
};
