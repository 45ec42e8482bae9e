/* SPDX-License-Identifier: Apache-2.0
 * Which plugin a section of the configuration is for, and whether it takes what stands there. */
#include "plugin/section.h"

#include <string.h>

#include <llmspell/tool.h>

#include "util/near.h"

struct wanted {
    const char *section;
    const char *origin; /* where its first key stands */
};

static void find_origin(void *data, const char *section, const char *key, const char *value,
                        const char *origin)
{
    struct wanted *wanted = data;
    (void)key, (void)value;
    if (!wanted->origin && strcmp(section, wanted->section) == 0)
        wanted->origin = origin;
}

static int no_plugin(const struct config *config, const struct catalog *catalog,
                     const char *section, struct error *ret_error)
{
    struct wanted wanted = {.section = section};
    struct near nearest = {.word = strchr(section, '.') + 1};
    const struct plugin *plugin;
    size_t n = (size_t)(nearest.word - section) - 1;
    config_each(config, find_origin, &wanted);
    for (size_t i = 0; (plugin = catalog_at(catalog, i)); i++)
        if (strncmp(plugin_kind_name(plugin->head.kind), section, n) == 0)
            near_offer(&nearest, plugin->head.name);
    return error_set(ret_error, LLMSPELL_ENOTFOUND,
                     "%s: section [%s]: no such plugin is in the plugin path%s%s%s",
                     wanted.origin ? wanted.origin : "", section,
                     nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
                     nearest.best ? "?" : "");
}

static struct plugin *plugin_of(const struct catalog *catalog, const char *section)
{
    const char *name = strchr(section, '.') + 1;
    for (int kind = 0; kind < PLUGIN_KINDS; kind++)
        if (strncmp(plugin_kind_name((enum plugin_kind)kind), section,
                    (size_t)(name - section) - 1) == 0)
            return catalog_find(catalog, (enum plugin_kind)kind, name);
    return NULL;
}

int section_check(const struct config *config, const struct catalog *catalog, const char *section,
                  struct error *ret_error)
{
    const json_t *manifest = NULL;
    LLMSPELL_CLEANUP_JSON json_t *object = NULL, *common = NULL;
    struct plugin *plugin = plugin_of(catalog, section);
    if (!plugin)
        return no_plugin(config, catalog, section, ret_error);
    int rc = plugin_manifest(plugin, &manifest, ret_error);
    if (rc == 0)
        rc =
            config_plugin(config, section, json_object_get(manifest, "config"), &object, ret_error);
    if (rc == 0 && plugin->head.kind == PLUGIN_TOOL)
        rc = config_common(config, section, &common, ret_error);
    return rc;
}
