/* SPDX-License-Identifier: Apache-2.0
 * The two steps of a tool's life before its first call: described (schemas, grants), then open. */
#include "tool/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/loader.h"
#include "tool/invoke.h"
#include "tool/registry.h"

static int compile_schema(const struct tool *tool, const char *key, struct schema **ret_schema,
                          struct error *ret_error)
{
    struct error why;
    const json_t *document = json_object_get(tool->manifest, key);
    pthread_mutex_lock(&tool->plugin->lock); /* as in free_schemas */
    int rc = schema_compile(document, SCHEMA_CHECK_FORMATS, ret_schema, &why);
    pthread_mutex_unlock(&tool->plugin->lock);
    if (rc < 0)
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s: the schema \"%s\" in its manifest: %s",
                         tool->plugin->path, key, why.message);
    return 0;
}

static int64_t limit(const struct tool *tool, const char *key)
{
    const json_t *limits = json_object_get(tool->manifest, "limits");
    return json_integer_value(json_object_get(limits, key));
}

static struct isolation isolate(const struct tool *tool, const struct registry *registry,
                                const json_t *common)
{
    struct isolation_wish wish = {
        .manifest = tool->manifest,
        .bundled = tool->plugin->bundled,
        .forced = registry_isolation(registry),
        .own = llmspell_string(common, "isolation"),
        .general = config_string(registry_config(registry), "tools", "isolation"),
    };
    return isolation_of(&wish);
}

/* Made here in any case: a list that is not acceptable is told at once. */
static int grant_extensions(struct tool *tool, const struct config *config, const json_t *common,
                            struct error *ret_error)
{
    struct extension_grants grants = {
        .tool = tool->plugin->head.name,
        .capabilities = json_object_get(tool->manifest, "capabilities"),
        .net = tool->grants->net,
        .home = config_home(config),
        .secrets = llmspell_string(common, "secrets"),
        .clock = config_string(config, "tools", "clock"),
        .http = {.hosts = config_string(config, "policy", "http_hosts"),
                 .ports = config_string(config, "policy", "http_ports"),
                 .private_hosts = config_string(config, "policy", "http_private"),
                 .ca_file = config_string(config, "policy", "http_ca_file"),
                 .allow_insecure = config_bool(config, "policy", "http_insecure")},
    };
    extensions_free(tool->extensions); /* of an attempt that failed later */
    tool->extensions = NULL;
    json_decref(tool->setup);
    tool->setup = extensions_json(&grants);
    return extensions_new(&grants, &tool->extensions, ret_error);
}

static void forget_grants(struct tool *tool)
{
    grants_unref(tool->grants);
    files_free(tool->files);
    json_decref(tool->config);
    tool->grants = NULL;
    tool->files = NULL;
    tool->config = NULL;
}

/* What the tool may do, and where it does it. */
static int grant(struct tool *tool, const struct registry *registry, struct error *ret_error)
{
    const struct config *config = registry_config(registry);
    char section[MANIFEST_NAME_MAX + 8];
    LLMSPELL_CLEANUP_JSON json_t *common = NULL;
    snprintf(section, sizeof section, "tool.%s", tool->plugin->head.name);
    int rc = config_common(config, section, &common, ret_error);
    if (rc < 0)
        return rc;
    struct grant_wish wish = {
        .workdir = registry_workdir(registry),
        .tmpdir = registry_tmpdir(registry),
        .home = config_home(config),
        .tool_name = tool->plugin->head.name,
        .fs_roots = config_string(config, "policy", "fs_roots"),
        .common = common,
        .trusted = tool->plugin->bundled,
    };
    tool->isolation = isolate(tool, registry, common);
    forget_grants(tool); /* of an attempt that failed later */
    rc = grants_new(json_object_get(tool->manifest, "capabilities"), &wish, &tool->grants,
                    ret_error);
    if (rc == 0)
        rc = grant_extensions(tool, config, common, ret_error);
    if (rc < 0)
        return rc;
    tool->memory_mb = tool->grants->memory_mb ? tool->grants->memory_mb : limit(tool, "memory_mb");
    if (isolation_may_be(&tool->isolation, false))
        rc = grants_files(tool->grants, &tool->files, ret_error);
    if (rc == 0 && isolation_may_be(&tool->isolation, true))
        rc = config_plugin(config, section, json_object_get(tool->manifest, "config"),
                           &tool->config, ret_error);
    return rc;
}

