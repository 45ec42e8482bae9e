/* SPDX-License-Identifier: Apache-2.0
 * Protocol plugins in a running kernel. A successor is opened before the old one is stopped, and
 * gets its ports and key; if it cannot serve, the old one comes back. */
#include "daemon/protocols.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "plugin/loader.h"
#include "plugin/protocol.h"

void protocols_init(struct protocols *protocols, struct kernel *kernel, struct listen_set *sockets)
{
    *protocols = (struct protocols){
        .kernel = kernel, .sockets = sockets, .lock = PTHREAD_RWLOCK_INITIALIZER};
}

static const char *name_of(const struct served *served)
{
    return served->plugin->head.name;
}

/* ---- one plugin ---- */

static int open_one(struct kernel *kernel, const struct config *config, struct plugin *plugin,
                    struct served *ret_served, struct error *ret_error)
{
    struct served served = {.plugin = plugin};
    kernel_attach(kernel, &plugin->ctx);
    int rc = protocol_open(config, plugin, &served.protocol, &served.self, ret_error);
    if (rc < 0)
        return rc;
    plugin_ref(plugin);
    served.config = config_ref(config);
    *ret_served = served;
    return 0;
}

static int serve_one(const struct protocols *protocols, struct served *served, const json_t *wanted,
                     struct error *ret_error)
{
    struct kernel *kernel = protocols->kernel;
    struct call call;
    json_t *connection = NULL;
    kernel_attach(kernel, &served->plugin->ctx);
    call_init(&call, &served->plugin->ctx);
    int rc = served->protocol->serve(served->self, &call.base, wanted, &connection);
    if (rc < 0) {
        kernel_detach(kernel, &served->plugin->ctx); /* it may have got half way */
        listen_give_back(protocols->sockets, &served->plugin->ctx);
        return call_error(&call, rc, ret_error);
    }
    json_decref(served->connection);
    served->connection = connection;
    served->serving = true;
    return 0;
}

static void close_one(struct served *served)
{
    if (plugin_is_intact(served->plugin))
        served->protocol->close(served->self);
    plugin_unref(served->plugin);
    config_unref(served->config);
    json_decref(served->connection);
    *served = (struct served){0};
}

/* Requests on their way are answered before its sockets go; what came meanwhile, after. */
static void stop_one(const struct protocols *protocols, struct served *served)
{
    struct kernel *kernel = protocols->kernel;
    struct llmspell_ctx *ctx = &served->plugin->ctx;
    if (!served->serving)
        return;
    kernel_detach(kernel, ctx);
    served->protocol->stop(served->self);
    kernel_detach(kernel, ctx);
    listen_give_back(protocols->sockets, ctx);
    served->serving = false;
}

int protocols_start(struct protocols *protocols, const struct config *config, struct plugin *plugin,
                    const json_t *wanted, struct error *ret_error)
{
    struct served served;
    if (protocols->count == PROTOCOLS_MAX)
        return error_set(ret_error, LLMSPELL_ELIMIT, "[kernel] protocol names more than %d",
                         PROTOCOLS_MAX);
    int rc = open_one(protocols->kernel, config, plugin, &served, ret_error);
    if (rc < 0)
        return rc;
    rc = serve_one(protocols, &served, wanted, ret_error);
    if (rc < 0) {
        close_one(&served);
        return rc;
    }
    pthread_rwlock_wrlock(&protocols->lock);
    protocols->items[protocols->count++] = served;
    pthread_rwlock_unlock(&protocols->lock);
    return 0;
}

/* ---- what the configuration wants ---- */

