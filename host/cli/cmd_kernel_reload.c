/* SPDX-License-Identifier: Apache-2.0
 * `kernel reload [ID]`: has a running kernel read its configuration and plugins anew, and shows
 * what came of it. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_ask.h"
#include "util/json_text.h"

#define RELOAD_TIMEOUT_MS 30000
#define SETTLE_MS 10000 /* how long a protocol that is replaced may be away */
#define ASK_AGAIN_MS 50

/* ---- text ---- */

static void print_value(const json_t *value)
{
    if (json_is_string(value))
        fputs(json_string_value(value), stdout);
    else if (!value || json_is_null(value))
        fputs("(unset)", stdout);
    else
        json_text_write(stdout, value, 0);
}

static size_t print_settings(const json_t *list, const char *id)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *setting = llmspell_string(item, "setting");
        printf("%s: ", setting ? setting : "?");
        print_value(json_object_get(item, "from"));
        fputs(" → ", stdout);
        print_value(json_object_get(item, "to"));
        if (id)
            printf(" needs a restart (llmspell kernel restart %s)", id);
        putchar('\n');
    }
    return json_array_size(list);
}

/* One line a name: "tool foo: added". An item is the name, or an object with name and file. */
static size_t print_names(const json_t *groups, const char *group, const char *prefix)
{
    size_t i;
    const json_t *item;
    const json_t *list = json_object_get(groups, group);
    json_array_foreach(list, i, item)
    {
        const char *name =
            json_is_string(item) ? json_string_value(item) : llmspell_string(item, "name");
        const char *file = llmspell_string(item, "file");
        printf("%s%s: %s%s%s\n", prefix, name ? name : "?", group, file ? " by " : "",
               file ? file : "");
    }
    return json_array_size(list);
}

static void print_failed(const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *name = llmspell_string(item, "name"), *why = llmspell_string(item, "message");
        fflush(stdout);
        fprintf(stderr, "llmspell: protocol %s failed: %s\n", name ? name : "?",
                why ? why : "it gave no reason");
    }
}

static void print_outcome(const struct cli *cli, const json_t *outcome, const char *id)
{
    const json_t *plugins = json_object_get(outcome, "plugins");
    const json_t *protocols = json_object_get(outcome, "protocols");
    const json_t *failed = json_object_get(protocols, "failed");
    size_t lines = print_settings(json_object_get(outcome, "applied"), NULL) +
                   print_settings(json_object_get(outcome, "restart_needed"), id) +
                   print_names(plugins, "added", "") + print_names(plugins, "removed", "") +
                   print_names(plugins, "replaced", "") +
                   print_names(protocols, "started", "protocol ") +
                   print_names(protocols, "stopped", "protocol ") +
                   print_names(protocols, "replaced", "protocol ");
    print_failed(failed);
    if (lines == 0 && json_array_size(failed) == 0 && !cli->quiet)
        puts("nothing changed");
}

/* ---- the outcome ---- */

/* One look: 1 if *ret_outcome is it, 0 if not yet. The kernel is found by its file each time, since
 * a protocol that was replaced may have moved. */
static int look(struct cli *cli, const char *name, json_int_t number, int left_ms,
                json_t **ret_outcome, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *connection = NULL, *reply = NULL;
    int rc = kernels_find(cli->config, name, &connection, ret_error);
    if (rc == 0)
        rc = kernel_ask_connect(cli, connection, left_ms < 1000 ? left_ms : 1000, ret_error);
    if (rc == 0)
        rc = kernel_ask_request(cli, "status_request", left_ms, &reply, ret_error);
    json_t *last = json_object_get(reply, "last_reload");
    if (rc < 0 || llmspell_integer(last, "reload", -1) < number ||
        llmspell_bool(last, "pending", 0))
        return 0;
    *ret_outcome = json_incref(last);
    return 1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* The protocol that carried the first reply is being replaced: the kernel's status tells the rest.
 */
static int settle(struct cli *cli, const char *name, json_int_t number, json_t **ret_outcome)
{
    struct error error, last = {0};
    int64_t deadline = now_ms() + SETTLE_MS, left;
    while ((left = deadline - now_ms()) > 0) {
        if (look(cli, name, number, (int)left, ret_outcome, &last) == 1)
            return 0;
        poll(NULL, 0, ASK_AGAIN_MS);
    }
    error_set(&error, LLMSPELL_ETIMEOUT,
              "the reload was begun, but its outcome is not known after %d s%s%.700s; `llmspell "
              "kernel status --output json` tells it as last_reload",
              SETTLE_MS / 1000, last.code ? ": " : "", last.code ? last.message : "");
    return cli_fail(cli, &error);
}

static int show(const struct cli *cli, const json_t *outcome, const char *id)
{
    if (llmspell_is(outcome, "status", "error"))
        return cli_check_reply(cli, outcome);
    if (cli->json)
        cli_print_json(cli, outcome);
    else
        print_outcome(cli, outcome, id);
    const json_t *protocols = json_object_get(outcome, "protocols");
    return json_array_size(json_object_get(protocols, "failed")) ? EXIT_FAILED : EXIT_OK;
}

/* The name under which the kernel is found again, and its id. */
static int choose(struct cli *cli, const struct args *args, struct kernel_entry *ret_entry)
{
    struct error error;
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    return kernels_select(config, kernel_ask_name(cli, args), 0, ret_entry, &error) < 0
               ? cli_fail(cli, &error)
               : 0;
}

static int run(struct cli *cli, const struct args *args)
{
    struct kernel_entry entry;
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL, *outcome = NULL;
    int status = choose(cli, args, &entry);
    if (status != 0)
        return status;
    const char *name = entry.files.id ? entry.files.id : kernel_ask_name(cli, args);
    const char *id = llmspell_string(entry.connection, "kernel_id");
    status = kernel_ask(cli, args, "reload_request", RELOAD_TIMEOUT_MS, &reply);
    if (status == 0 && llmspell_bool(reply, "pending", 0))
        status = settle(cli, name, llmspell_integer(reply, "reload", 0), &outcome);
    else
        outcome = json_incref(reply);
    if (status == 0)
        status = show(cli, outcome, id ? id : "ID");
    kernel_entry_clear(&entry);
    return status;
}

const struct command cmd_kernel_reload = {
    .name = "kernel reload",
    .arguments = "[ID]",
    .summary = "read a kernel's configuration and plugins anew",
    .help = "Shows what was applied, and what needs a restart. If the new configuration is\n"
            "invalid, nothing changes.",
    .max_values = 1,
    .run = run,
};
