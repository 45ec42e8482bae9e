/* SPDX-License-Identifier: Apache-2.0
 * `plugin list`, `plugin info NAME|FILE`, `plugin check FILE`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "plugin/loader.h"
#include "schema/schema.h"
#include "tool/native.h"
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

/* ---- one file, not in the plugin path ---- */

/* A catalog that holds the files of the folder of path; *ret_plugin is the one of path. */
static int open_file(const struct config *config, const char *path, struct catalog **ret_catalog,
                     struct plugin **ret_plugin, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *full = realpath(path, NULL);
    if (!full)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "cannot open %s: %s", path,
                         strerror(errno));
    LLMSPELL_CLEANUP_FREE char *folder = strdup(full);
    if (!folder)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *strrchr(folder, '/') = '\0';
    const char *folders[] = {*folder ? folder : "/", NULL};
    struct catalog_options options = {
        .folders = folders, .allow_writable = config_bool(config, "plugins", "allow_writable")};
    int rc = catalog_open(&options, ret_catalog, ret_error);
    if (rc < 0)
        return rc;
    for (size_t i = 0; (*ret_plugin = catalog_at(*ret_catalog, i)); i++)
        if (strcmp((*ret_plugin)->path, full) == 0)
            return 0;
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "%s is no plugin file: its name must end in .so, or in .json if it is the "
                     "manifest of a tool without a file of its own",
                     path);
}

static struct plugin *find_any(const struct catalog *catalog, const char *name)
{
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(catalog, i)); i++)
        if (strcmp(plugin->head.name, name) == 0)
            return plugin;
    return NULL;
}

static bool is_file(const char *name)
{
    size_t n = strlen(name);
    return strchr(name, '/') || (n > 3 && strcmp(name + n - 3, ".so") == 0) ||
           (n > 5 && strcmp(name + n - 5, ".json") == 0);
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
    if (is_file(args->values[0])) {
        int rc = open_file(config, args->values[0], &own, &plugin, &error);
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

/* ---- check ---- */

struct report {
    json_t *checks;
    int failed;
};

static void add_row(struct report *report, const char *name, const char *status,
                    const char *message)
{
    json_array_append_new(report->checks, json_pack("{s:s, s:s, s:s*}", "check", name, "status",
                                                    status, "message", message));
}

static void note(struct report *report, const char *name, int rc, const char *message)
{
    report->failed += rc < 0;
    add_row(report, name, rc < 0 ? "error" : "ok", rc < 0 ? message : NULL);
}

/* Unknown keys only warn: a later host may know them. */
static void check_known_keys(struct report *report, const struct plugin *plugin)
{
    LLMSPELL_CLEANUP_FREE char *warning = NULL;
    LLMSPELL_CLEANUP_JSON json_t *again = NULL;
    struct error why;
    manifest_parse(plugin->text, plugin->text_size, plugin->path, &again, &warning, NULL);
    if (warning)
        error_set(&why, 0, "unknown keys: %s (own ones start with x-)", warning);
    add_row(report, "keys of the manifest are known", warning ? "warning" : "ok",
            warning ? why.message : NULL);
}

static void check_schema(struct report *report, const json_t *manifest, const char *key,
                         struct schema **ret_schema)
{
    struct error error = {0};
    int rc =
        schema_compile(json_object_get(manifest, key), SCHEMA_CHECK_FORMATS, ret_schema, &error);
    note(report, strcmp(key, "result") == 0 ? "schema of the result" : "schema of the parameters",
         rc, error.message);
}

static void check_examples(struct report *report, const json_t *manifest,
                           const struct schema *result)
{
    struct error error;
    size_t i;
    json_t *example;
    int rc = 0;
    json_array_foreach(json_object_get(manifest, "examples"), i, example)
    {
        const json_t *value = json_object_get(example, "result");
        if (rc == 0 && value && schema_check(result, value, &error) != 1) {
            struct error why = error;
            rc = error_set(&error, LLMSPELL_EINVAL, "example %zu, result at \"%s\": %s", i,
                           why.path, why.message);
        }
    }
    note(report, "results of the examples fit their schema", rc, error.message);
}

static void check_native(struct report *report, const struct plugin *plugin, const json_t *manifest)
{
    struct error error = {0};
    struct native *native = NULL;
    int rc = native_open(json_object_get(manifest, "native"), plugin->handle, &native, &error);
    note(report, "native: library, symbols, types", rc, error.message);
    native_close(native);
}

static void check_all(struct report *report, struct plugin *plugin)
{
    struct error error = {0};
    const json_t *manifest = NULL;
    const void *entry;
    int rc = plugin->state == PLUGIN_REFUSED ? LLMSPELL_EREFUSED : 0;
    note(report, "note, ABI and file mode", rc, plugin->reason ? plugin->reason : "");
    rc = plugin_manifest(plugin, &manifest, &error);
    note(report, "manifest", rc, error.message);
    if (rc < 0)
        return;
    check_known_keys(report, plugin);
    if (plugin->head.kind == PLUGIN_TOOL) {
        struct schema *parameters = NULL, *result = NULL;
        check_schema(report, manifest, "parameters", &parameters);
        check_schema(report, manifest, "result", &result);
        if (result)
            check_examples(report, manifest, result);
        schema_free(parameters);
        schema_free(result);
    }
    if (plugin->state == PLUGIN_REFUSED)
        return;
    rc = plugin_load(plugin, &entry, &error);
    note(report, "loads: symbols, entry, one Jansson", rc, error.message);
    if (rc == 0 && json_object_get(manifest, "native"))
        check_native(report, plugin, manifest);
}

static int run_check(struct cli *cli, const struct args *args)
{
    struct error error;
    struct catalog *catalog = NULL;
    struct plugin *plugin;
    const struct config *config;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    struct report report = {.checks = json_array()};
    int rc = open_file(config, args->values[0], &catalog, &plugin, &error);
    if (rc == 0)
        check_all(&report, plugin);
    if (rc == 0 && cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:s, s:O}", "status", report.failed ? "error" : "ok", "file",
                      plugin->path, "checks", report.checks);
        cli_print_json(cli, document);
    }
    size_t i;
    json_t *row;
    json_array_foreach(report.checks, i, row)
    {
        const char *message = llmspell_string(row, "message");
        if (!cli->json)
            printf("%-7s %s%s%s\n", llmspell_string(row, "status"), llmspell_string(row, "check"),
                   message ? ": " : "", message ? message : "");
    }
    catalog_unref(catalog);
    json_decref(report.checks);
    return rc < 0 ? cli_fail(cli, &error) : report.failed ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_plugin_check = {
    .name = "plugin check",
    .arguments = "FILE",
    .summary = "check a plugin file: note, manifest, schemas, loading",
    .help = "Loads the file at the end, so its constructors run: check files that you trust.",
    .min_values = 1,
    .max_values = 1,
    .run = run_check,
};