int protocols_wanted(const struct config *config, const struct catalog *catalog,
                     struct plugin *ret_plugins[PROTOCOLS_MAX], unsigned *ret_count,
                     struct error *ret_error)
{
    const char *at = config_string(config, "kernel", "protocol");
    unsigned count = 0;
    while (at && *(at += strspn(at, ", "))) {
        char name[MANIFEST_NAME_MAX + 1];
        size_t n = strcspn(at, ", ");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        at += n;
        struct plugin *plugin = catalog_find(catalog, PLUGIN_PROTOCOL, name);
        if (!plugin)
            return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                             "no protocol plugin is called \"%s\" ([kernel] protocol); `llmspell "
                             "plugin list` shows those that there are",
                             name);
        if (count == PROTOCOLS_MAX)
            return error_set(ret_error, LLMSPELL_ELIMIT, "[kernel] protocol names more than %d",
                             PROTOCOLS_MAX);
        ret_plugins[count++] = plugin;
    }
    if (count == 0)
        return error_set(ret_error, LLMSPELL_EINVAL, "[kernel] protocol is empty: name one");
    *ret_count = count;
    return 0;
}

static struct plugin *find_plugin(struct plugin *const *plugins, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(plugins[i]->head.name, name) == 0)
            return plugins[i];
    return NULL;
}

static struct served *find_served(const struct protocols *protocols, const char *name)
{
    for (unsigned i = 0; i < protocols->count; i++)
        if (strcmp(name_of(&protocols->items[i]), name) == 0)
            return (struct served *)&protocols->items[i];
    return NULL;
}

static void add_name(json_t *plan, const char *key, const char *name)
{
    json_array_append_new(json_object_get(plan, key), json_string(name));
}

/* A change of its file or its section wants a successor; so does one that serves no more. */
static bool is_stale(const struct served *served, const struct plugin *plugin,
                     const struct config *to)
{
    char section[MANIFEST_NAME_MAX + 12];
    snprintf(section, sizeof section, "protocol.%s", name_of(served));
    return plugin != served->plugin || !served->serving ||
           !config_same_section(served->config, to, section);
}

int protocols_plan(const struct protocols *protocols, const struct config *to,
                   const struct catalog *catalog, json_t **ret_plan, struct error *ret_error)
{
    struct plugin *wanted[PROTOCOLS_MAX];
    unsigned count;
    int rc = protocols_wanted(to, catalog, wanted, &count, ret_error);
    if (rc < 0)
        return rc;
    json_t *plan =
        json_pack("{s:[], s:[], s:[], s:[]}", "started", "stopped", "replaced", "failed");
    for (unsigned i = 0; i < protocols->count; i++) {
        const struct served *served = &protocols->items[i];
        const struct plugin *plugin = find_plugin(wanted, count, name_of(served));
        if (!plugin)
            add_name(plan, "stopped", name_of(served));
        else if (is_stale(served, plugin, to))
            add_name(plan, "replaced", name_of(served));
    }
    for (unsigned i = 0; i < count; i++)
        if (!find_served(protocols, wanted[i]->head.name))
            add_name(plan, "started", wanted[i]->head.name);
    *ret_plan = plan;
    return 0;
}

bool protocols_concerns(const struct protocols *protocols, const json_t *plan,
                        const struct llmspell_ctx *ctx)
{
    static const char *const keys[] = {"stopped", "replaced"};
    for (unsigned k = 0; ctx && k < 2; k++) {
        size_t i;
        json_t *name;
        json_array_foreach(json_object_get(plan, keys[k]), i, name)
        {
            const struct served *served = find_served(protocols, json_string_value(name));
            if (served && &served->plugin->ctx == ctx)
                return true;
        }
    }
    return false;
}

/* ---- doing it ---- */

/* Does the section say the same of a key that its plugin wants to keep ("x-keep")? */
static bool is_kept(const json_t *before, const json_t *after, const char *key,
                    const json_t *property)
{
    const json_t *value = json_object_get(before, key);
    return json_is_true(json_object_get(property, "x-keep")) && value &&
           json_equal(value, json_object_get(after, key));
}

/* What the successor should keep: all of the connection; if its section has changed, just what the
 * section cannot say (the key) or says as before, where the manifest has "x-keep" (a port): it may
 * ask for others now. */
