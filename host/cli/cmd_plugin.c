/* SPDX-License-Identifier: Apache-2.0
 * `plugin list`, `plugin info NAME|FILE`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/plugin_file.h"
#include "cli/table.h"
#include "util/utf8.h"

static const char *const STATES[] = {"ready", "shadowed", "refused"};

/* A file's name may be any bytes, and the file is listed all the same. */
static json_t *any_text(const char *text)
{
    LLMSPELL_CLEANUP_FREE char *repaired = utf8_repair(text, strlen(text), NULL);
    return json_string(repaired ? repaired : "");
}

static json_t *describe(struct plugin *plugin)
{
    const json_t *manifest = NULL;
    plugin_manifest(plugin, &manifest, NULL);
    return json_pack("{s:s, s:o, s:s, s:s*, s:s*, s:o}", "kind",
                     plugin_kind_name(plugin->head.kind), "name", any_text(plugin->head.name),
                     "state", STATES[plugin->state], "version",
                     llmspell_string(manifest, "version"), "reason", plugin->reason, "file",
                     any_text(plugin->path));
}

static int run_list(struct cli *cli, const struct args *args)
{
    static const char *const headings[] = {"KIND",  "NAME",           "VERSION",
                                           "STATE", "FILE OR REASON", NULL};
    const struct catalog *catalog;
    (void)args;
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(catalog, i)); i++)
        json_array_append_new(list, describe(plugin));
    if (cli->json) {
        cli_print_json(cli, list);
        return EXIT_OK;
    }
    struct table *table = table_new(cli, headings);
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *reason = llmspell_string(item, "reason");
        const char *cells[] = {llmspell_string(item, "kind"), llmspell_string(item, "name"),
                               llmspell_string(item, "version"), llmspell_string(item, "state"),
                               reason ? reason : llmspell_string(item, "file")};
        table_add(table, cells);
    }
    table_print(table);
    return EXIT_OK;
}

const struct command cmd_plugin_list = {
    .name = "plugin list",
    .arguments = "",
    .summary = "list all plugins, also those that cannot be used, and why",
    .run = run_list,
};

static struct plugin *find_any(const struct catalog *catalog, const char *name)
{
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(catalog, i)); i++)
        if (strcmp(plugin->head.name, name) == 0)
            return plugin;
    return NULL;
}

static int show_info(const struct cli *cli, struct plugin *plugin)
{
    struct error error;
    const json_t *manifest;
    if (plugin_manifest(plugin, &manifest, &error) < 0)
        return cli_fail(cli, &error);
    LLMSPELL_CLEANUP_JSON json_t *shown = json_copy((json_t *)manifest);
    json_object_set_new(shown, "state", json_string(STATES[plugin->state]));
    json_object_set_new(shown, "file", json_string(plugin->path));
    if (plugin->reason)
        json_object_set_new(shown, "reason", json_string(plugin->reason));
    if (cli->json) {
        cli_print_json(cli, shown);
        return EXIT_OK;
    }
    static const char *const keys[] = {"kind",        "name",  "version", "title",
                                       "description", "state", "reason",  "license",
                                       "homepage",    "file",  NULL};
    for (size_t i = 0; keys[i]; i++)
        if (llmspell_string(shown, keys[i]))
            printf("%-12s %s\n", keys[i], llmspell_string(shown, keys[i]));
    printf("%-12s %d.%d (this host has %d.%d)\n", "abi", plugin->head.abi_major,
           plugin->head.abi_minor, LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR);
    LLMSPELL_CLEANUP_FREE char *capabilities =
        json_dumps(json_object_get(shown, "capabilities"), JSON_COMPACT);
    printf("%-12s %s (%s)\n", "capabilities", capabilities ? capabilities : "[]",
           manifest_level(json_object_get(shown, "capabilities")));
    return EXIT_OK;
}

static int run_info(struct cli *cli, const struct args *args)
{
    struct error error;
    struct catalog *own = NULL;
    struct plugin *plugin = NULL;
    const struct catalog *catalog;
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    if (plugin_file_is(args->values[0])) {
        int rc = plugin_file_open(config, args->values[0], &own, &plugin, &error);
        status = rc < 0 ? cli_fail(cli, &error) : show_info(cli, plugin);
        catalog_unref(own);
        return status;
    }
    status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    plugin = find_any(catalog, args->values[0]);
    if (plugin)
        return show_info(cli, plugin);
    error_set(&error, LLMSPELL_ENOTFOUND,
              "no plugin is called %s; `llmspell plugin list` shows those that there are",
              args->values[0]);
    return cli_fail(cli, &error);
}

const struct command cmd_plugin_info = {
    .name = "plugin info",
    .arguments = "NAME|FILE",
    .summary = "show what a plugin says about itself (no code of it runs)",
    .min_values = 1,
    .max_values = 1,
    .run = run_info,
};
