/* SPDX-License-Identifier: Apache-2.0
 * system_monitor: processor, memory, disks, network and processes of this machine. This file is the
 * entry, the table of operations and the two samples that rates are computed from; each part of a
 * result has a source of its own (monitor.h lists them). */
#include <poll.h>
#include <time.h>

#include "monitor.h"

#define SLICE_MS 50     /* between two looks at the cancel flag */
#define PROGRESS_MS 500 /* an interval beyond this shows how far it is */

enum { NEEDS_CPU = 1, NEEDS_NETWORK = 2, NEEDS_PROCESSES = 4 };

static const struct part {
    const char *name;
    int32_t (*measure)(struct monitor *monitor, json_t **ret_part);
    unsigned needs;
    bool in_all;
} parts[] = {
    {"host", part_host, 0, true},     {"cpu", part_cpu, NEEDS_CPU, true},
    {"memory", part_memory, 0, true}, {"disk", part_disk, 0, true},
    {"load", part_load, 0, true},     {"network", part_network, NEEDS_NETWORK, true},
    {"cgroup", part_cgroup, 0, true}, {"processes", part_processes, NEEDS_PROCESSES, false},
};
#define PART_COUNT (sizeof parts / sizeof *parts)

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int32_t take(struct monitor *monitor, unsigned needs, int which)
{
    int32_t rc = 0;
    if (needs & NEEDS_CPU)
        rc = cpu_take(monitor, &monitor->cpu[which]);
    if (rc == 0 && (needs & NEEDS_NETWORK))
        rc = network_take(monitor, &monitor->network[which]);
    if (rc == 0 && (needs & NEEDS_PROCESSES))
        rc = processes_take(monitor, &monitor->processes[which]);
    return rc;
}

/* Waits until start lies interval ms back, or the call should end. */
static int32_t wait_since(struct monitor *monitor, double start, double interval)
{
    for (;;) {
        int32_t stop = llmspell_cancelled(monitor->call);
        if (stop < 0)
            return stop;
        double left = interval - (clock_seconds() - start) * 1000;
        if (left <= 0)
            return 0;
        if (interval > PROGRESS_MS)
            monitor->call->host->progress(monitor->call, interval - left, interval, "measuring");
        poll(NULL, 0, left < SLICE_MS ? (int)left + 1 : SLICE_MS);
    }
}

/* Takes the samples that the parts need: two with the interval between, or one since boot. */
static int32_t take_samples(struct monitor *monitor, unsigned needs)
{
    json_int_t interval = llmspell_integer(monitor->params, "interval_ms", 200);
    monitor->since_boot = interval == 0;
    if (needs == 0)
        return 0;
    if (monitor->since_boot) {
        monitor->seconds = uptime_seconds(monitor);
        return take(monitor, needs, 1);
    }
    double start = clock_seconds();
    int32_t rc = take(monitor, needs, 0);
    if (rc == 0)
        rc = wait_since(monitor, start, (double)interval);
    monitor->seconds = clock_seconds() - start;
    return rc < 0 ? rc : take(monitor, needs, 1);
}

static const struct part *find_part(const char *name)
{
    for (size_t i = 0; i < PART_COUNT; i++)
        if (name && strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

static int32_t measure_all(struct monitor *monitor, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *all = json_object();
    for (size_t i = 0; i < PART_COUNT; i++) {
        json_t *part = NULL;
        if (!parts[i].in_all)
            continue;
        int32_t rc = parts[i].measure(monitor, &part);
        if (rc < 0)
            return rc;
        if (json_object_set_new(all, parts[i].name, part) != 0)
            return no_memory(monitor);
    }
    return llmspell_return(monitor->call, ret_result, llmspell_steal_json(&all));
}

static int32_t measure(struct monitor *monitor, json_t **ret_result)
{
    const char *operation = llmspell_string(monitor->params, "operation");
    const struct part *part = find_part(operation);
    if (!part && operation && strcmp(operation, "all") != 0)
        return llmspell_fail_at(monitor->call, LLMSPELL_EINVAL, "/operation",
                                "there is no operation %s", operation);
    int32_t rc = part ? 0 : disk_check(monitor); /* before the interval, not after it */
    if (rc == 0)
        rc = take_samples(monitor, part ? part->needs : NEEDS_CPU | NEEDS_NETWORK);
    if (rc < 0)
        return rc;
    return part ? part->measure(monitor, ret_result) : measure_all(monitor, ret_result);
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    (void)self;
    struct monitor monitor = {.call = call, .params = params, .fs = llmspell_fs_get(call)};
    if (!monitor.fs)
        return LLMSPELL_EUNAVAILABLE;
    json_t *result = NULL;
    int32_t rc = measure(&monitor, &result);
    if (rc == 0 && monitor.broken)
        rc = monitor.broken == LLMSPELL_ENOMEM ? no_memory(&monitor) : monitor.broken;
    if (rc == 0)
        *ret_result = llmspell_steal_json(&result);
    json_decref(result);
    mounts_free(&monitor.mounts);
    for (int i = 0; i < 2; i++) {
        free(monitor.cpu[i].items);
        free(monitor.network[i].items);
        free(monitor.processes[i].items);
    }
    return rc;
}

LLMSPELL_TOOL(.invoke = invoke)