static json_t *wish_of(const struct served *served, const struct config *to)
{
    char section[MANIFEST_NAME_MAX + 12];
    const json_t *manifest;
    LLMSPELL_CLEANUP_JSON json_t *before = NULL, *after = NULL;
    json_t *wish = json_copy(served->connection), *property;
    const char *key;
    snprintf(section, sizeof section, "protocol.%s", name_of(served));
    if (config_same_section(served->config, to, section) ||
        plugin_manifest(served->plugin, &manifest, NULL) < 0)
        return wish;
    json_t *config = json_object_get(manifest, "config");
    config_plugin(served->config, section, config, &before, NULL);
    config_plugin(to, section, config, &after, NULL);
    json_object_foreach(json_object_get(config, "properties"), key, property)
    {
        if (!is_kept(before, after, key, property))
            json_object_del(wish, key);
    }
    return wish;
}

/* The same plugin object cannot be open twice with one context: then the old one ends first. */
static int replace(struct protocols *protocols, const struct config *to, struct plugin *plugin,
                   struct served *served, struct error *ret_error)
{
    struct served next = {0};
    bool same = plugin == served->plugin;
    int rc = same ? 0 : open_one(protocols->kernel, to, plugin, &next, ret_error);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *wish = wish_of(served, to);
    stop_one(protocols, served);
    if (same)
        rc = open_one(protocols->kernel, to, plugin, &next, ret_error);
    if (rc == 0)
        rc = serve_one(protocols, &next, wish, ret_error);
    if (rc == 0) {
        close_one(served);
        *served = next;
        return 0;
    }
    struct error why;
    if (next.protocol)
        close_one(&next);
    if (serve_one(protocols, served, served->connection, &why) < 0)
        log_error("kernel", "protocol %s cannot serve any more: %s", name_of(served), why.message);
    return rc;
}

static void failed(json_t *plan, const char *name, const struct error *error)
{
    log_error("kernel", "protocol %s: %s", name, error->message);
    json_array_append_new(json_object_get(plan, "failed"),
                          json_pack("{s:s, s:s}", "name", name, "message", error->message));
}

static void remove_item(struct protocols *protocols, struct served *served)
{
    close_one(served);
    size_t index = (size_t)(served - protocols->items);
    memmove(served, served + 1, (protocols->count - index - 1) * sizeof *served);
    protocols->count--;
}

/* One without a way to connect serves only others (dap without a port: their debug_request). */
static bool reaches_clients(const struct served *served)
{
    return served->serving && json_object_size(served->connection) > 0;
}

static unsigned count_serving(const struct protocols *protocols)
{
    unsigned count = 0;
    for (unsigned i = 0; i < protocols->count; i++)
        count += reaches_clients(&protocols->items[i]);
    return count;
}

static void apply_stopped(struct protocols *protocols, json_t *plan)
{
    json_t *names = json_object_get(plan, "stopped");
    for (size_t i = 0; i < json_array_size(names);) {
        const char *name = json_string_value(json_array_get(names, i));
        struct served *served = find_served(protocols, name);
        if (reaches_clients(served) && count_serving(protocols) == 1) {
            struct error error;
            error_set(&error, LLMSPELL_EUNAVAILABLE,
                      "it serves on, since no other protocol does: mend the others, reload again");
            failed(plan, name, &error);
            json_array_remove(names, i);
            continue;
        }
        stop_one(protocols, served);
        remove_item(protocols, served);
        i++;
    }
}

/* Calls for each name of the list and takes those that failed off it. */
static void apply_list(struct protocols *protocols, const struct config *to,
                       const struct catalog *catalog, json_t *plan, const char *key)
{
    json_t *names = json_object_get(plan, key);
    for (size_t i = 0; i < json_array_size(names);) {
        const char *name = json_string_value(json_array_get(names, i));
        struct plugin *plugin = catalog_find(catalog, PLUGIN_PROTOCOL, name);
        struct served *served = find_served(protocols, name);
        LLMSPELL_CLEANUP_JSON json_t *none = json_object();
        struct error error;
        int rc = served ? replace(protocols, to, plugin, served, &error)
                        : protocols_start(protocols, to, plugin, none, &error);
        if (rc == 0) {
            i++;
            continue;
        }
        failed(plan, name, &error);
        json_array_remove(names, i);
    }
}

