/* SPDX-License-Identifier: Apache-2.0
 * `kernel status [ID] [--watch]`: how a kernel is, once or again and again. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_ask.h"
#include "cli/kernel_health.h"
#include "cli/kernel_watch.h"

static void print_duration(char *buffer, size_t size, json_int_t ms)
{
    json_int_t s = ms / 1000;
    if (s < 60)
        snprintf(buffer, size, "%.1f s", (double)ms / 1000.0);
    else
        snprintf(buffer, size, "%lldd %02lld:%02lld:%02lld", (long long)(s / 86400),
                 (long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

static void print_text(const char *name, const char *value)
{
    if (value)
        printf("%-12s %s\n", name, value);
}

/* Of protocols with one port that people type: "dap 34043". */
static void print_ports(const json_t *protocols)
{
    size_t i;
    json_t *row;
    bool any = false;
    json_array_foreach(protocols, i, row)
    {
        json_int_t port = llmspell_integer(row, "port", 0);
        if (port <= 0)
            continue;
        printf("%s%s %lld", any ? ", " : "ports        ", llmspell_string(row, "name"),
               (long long)port);
        any = true;
    }
    if (any)
        putchar('\n');
}

static void print_reply(const json_t *reply)
{
    char uptime[48];
    print_duration(uptime, sizeof uptime, llmspell_integer(reply, "uptime_ms", 0));
    print_text("kernel", llmspell_string(reply, "kernel_id"));
    print_text("state", llmspell_string(reply, "execution_state"));
    printf("%-12s %lld\n", "pid", (long long)llmspell_integer(reply, "pid", 0));
    print_text("started", llmspell_string(reply, "started_at"));
    print_text("uptime", uptime);
    printf("%-12s %.1f MiB\n", "memory",
           (double)llmspell_integer(reply, "rss_bytes", 0) / 1048576.0);
    printf("%-12s %lld executed, %lld waiting\n", "scripts",
           (long long)llmspell_integer(reply, "execution_count", 0),
           (long long)llmspell_integer(reply, "pending", 0));
    printf("%-12s %lld, %lld of them failed\n", "requests",
           (long long)llmspell_integer(reply, "requests", 0),
           (long long)llmspell_integer(reply, "errors", 0));
    if (json_is_integer(json_object_get(reply, "clients")))
        printf("%-12s %lld\n", "clients", (long long)llmspell_integer(reply, "clients", 0));
    printf("%-12s %lld tools, runtime %s, protocol %s\n", "plugins",
           (long long)llmspell_integer(reply, "tools", 0), llmspell_string(reply, "runtime"),
           llmspell_string(reply, "protocol"));
    print_ports(json_object_get(reply, "protocols"));
    print_text("workdir", llmspell_string(reply, "workdir"));
    print_text("version", llmspell_string(reply, "version"));
}

static void print_health(const struct cli *cli, const struct kernel_health *health)
{
    kernel_health_print(cli, health);
    putchar('\n');
    if (health->state == HEALTH_OK && !cli->quiet)
        print_reply(health->reply);
}

static int show_once(struct cli *cli, const char *name, int timeout_ms)
{
    struct error error;
    struct kernel_health health = {0};
    int rc = kernel_health_check(cli, name, KERNELS_DEAD, timeout_ms, &health, &error);
    int status = rc < 0 ? cli_fail(cli, &error) : kernel_health_status(&health);
    if (rc == 0 && cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = kernel_health_json(&health);
        cli_print_json(cli, document);
    } else if (rc == 0) {
        print_health(cli, &health);
    }
    kernel_health_clear(&health);
    return status;
}

static int run(struct cli *cli, const struct args *args)
{
    const struct catalog *catalog;
    long long timeout_s, interval_s;
    if (args_number(args, "timeout", 1, 3600, 5, &timeout_s) < 0 ||
        args_number(args, "interval", 1, 86400, 2, &interval_s) < 0)
        return EXIT_USAGE;
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    struct kernel_watch watch = {.name = kernel_ask_name(cli, args),
                                 .timeout_ms = (int)timeout_s * 1000,
                                 .interval_s = (int)interval_s,
                                 .print = print_health};
    return args_has(args, "watch") ? kernel_watch(cli, &watch)
                                   : show_once(cli, watch.name, watch.timeout_ms);
}

static const struct cli_option OPTIONS[] = {
    {"watch", 'w', NULL, "show it again and again, until Ctrl-C", false},
    {"interval", 0, "SECONDS", "how long --watch waits in between (default 2)", false},
    {"timeout", 't', "SECONDS", "how long to wait for an answer (default 5)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_status = {
    .name = "kernel status",
    .arguments = "[ID]",
    .summary = "ask a running kernel how it is",
    .help = "The first line is HEALTHY (exit status 0), STOPPING (1), DEAD (3), STARTING or NOT\n"
            "RESPONDING (5).",
    .options = OPTIONS,
    .max_values = 1,
    .run = run,
};
