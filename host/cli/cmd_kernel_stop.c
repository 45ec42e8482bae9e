/* SPDX-License-Identifier: Apache-2.0
 * `kernel stop [ID|--all]`: SIGTERM to whoever holds the PID file's lock, then waits for the end.
 */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_end.h"
#include "cli/kernels.h"

static bool is_wanted(const struct kernel_entry *entry, const char *id)
{
    return entry->pid != 0 && (!id || strcmp(entry->files.id, id) == 0);
}

struct stopping {
    const char *id; /* NULL: all */
    bool force;
    int timeout_ms;
    json_t *stopped;
};

static int stop_wanted(struct cli *cli, struct stopping *stopping, struct kernel_entry *entries,
                       size_t count)
{
    int worst = EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        struct error error;
        if (!is_wanted(&entries[i], stopping->id))
            continue;
        if (kernel_end_stop(&entries[i], stopping->force, stopping->timeout_ms, &error) < 0) {
            worst = cli_fail(cli, &error);
            continue;
        }
        entries[i].pid = 0;
        kernel_entry_clean(&entries[i]); /* after SIGKILL; else they are gone already */
        json_array_append_new(stopping->stopped, json_string(entries[i].files.id));
        if (!cli->json && !cli->quiet)
            printf("kernel %s stopped\n", entries[i].files.id);
    }
    return worst;
}

/* Without an id: the only running kernel. */
static int choose(const struct kernel_entry *entries, size_t count, struct stopping *stopping,
                  struct error *ret_error)
{
    size_t running = 0, named = 0;
    for (size_t i = 0; i < count; i++) {
        running += entries[i].pid != 0;
        named += is_wanted(&entries[i], stopping->id);
    }
    if (stopping->id && named == 0)
        return error_set(ret_error, LLMSPELL_ENOTFOUND,
                         "no kernel %s runs; `llmspell kernel list` shows those that do",
                         stopping->id);
    if (!stopping->id && running == 0)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "no kernel runs");
    if (!stopping->id && running > 1)
        return error_set(
            ret_error, LLMSPELL_EINVAL,
            "%zu kernels run: name one, or use --all; `llmspell kernel list` shows them", running);
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    struct error error;
    const struct config *config;
    struct kernel_entry *entries = NULL;
    size_t count = 0;
    long long timeout_s;
    bool all = args_has(args, "all");
    if (args_number(args, "timeout", 1, 3600, 30, &timeout_s) < 0)
        return EXIT_USAGE;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    struct stopping stopping = {.id = args->count ? args->values[0] : cli->kernel_name,
                                .force = args_has(args, "force"),
                                .timeout_ms = (int)timeout_s * 1000,
                                .stopped = json_array()};
    int rc = kernels_list(config, 0, &entries, &count, &error);
    if (rc == 0 && !all)
        rc = choose(entries, count, &stopping, &error);
    if (rc < 0)
        status = cli_fail(cli, &error);
    else
        status = stop_wanted(cli, &stopping, entries, count);
    if (rc == 0 && cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:O}", "status", status ? "error" : "ok", "stopped", stopping.stopped);
        cli_print_json(cli, document);
    }
    kernels_free(entries, count);
    json_decref(stopping.stopped);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"all", 'a', NULL, "stop every kernel of this user", false},
    {"force", 0, NULL, "kill at once (SIGKILL), without saving anything", false},
    {"timeout", 't', "SECONDS", "how long to wait for the end (default 30)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_stop = {
    .name = "kernel stop",
    .arguments = "[ID|--all]",
    .summary = "stop a kernel and wait until it has ended",
    .options = OPTIONS,
    .max_values = 1,
    .run = run,
};
