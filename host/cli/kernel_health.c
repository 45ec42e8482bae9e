/* SPDX-License-Identifier: Apache-2.0
 * Health of a kernel. Nothing is guessed: the lock says whether the process lives, the reply says
 * the rest. */
#include "cli/kernel_health.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/channel.h"
#include "cli/kernel_ask.h"
#include "cli/kernel_state.h"
#include "daemon/pidfile.h"

static const struct {
    const char *name, *title;
    int color, status;
} STATES[] = {
    [HEALTH_OK] = {"healthy", "HEALTHY", 32, EXIT_OK},
    [HEALTH_STARTING] = {"starting", "STARTING", 33, EXIT_TIMEOUT},
    [HEALTH_STOPPING] = {"stopping", "STOPPING", 33, EXIT_FAILED},
    [HEALTH_NOT_RESPONDING] = {"not_responding", "NOT RESPONDING", 31, EXIT_TIMEOUT},
    [HEALTH_DEAD] = {"dead", "DEAD", 31, EXIT_ABSENT},
    [HEALTH_ENDED] = {"ended", "ENDED", 33, EXIT_ABSENT},
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* The two largest units: "12s", "5m 3s", "2h 15m", "3d 4h". */
static void print_uptime(char *buffer, size_t size, json_int_t ms)
{
    long long s = ms / 1000;
    if (s < 60)
        snprintf(buffer, size, "%llds", s);
    else if (s < 3600)
        snprintf(buffer, size, "%lldm %llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(buffer, size, "%lldh %lldm", s / 3600, s / 60 % 60);
    else
        snprintf(buffer, size, "%lldd %lldh", s / 86400, s / 3600 % 24);
}

static void set_healthy(struct kernel_health *health)
{
    char uptime[48];
    json_int_t bytes = llmspell_integer(health->reply, "rss_bytes", -1);
    print_uptime(uptime, sizeof uptime, llmspell_integer(health->reply, "uptime_ms", 0));
    if (bytes < 0)
        snprintf(health->detail, sizeof health->detail, "uptime: %s", uptime);
    else
        snprintf(health->detail, sizeof health->detail, "uptime: %s, memory: %lldMB", uptime,
                 (long long)(bytes + 524288) / 1048576);
    const char *id = llmspell_string(health->reply, "kernel_id");
    snprintf(health->id, sizeof health->id, "%s", id ? id : "");
    health->pid = (pid_t)llmspell_integer(health->reply, "pid", 0);
    health->state =
        llmspell_is(health->reply, "execution_state", "stopping") ? HEALTH_STOPPING : HEALTH_OK;
}

static void set_dead(struct kernel_health *health, const struct kernel_entry *entry)
{
    bool known;
    LLMSPELL_CLEANUP_FREE char *log = kernel_state_log(&entry->files, &known);
    bool there = log && access(log, F_OK) == 0;
    health->state = HEALTH_DEAD;
    snprintf(health->detail, sizeof health->detail,
             "it ended without cleaning up: crash or kill -9%s%s", there ? "; log: " : "",
             there ? log : "");
}

static int ask_once(struct cli *cli, int64_t deadline, struct kernel_health *health,
                    struct error *ret_error)
{
    int64_t left = deadline - now_ms();
    json_decref(health->reply);
    health->reply = NULL;
    return kernel_ask_request(cli, "status_request", left > 0 ? (int)left : 0, &health->reply,
                              ret_error);
}

/* The protocol was just being replaced: its successor may answer. */
static bool is_worth_another(int rc, const json_t *reply)
{
    return rc == LLMSPELL_ENETWORK ||
           (rc == 0 && llmspell_is(reply, "ename", llmspell_error_name(LLMSPELL_EUNAVAILABLE)));
}

/* Over the channel of the check before if it led to the same process; a protocol that was replaced
 * meanwhile wants a new one. A kernel that is gone accepts no connection. */
static int ask(struct cli *cli, const struct kernel_entry *entry, int timeout_ms,
               struct kernel_health *health, struct error *ret_error)
{
    int64_t deadline = now_ms() + timeout_ms;
    int rc = LLMSPELL_ENETWORK;
    if (cli->channel && entry->pid && health->connected == entry->pid)
        rc = ask_once(cli, deadline, health, ret_error);
    for (int64_t left = timeout_ms; is_worth_another(rc, health->reply) && left > 0;
         left = deadline - now_ms()) {
        rc = kernel_ask_connect(cli, entry->connection, (int)left, ret_error);
        if (rc < 0)
            break;
        rc = ask_once(cli, deadline, health, ret_error);
    }
    health->connected = rc == 0 ? entry->pid : 0;
    if (rc < 0) {
        channel_close(cli->channel);
        cli->channel = NULL;
    }
    return rc;
}

/* No answer: does the process live that should give one? */
static int no_answer(const struct kernel_entry *entry, int timeout_ms, struct kernel_health *health,
                     struct error *ret_error)
{
    pid_t pid = 0;
    if (!entry->files.id ||
        (ret_error->code != LLMSPELL_ETIMEOUT && ret_error->code != LLMSPELL_ENETWORK))
        return ret_error->code;
    if (pidfile_check(entry->files.pidfile, &pid, NULL) == 1) {
        health->state = HEALTH_NOT_RESPONDING;
        health->pid = pid;
        if (ret_error->code == LLMSPELL_ETIMEOUT)
            snprintf(health->detail, sizeof health->detail, "pid %d lives, no answer within %d s",
                     (int)pid, timeout_ms / 1000);
        else
            snprintf(health->detail, sizeof health->detail, "pid %d lives, but %.500s", (int)pid,
                     ret_error->message);
        return 0;
    }
    if (access(entry->files.connection, F_OK) != 0)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "kernel %s has just ended",
                         entry->files.id);
    set_dead(health, entry);
    return 0;
}

static int read_reply(struct kernel_health *health, struct error *ret_error)
{
    if (llmspell_is(health->reply, "status", "ok")) {
        set_healthy(health);
        return 0;
    }
    const char *ename = llmspell_string(health->reply, "ename");
    const char *evalue = llmspell_string(health->reply, "evalue");
    if (ename && strcmp(ename, "ShuttingDown") == 0) {
        health->state = HEALTH_STOPPING;
        snprintf(health->detail, sizeof health->detail, "pid %d is shutting down",
                 (int)health->pid);
        return 0;
    }
    return error_set(ret_error, LLMSPELL_EFAILED, "the kernel refused status_request: %s: %s",
                     ename ? ename : "error", evalue ? evalue : "it gave no reason");
}

static int check_entry(struct cli *cli, const struct kernel_entry *entry, int timeout_ms,
                       struct kernel_health *health, struct error *ret_error)
{
    pid_t pid;
    if (entry->files.id && entry->pid == 0) {
        int rc = pidfile_check(entry->files.pidfile, &pid, ret_error);
        if (rc >= 0)
            set_dead(health, entry);
        return rc < 0 ? rc : 0;
    }
    if (!entry->connection && access(entry->files.connection, F_OK) != 0) {
        health->state = HEALTH_STARTING;
        snprintf(health->detail, sizeof health->detail,
                 "pid %d lives, but has no connection file: it starts or ends", (int)entry->pid);
        return 0;
    }
    if (!json_is_object(entry->connection))
        return error_set(ret_error, LLMSPELL_EPARSE, "the connection file %s cannot be read",
                         entry->files.connection);
    if (ask(cli, entry, timeout_ms, health, ret_error) < 0)
        return no_answer(entry, timeout_ms, health, ret_error);
    return read_reply(health, ret_error);
}

int kernel_health_check(struct cli *cli, const char *name, int flags, int timeout_ms,
                        struct kernel_health *health, struct error *ret_error)
{
    struct kernel_entry entry;
    const struct catalog *catalog;
    kernel_health_clear(health);
    if (cli_catalog(cli, &catalog) != 0)
        return error_set(ret_error, LLMSPELL_EFAILED, "the configuration cannot be used");
    int rc = kernels_select(cli->config, name, flags, &entry, ret_error);
    if (rc < 0)
        return rc;
    health->pid = entry.pid;
    health->ours = entry.files.id != NULL;
    snprintf(health->id, sizeof health->id, "%s", entry.files.id ? entry.files.id : "");
    rc = check_entry(cli, &entry, timeout_ms, health, ret_error);
    kernel_entry_clear(&entry);
    return rc;
}

void kernel_health_print(const struct cli *cli, const struct kernel_health *health)
{
    const char *title = STATES[health->state].title;
    if (cli->color)
        printf("\033[%dm%s\033[0m", STATES[health->state].color, title);
    else
        fputs(title, stdout);
    printf(" (%s)", health->detail);
}

json_t *kernel_health_json(const struct kernel_health *health)
{
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:s, s:i}", "status", "ok", "health", STATES[health->state].name,
                  "detail", health->detail, "kernel_id", health->id, "pid", (int)health->pid);
    if (llmspell_is(health->reply, "status", "ok"))
        json_object_update(document, health->reply);
    return document;
}

int kernel_health_status(const struct kernel_health *health)
{
    return STATES[health->state].status;
}

void kernel_health_clear(struct kernel_health *health)
{
    json_decref(health->reply);
    health->reply = NULL;
    health->detail[0] = '\0';
    health->pid = 0;
}