static int describe(struct tool *tool, const struct registry *registry, struct error *ret_error)
{
    int rc = plugin_manifest(tool->plugin, &tool->manifest, ret_error);
    if (rc == 0 && !tool->parameters)
        rc = compile_schema(tool, "parameters", &tool->parameters, ret_error);
    if (rc == 0 && !tool->result)
        rc = compile_schema(tool, "result", &tool->result, ret_error);
    if (rc == 0 && !tool->plan)
        rc = params_plan_new(json_object_get(tool->manifest, "parameters"), &tool->plan, ret_error);
    if (rc < 0)
        return rc;
    tool->wall_ms = limit(tool, "wall_ms");
    tool->output_bytes = limit(tool, "output_kb") * 1024;
    return grant(tool, registry, ret_error);
}

int tool_describe(struct tool *tool, const struct registry *registry, struct error *ret_error)
{
    if (atomic_load_explicit(&tool->described, memory_order_acquire))
        return 0;
    int rc = 0;
    pthread_mutex_lock(&tool->lock);
    if (!atomic_load(&tool->described)) {
        rc = describe(tool, registry, ret_error);
        if (rc == 0)
            atomic_store_explicit(&tool->described, true, memory_order_release);
    }
    pthread_mutex_unlock(&tool->lock);
    return rc;
}

/* Once: after a reload another tool may have the same plugin, and calls of the old one go on. */
static void offer_extensions(struct plugin *plugin)
{
    pthread_mutex_lock(&plugin->lock);
    if (plugin->ctx.extension != invoke_extension)
        plugin->ctx.extension = invoke_extension;
    pthread_mutex_unlock(&plugin->lock);
}

static int open_plugin(struct tool *tool, const struct registry *registry, struct error *ret_error)
{
    const void *entry;
    LLMSPELL_CLEANUP_JSON json_t *config = NULL;
    int rc =
        plugin_load_configured(tool->plugin, registry_config(registry), &entry, &config, ret_error);
    if (rc < 0)
        return rc;
    const struct llmspell_tool *table = entry;
    offer_extensions(tool->plugin);
    if (table->open) {
        struct call call;
        call_init(&call, &tool->plugin->ctx);
        rc = table->open(&call.base, config, &tool->self);
        if (rc < 0)
            return call_error(&call, rc, ret_error);
    }
    tool->entry = table;
    return 0;
}

int tool_open(struct tool *tool, const struct registry *registry, struct error *ret_error)
{
    if (atomic_load_explicit(&tool->open, memory_order_acquire))
        return 0;
    int rc = tool_describe(tool, registry, ret_error);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&tool->lock);
    if (!atomic_load(&tool->open)) {
        rc = open_plugin(tool, registry, ret_error);
        if (rc == 0)
            atomic_store_explicit(&tool->open, true, memory_order_release);
    }
    pthread_mutex_unlock(&tool->lock);
    return rc;
}

const char *tool_name(const struct tool *tool)
{
    return tool->plugin->head.name;
}

bool tool_is_open(const struct tool *tool)
{
    return atomic_load(&tool->open) || atomic_load(&tool->ran);
}

struct tool *tool_new(struct plugin *plugin, struct runners *runners)
{
    struct tool *tool = calloc(1, sizeof *tool);
    if (!tool)
        return NULL;
    atomic_init(&tool->refs, 1);
    tool->plugin = plugin_ref(plugin);
    tool->runners = runners_ref(runners);
    pthread_mutex_init(&tool->crashes.lock, NULL);
    pthread_mutex_init(&tool->lock, NULL);
    return tool;
}

struct tool *tool_ref(struct tool *tool)
{
    atomic_fetch_add_explicit(&tool->refs, 1, memory_order_relaxed);
    return tool;
}

/* They hold parts of the manifest, which another tool of this plugin may just be compiled from:
 * Jansson's inline json_decref reads the count without an atomic. */
static void free_schemas(struct tool *tool)
{
    pthread_mutex_lock(&tool->plugin->lock);
    schema_free(tool->parameters);
    schema_free(tool->result);
    pthread_mutex_unlock(&tool->plugin->lock);
}

void tool_unref(struct tool *tool)
{
    if (!tool || atomic_fetch_sub(&tool->refs, 1) != 1)
        return;
    if (tool->entry && plugin_is_intact(tool->plugin) && tool->entry->close)
        tool->entry->close(tool->self);
    runners_forget(tool->runners, tool);
    runners_unref(tool->runners);
    json_decref(tool->setup);
    forget_grants(tool);
    pthread_mutex_destroy(&tool->crashes.lock);
    extensions_free(tool->extensions);
    params_plan_free(tool->plan);
    free_schemas(tool);
    pthread_mutex_destroy(&tool->lock);
    plugin_unref(tool->plugin);
    free(tool);
}
