/* SPDX-License-Identifier: Apache-2.0
 * What the kernel says about itself: kernel_info and status. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

/* From the runtime's manifest: the runtime need not be loaded for it. */
static json_t *make_info(const struct registry *registry)
{
    static const char *const keys[] = {"language_info", "banner", "help_links", NULL};
    const char *name = config_string(registry_config(registry), "kernel", "runtime");
    const struct plugin *plugin = catalog_find(registry_catalog(registry), PLUGIN_RUNTIME, name);
    LLMSPELL_CLEANUP_JSON json_t *facts = NULL;
    if (plugin)
        plugin_members(plugin, keys, &facts, NULL);
    json_t *info =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s], s:b}", "status", "ok", "protocol_version",
                  LLMSPELL_MESSAGES_VERSION, "implementation", "llmspell", "implementation_version",
                  LLMSPELL_VERSION, "banner", "llmspell " LLMSPELL_VERSION, "supported_features",
                  "kernel subshells", "debugger", 0);
    if (!json_object_get(facts, "language_info"))
        json_object_set_new(info, "language_info",
                            json_pack("{s:s, s:s, s:s, s:s}", "name", name, "version", "",
                                      "mimetype", "text/plain", "file_extension", ".txt"));
    if (!json_object_get(facts, "help_links"))
        json_object_set_new(info, "help_links", json_array());
    if (facts)
        json_object_update(info, facts);
    return info;
}

json_t *answer_kernel_info(struct kernel *kernel)
{
    pthread_mutex_lock(&kernel->lock);
    if (!kernel->info)
        kernel->info = make_info(kernel->registry);
    pthread_mutex_unlock(&kernel->lock);
    json_t *info = json_deep_copy(kernel->info); /* shared values are not for two threads */
    if (info && handlers_exist(kernel, "debug_request")) {
        json_object_set_new(info, "debugger", json_true());
        json_array_append_new(json_object_get(info, "supported_features"), json_string("debugger"));
    }
    return info;
}

/* Resident memory in bytes; -1 if unknown. */
static int64_t resident_bytes(void)
{
    long pages = -1, total;
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%ld %ld", &total, &pages) != 2)
        return -1;
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static const char *state_of(struct kernel *kernel)
{
    pthread_mutex_lock(&kernel->executor.lock);
    bool starting = kernel->executor.started && !kernel->executor.opened;
    pthread_mutex_unlock(&kernel->executor.lock);
    return starting ? "starting" : kernel_is_busy(kernel) ? "busy" : "idle";
}

json_t *answer_status(struct kernel *kernel)
{
    struct registry *registry = kernel_registry(kernel);
    const struct config *config = registry_config(registry);
    json_t *extra = kernel->status ? kernel->status(kernel->data) : NULL;
    pthread_mutex_lock(&kernel->lock);
    unsigned active = kernel->active_count;
    pthread_mutex_unlock(&kernel->lock);
    json_t *reply = json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:I, s:s, s:i, s:i, s:i, s:I, s:I, s:s, s:s, s:I, s:I}",
        "status", "ok", "kernel_id", kernel->id, "pid", (int)getpid(), "version", LLMSPELL_VERSION,
        "execution_state", state_of(kernel), "uptime_ms",
        (json_int_t)((clock_monotonic_ns() - kernel->started_ns) / 1000000), "workdir",
        kernel->workdir, "execution_count", (int)atomic_load(&kernel->executor.count), "pending",
        (int)atomic_load(&kernel->executor.pending), "active", (int)active, "requests",
        (json_int_t)atomic_load(&kernel->requests), "errors",
        (json_int_t)atomic_load(&kernel->errors), "runtime",
        config_string(config, "kernel", "runtime"), "protocol",
        config_string(config, "kernel", "protocol"), "tools", (json_int_t)registry_count(registry),
        "rss_bytes", (json_int_t)resident_bytes());
    if (reply && extra)
        json_object_update(reply, extra);
    json_decref(extra);
    registry_unref(registry);
    return reply;
}
