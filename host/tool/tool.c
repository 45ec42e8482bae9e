/* SPDX-License-Identifier: Apache-2.0
 * The two steps of a tool's life before its first call: described (schemas, grants), then open. */
#include "tool/tool.h"

#include <string.h>

#include <llmspell/fs.h>

#include "plugin/loader.h"
#include "tool/invoke.h"
#include "tool/registry.h"

static int compile_schema(const struct tool *tool, const char *key, struct schema **ret_schema,
                          struct error *ret_error)
{
    struct error why;
    const json_t *document = json_object_get(tool->manifest, key);
    int rc = schema_compile(document, SCHEMA_CHECK_FORMATS, ret_schema, &why);
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

static int describe(struct tool *tool, struct error *ret_error)
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
    const struct config *config = registry_config(tool->registry);
    struct grant_folders folders = {
        .workdir = registry_workdir(tool->registry),
        .tmpdir = registry_tmpdir(tool->registry),
        .home = config_home(config),
        .tool_name = tool->plugin->head.name,
        .fs_roots = config_string(config, "policy", "fs_roots"),
    };
    return grants_files(json_object_get(tool->manifest, "capabilities"), &folders, &tool->files,
                        ret_error);
}

int tool_describe(struct tool *tool, struct error *ret_error)
{
    if (atomic_load_explicit(&tool->described, memory_order_acquire))
        return 0;
    int rc = 0;
    pthread_mutex_lock(&tool->lock);
    if (!atomic_load(&tool->described)) {
        rc = describe(tool, ret_error);
        if (rc == 0)
            atomic_store_explicit(&tool->described, true, memory_order_release);
    }
    pthread_mutex_unlock(&tool->lock);
    return rc;
}

static int open_plugin(struct tool *tool, struct error *ret_error)
{
    const void *entry;
    LLMSPELL_CLEANUP_JSON json_t *config = NULL;
    int rc = plugin_load_configured(tool->plugin, registry_config(tool->registry), &entry, &config,
                                    ret_error);
    if (rc < 0)
        return rc;
    const struct llmspell_tool *table = entry;
    tool->plugin->ctx.extension = invoke_extension;
    tool->plugin->ctx.owner = tool;
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

int tool_open(struct tool *tool, struct error *ret_error)
{
    if (atomic_load_explicit(&tool->open, memory_order_acquire))
        return 0;
    int rc = tool_describe(tool, ret_error);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&tool->lock);
    if (!atomic_load(&tool->open)) {
        rc = open_plugin(tool, ret_error);
        if (rc == 0)
            atomic_store_explicit(&tool->open, true, memory_order_release);
    }
    pthread_mutex_unlock(&tool->lock);
    return rc;
}

void tool_clear(struct tool *tool)
{
    if (tool->entry && tool->entry->close)
        tool->entry->close(tool->self);
    files_free(tool->files);
    params_plan_free(tool->plan);
    schema_free(tool->parameters);
    schema_free(tool->result);
    pthread_mutex_destroy(&tool->lock);
}
