/* SPDX-License-Identifier: Apache-2.0
 * A reload: everything is read and checked first; only then something is changed. What runs goes on
 * with what it began with. The outcome is an object (docs/messages.md, reload_request). */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "daemon/internal.h"
#include "log/logger.h"

struct reload {
    struct config *config;
    struct catalog *catalog;
    json_t *outcome;
};

/* ---- reading and checking ---- */

static void add_change(void *data, const char *section, const char *key, const char *from,
                       const char *to, bool reloadable)
{
    json_t *outcome = data;
    char name[128];
    snprintf(name, sizeof name, "%s.%s", section, key);
    bool applied = reloadable && strncmp(section, "runtime.", 8) != 0;
    if (strcmp(name, "kernel.protocol") == 0)
        applied = true; /* started and stopped below */
    json_array_append_new(json_object_get(outcome, applied ? "applied" : "restart_needed"),
                          json_pack("{s:s, s:s, s:s}", "setting", name, "from", from, "to", to));
}

static void add_plugin(json_t *plugins, const char *key, const struct plugin *plugin)
{
    char text[MANIFEST_NAME_MAX + 16];
    snprintf(text, sizeof text, "%s %s", plugin_kind_name(plugin->head.kind), plugin->head.name);
    json_array_append_new(json_object_get(plugins, key), json_string(text));
}

/* Usable plugins of one catalog that the other does not have, or has from another file. */
static void compare_plugins(const struct catalog *from, const struct catalog *to, json_t *outcome)
{
    json_t *plugins = json_object_get(outcome, "plugins");
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(to, i)); i++) {
        if (plugin->state != PLUGIN_READY)
            continue;
        const struct plugin *old = catalog_find(from, plugin->head.kind, plugin->head.name);
        if (old != plugin)
            add_plugin(plugins, old ? "replaced" : "added", plugin);
        if (old && old != plugin && plugin->head.kind == PLUGIN_RUNTIME)
            json_array_append_new(json_object_get(outcome, "restart_needed"),
                                  json_pack("{s:s+, s:s, s:s}", "setting", "plugin runtime.",
                                            plugin->head.name, "from", old->path, "to",
                                            plugin->path));
    }
    for (size_t i = 0; (plugin = catalog_at(from, i)); i++)
        if (plugin->state == PLUGIN_READY &&
            !catalog_find(to, plugin->head.kind, plugin->head.name))
            add_plugin(plugins, "removed", plugin);
}

static int prepare(struct server *server, struct reload *reload, struct error *ret_error)
{
    json_t *plan = NULL;
    int rc = server->options->load(server->options->data, server->catalog, &reload->config,
                                   &reload->catalog, ret_error);
    if (rc == 0)
        rc = server_check_sections(reload->config, reload->catalog, ret_error);
    if (rc == 0)
        rc = protocols_plan(&server->protocols, reload->config, reload->catalog, &plan, ret_error);
    if (rc < 0)
        return rc;
    reload->outcome = json_pack("{s:s, s:[], s:[], s:{s:[], s:[], s:[]}, s:o, s:b}", "status", "ok",
                                "applied", "restart_needed", "plugins", "added", "removed",
                                "replaced", "protocols", plan, "pending", 0);
    config_compare(server->config, reload->config, add_change, reload->outcome);
    compare_plugins(server->catalog, reload->catalog, reload->outcome);
    return 0;
}

/* ---- changing ---- */

/* All or nothing: the log may fail (a folder that is gone), then the old one is there still. */
static int put_in_place(struct server *server, struct reload *reload, struct error *ret_error)
{
    const struct server_options *options = server->options;
    bool log = !config_same_section(server->config, reload->config, "log");
    int rc = log ? server_open_log(options, reload->config, ret_error) : 0;
    if (rc == 0) {
        rc = kernel_replace(server->kernel, reload->config, reload->catalog, ret_error);
        if (rc < 0 && log && server_open_log(options, server->config, NULL) < 0)
            log_error("kernel", "the log could not be put back");
    }
    return rc;
}

static void swap_in(struct server *server, struct reload *reload)
{
    struct config *config = server->config;
    struct catalog *catalog = server->catalog;
    server->config = reload->config;
    server->catalog = reload->catalog;
    reload->config = config;
    reload->catalog = catalog;
    bridge_start_idle(server);
}