/* Where [kernel] protocol names it; what it does not name comes last. */
static size_t rank(const struct config *config, const char *name)
{
    const char *list = config_string(config, "kernel", "protocol"), *at = list;
    size_t size = strlen(name), n;
    for (; at && *(at += strspn(at, ", ")); at += n) {
        n = strcspn(at, ", ");
        if (n == size && strncmp(at, name, n) == 0)
            return (size_t)(at - list);
    }
    return SIZE_MAX;
}

/* The first one goes into the connection file. */
static void sort_items(struct protocols *protocols, const struct config *to)
{
    struct served *items = protocols->items;
    for (unsigned i = 1; i < protocols->count; i++)
        for (unsigned k = i;
             k > 0 && rank(to, name_of(&items[k])) < rank(to, name_of(&items[k - 1])); k--) {
            struct served swap = items[k];
            items[k] = items[k - 1];
            items[k - 1] = swap;
        }
}

void protocols_apply(struct protocols *protocols, const struct config *to,
                     const struct catalog *catalog, json_t *plan)
{
    pthread_rwlock_wrlock(&protocols->lock);
    apply_list(protocols, to, catalog, plan, "replaced");
    pthread_rwlock_unlock(&protocols->lock);
    apply_list(protocols, to, catalog, plan, "started"); /* locks for itself */
    pthread_rwlock_wrlock(&protocols->lock);
    apply_stopped(protocols, plan);
    sort_items(protocols, to);
    pthread_rwlock_unlock(&protocols->lock);
}

const struct served *protocols_first(const struct protocols *protocols)
{
    const struct served *first = NULL;
    for (unsigned i = protocols->count; i-- > 0;) {
        const struct served *served = &protocols->items[i];
        if (served->serving && (!first || reaches_clients(served) || !reaches_clients(first)))
            first = served;
    }
    return first;
}

void protocols_stop(struct protocols *protocols)
{
    pthread_rwlock_wrlock(&protocols->lock);
    while (protocols->count > 0) {
        struct served *served = &protocols->items[protocols->count - 1];
        if (served->serving)
            served->protocol->stop(served->self);
        remove_item(protocols, served);
    }
    pthread_rwlock_unlock(&protocols->lock);
}

void protocols_abandon(struct protocols *protocols)
{
    for (unsigned i = 0; i < protocols->count; i++)
        stop_one(protocols, &protocols->items[i]);
}

/* ---- facts ---- */

static json_t *status_of(const struct served *served)
{
    const struct plugin *plugin = served->plugin;
    const struct llmspell_protocol *table = served->protocol;
    LLMSPELL_CLEANUP_JSON json_t *own = NULL;
    static const char *const keys[] = {"name", "version", NULL};
    json_t *row = NULL;
    if (plugin_members(plugin, keys, &row, NULL) < 0)
        return NULL;
    json_object_set_new(row, "file", json_string(plugin->path));
    json_object_set_new(row, "serving", json_boolean(served->serving));
    if (served->serving && table->size > offsetof(struct llmspell_protocol, status) &&
        table->status && table->status(served->self, &own) == 0)
        json_object_update_missing(row, own);
    return row;
}

json_t *protocols_status(struct protocols *protocols)
{
    if (pthread_rwlock_tryrdlock(&protocols->lock) != 0)
        return NULL;
    json_t *list = json_array();
    for (unsigned i = 0; i < protocols->count; i++)
        json_array_append_new(list, status_of(&protocols->items[i]));
    pthread_rwlock_unlock(&protocols->lock);
    return list;
}