static void change_protocols(struct server *server, json_t *plan)
{
    struct error error;
    const struct served *first = protocols_first(&server->protocols);
    const struct plugin *plugin = first ? first->plugin : NULL;
    LLMSPELL_CLEANUP_JSON json_t *before = first ? json_incref(first->connection) : NULL;
    LLMSPELL_CLEANUP_JSON json_t *others_before = connection_others(server);
    protocols_apply(&server->protocols, server->config, server->catalog, plan);
    first = protocols_first(&server->protocols);
    LLMSPELL_CLEANUP_JSON json_t *others = connection_others(server);
    bool same = first && first->plugin == plugin && json_equal(before, first->connection) &&
                json_equal(others_before, others);
    if (!same && connection_write(server, &error) < 0)
        log_error("kernel", "%s", error.message);
}

/* ---- telling ---- */

static size_t size_of(const json_t *outcome, const char *group, const char *key)
{
    const json_t *from = group ? json_object_get(outcome, group) : outcome;
    return json_array_size(json_object_get(from, key));
}

static void log_outcome(const json_t *outcome)
{
    if (!llmspell_is(outcome, "status", "ok")) {
        log_error("kernel", "reload: nothing was changed: %s", llmspell_string(outcome, "evalue"));
        return;
    }
    log_info("kernel",
             "reload: %zu settings applied, %zu need a restart; plugins: %zu added, %zu removed, "
             "%zu replaced; protocols: %zu started, %zu stopped, %zu replaced, %zu failed",
             size_of(outcome, NULL, "applied"), size_of(outcome, NULL, "restart_needed"),
             size_of(outcome, "plugins", "added"), size_of(outcome, "plugins", "removed"),
             size_of(outcome, "plugins", "replaced"), size_of(outcome, "protocols", "started"),
             size_of(outcome, "protocols", "stopped"), size_of(outcome, "protocols", "replaced"),
             size_of(outcome, "protocols", "failed"));
}

/* Keeps the outcome for status_request, which other threads answer. */
static void remember(struct server *server, json_t *outcome)
{
    json_object_set_new(outcome, "at", json_integer((json_int_t)time(NULL)));
    pthread_mutex_lock(&server->lock);
    json_object_set_new(outcome, "reload", json_integer(++server->reloads));
    json_t *before = server->last_reload;
    server->last_reload = json_deep_copy(outcome);
    pthread_mutex_unlock(&server->lock);
    json_decref(before);
    log_outcome(outcome);
}

/* The protocol that the request came through is about to end: its client hears now what is planned,
 * and asks for the outcome later. */
static struct operation *answer_early(struct server *server, struct operation *operation,
                                      const json_t *outcome)
{
    const json_t *plan = json_object_get(outcome, "protocols");
    if (!operation || !protocols_concerns(&server->protocols, plan, operation_origin(operation)))
        return operation;
    json_t *planned = json_deep_copy(outcome);
    json_object_set_new(planned, "pending", json_true());
    json_object_set_new(planned, "reload", json_integer(server->reloads + 1));
    operation_finish(operation, planned);
    return NULL;
}

void reload_run(struct server *server, struct operation *operation)
{
    struct reload reload = {0};
    struct error error = {0};
    notify_reloading(&server->notify);
    int rc = prepare(server, &reload, &error);
    if (rc == 0)
        rc = put_in_place(server, &reload, &error);
    if (rc == 0) {
        swap_in(server, &reload);
        operation = answer_early(server, operation, reload.outcome);
        change_protocols(server, json_object_get(reload.outcome, "protocols"));
        if (size_of(reload.outcome, NULL, "applied"))
            state_write(server, NULL, 0, 0); /* `kernel logs` finds a new log file there */
    } else {
        error.code = rc;
        json_decref(reload.outcome);
        reload.outcome = server_failure(&error);
    }
    remember(server, reload.outcome);
    notify_ready(&server->notify, rc == 0 ? "reloaded" : "reload failed: nothing was changed", 0);
    if (operation)
        operation_finish(operation, json_incref(reload.outcome));
    json_decref(reload.outcome);
    config_unref(reload.config);
    catalog_unref(reload.catalog);
}
