/* SPDX-License-Identifier: Apache-2.0
 * The tools of a process. A tool costs nothing until it is described or called. */
#include "tool/registry.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/sandbox.h"
#include "tool/tool.h"
#include "util/near.h"

struct registry {
    atomic_uint refs;
    struct catalog *catalog;
    struct config *config;
    struct runners *runners;
    const char *isolation; /* static */
    char *workdir, *tmpdir;
    struct tool **tools; /* sorted by name, as the catalog is */
    size_t count;
};

static const char *const LIST_KEYS[] = {"name",     "title",        "description",
                                        "category", "version",      "keywords",
                                        "aliases",  "capabilities", NULL};

static int by_name(const void *key, const void *element)
{
    return strcmp(key, (*(struct tool *const *)element)->plugin->head.name);
}

/* By the very name; NULL if there is none. */
static struct tool *find_named(const struct registry *registry, const char *name)
{
    struct tool **found =
        bsearch(name, registry->tools, registry->count, sizeof(struct tool *), by_name);
    return found ? *found : NULL;
}

/* ---- life ---- */

static bool same_setting(const struct config *a, const struct config *b, const char *section,
                         const char *key)
{
    const char *one = config_string(a, section, key), *other = config_string(b, section, key);
    return one == other || (one && other && strcmp(one, other) == 0);
}

/* [policy] tools_deny is asked at each call; of the others a tool's grants are made. */
static bool same_grants(const struct config *a, const struct config *b)
{
    static const char *const texts[] = {"fs_roots", "http_hosts", "http_ports", "http_private",
                                        "http_ca_file"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!same_setting(a, b, "policy", texts[i]))
            return false;
    return config_bool(a, "policy", "http_insecure") == config_bool(b, "policy", "http_insecure");
}

/* The tool as it was, if neither its file nor what it may and should do has changed. Its warm
 * processes must be where it looks for them at its end: their key is its address. */
static struct tool *keep(const struct registry *previous, const struct registry *registry,
                         const struct plugin *plugin)
{
    char section[MANIFEST_NAME_MAX + 8];
    struct tool *tool = previous ? find_named(previous, plugin->head.name) : NULL;
    snprintf(section, sizeof section, "tool.%s", plugin->head.name);
    if (!tool || tool->plugin != plugin || tool->runners != registry->runners ||
        !same_grants(previous->config, registry->config) ||
        !config_same_section(previous->config, registry->config, section))
        return NULL;
    return tool_ref(tool);
}

static int fill(struct registry *registry, const struct registry *previous)
{
    struct plugin *plugin;
    for (size_t i = 0; (plugin = catalog_at(registry->catalog, i)); i++) {
        if (plugin->head.kind != PLUGIN_TOOL || plugin->state != PLUGIN_READY)
            continue;
        struct tool *tool = keep(previous, registry, plugin);
        if (!tool)
            tool = tool_new(plugin, registry->runners);
        if (!tool)
            return LLMSPELL_ENOMEM;
        registry->tools[registry->count++] = tool;
    }
    return 0;
}

/* A reload keeps the set, so that warm processes stay, unless its settings have changed. */
static int make_runners(struct registry *registry, const struct registry_options *options,
                        struct error *ret_error)
{
    const struct registry *previous = options->previous;
    if (previous && config_same_section(previous->config, registry->config, "tools")) {
        registry->runners = runners_ref(previous->runners);
        return 0;
    }
    struct runners_options runners = {
        .program = options->program,
        .idle_max = (unsigned)config_integer(registry->config, "tools", "warm_processes"),
        .crash_limit = (unsigned)config_integer(registry->config, "tools", "crash_limit"),
    };
    return runners_new(&runners, &registry->runners, ret_error);
}

int registry_new(const struct registry_options *options, struct registry **ret_registry,
                 struct error *ret_error)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    const char *tmpdir = getenv("TMPDIR");
    atomic_init(&registry->refs, 1);
    registry->catalog = catalog_ref(options->catalog);
    registry->config = config_ref(options->config);
    registry->isolation = options->isolation;
    registry->workdir = strdup(options->workdir);
    registry->tmpdir = strdup(tmpdir && *tmpdir == '/' ? tmpdir : "/tmp");
    registry->tools = calloc(catalog_count(options->catalog) + 1, sizeof(struct tool *));
    int rc = registry->workdir && registry->tmpdir && registry->tools
                 ? make_runners(registry, options, ret_error)
                 : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0 && fill(registry, options->previous) < 0)
        rc = error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (rc < 0) {
        registry_unref(registry);
        return rc;
    }
    *ret_registry = registry;
    return 0;
}

struct registry *registry_ref(struct registry *registry)
{
    atomic_fetch_add_explicit(&registry->refs, 1, memory_order_relaxed);
    return registry;
}

void registry_unref(struct registry *registry)
{
    if (!registry || atomic_fetch_sub(&registry->refs, 1) != 1)
        return;
    for (size_t i = 0; i < registry->count; i++)
        tool_unref(registry->tools[i]);
    runners_unref(registry->runners);
    free(registry->tools);
    free(registry->workdir);
    free(registry->tmpdir);
    catalog_unref(registry->catalog);
    config_unref(registry->config);
    free(registry);
}

size_t registry_count(const struct registry *registry)
{
    return registry->count;
}

struct tool *registry_at(const struct registry *registry, size_t index)
{
    return index < registry->count ? registry->tools[index] : NULL;
}

const struct config *registry_config(const struct registry *registry)
{
    return registry->config;
}

const char *registry_isolation(const struct registry *registry)
{
    return registry->isolation;
}

struct runners *registry_runners(const struct registry *registry)
{
    return registry->runners;
}

const struct catalog *registry_catalog(const struct registry *registry)
{
    return registry->catalog;
}

const char *registry_workdir(const struct registry *registry)
{
    return registry->workdir;
}

const char *registry_tmpdir(const struct registry *registry)
{
    return registry->tmpdir;
}

/* ---- finding ---- */

static bool normalize(const char *name, char *ret_name)
{
    size_t n = strlen(name);
    if (n > MANIFEST_NAME_MAX)
        return false;
    for (size_t i = 0; i <= n; i++)
        ret_name[i] = name[i] == '-' ? '_' : (char)tolower((unsigned char)name[i]);
    return true;
}

static struct tool *find_alias(struct registry *registry, const char *name)
{
    static const char *const keys[] = {"aliases", NULL};
    for (size_t i = 0; i < registry->count; i++) {
        LLMSPELL_CLEANUP_JSON json_t *members = NULL;
        if (plugin_members(registry->tools[i]->plugin, keys, &members, NULL) < 0)
            continue;
        size_t k;
        json_t *alias;
        json_array_foreach(json_object_get(members, "aliases"), k, alias)
        {
            char plain[MANIFEST_NAME_MAX + 1];
            const char *text = json_string_value(alias);
            if (text && normalize(text, plain) && strcmp(plain, name) == 0)
                return registry->tools[i];
        }
    }
    return NULL;
}

static int unknown(const struct registry *registry, const char *name, struct error *ret_error)
{
    const struct plugin *plugin;
    struct near nearest = {.word = name};
    for (size_t i = 0; (plugin = catalog_at(registry->catalog, i)); i++) {
        if (plugin->head.kind != PLUGIN_TOOL)
            continue;
        if (plugin->state == PLUGIN_REFUSED && strcmp(plugin->head.name, name) == 0)
            return error_set(ret_error, LLMSPELL_EREFUSED, "tool %s cannot be used: %s", name,
                             plugin->reason ? plugin->reason : "");
        near_offer(&nearest, plugin->head.name);
    }
    if (nearest.best)
        return error_set(ret_error, LLMSPELL_EUNKNOWN, "no tool is called %s; did you mean %s?",
                         name, nearest.best);
    return error_set(ret_error, LLMSPELL_EUNKNOWN,
                     "no tool is called %s; `llmspell tool list` shows those that there are", name);
}

int registry_find(struct registry *registry, const char *name, struct tool **ret_tool,
                  struct error *ret_error)
{
    char plain[MANIFEST_NAME_MAX + 1];
    if (!normalize(name, plain))
        return error_set(ret_error, LLMSPELL_EUNKNOWN,
                         "no tool has a name of more than %d bytes; see `llmspell tool list`",
                         MANIFEST_NAME_MAX);
    struct tool *tool = find_named(registry, plain);
    if (!tool)
        tool = find_alias(registry, plain);
    if (!tool)
        return unknown(registry, plain, ret_error);
    *ret_tool = tool;
    return 0;
}

/* ---- listing ---- */

static bool contains_word(const json_t *value, const char *word)
{
    const char *text = json_string_value(value);
    if (text && strcasestr(text, word))
        return true;
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        if (contains_word(item, word))
            return true;
    }
    return false;
}

static bool matches(const json_t *entry, const char *category, const json_t *words)
{
    static const char *const keys[] = {"name", "title", "description", "keywords", "aliases"};
    const char *own = json_string_value(json_object_get(entry, "category"));
    if (category && (!own || strcmp(own, category) != 0))
        return false;
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word)
    {
        bool found = false;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0] && !found; k++)
            found = json_is_string(word) &&
                    contains_word(json_object_get(entry, keys[k]), json_string_value(word));
        if (!found)
            return false;
    }
    return true;
}

int registry_list(const struct registry *registry, const char *category, const json_t *words,
                  json_t **ret_tools, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *tools = json_array();
    for (size_t i = 0; tools && i < registry->count; i++) {
        struct plugin *plugin = registry->tools[i]->plugin;
        LLMSPELL_CLEANUP_JSON json_t *entry = NULL;
        struct error why;
        if (plugin_members(plugin, LIST_KEYS, &entry, &why) < 0) {
            plugin_refuse(plugin, why.message); /* one bad file does not hide the others */
            continue;
        }
        if (!matches(entry, category, words))
            continue;
        const json_t *capabilities = json_object_get(entry, "capabilities");
        json_object_set_new(entry, "level", json_string(manifest_level(capabilities)));
        json_object_set_new(entry, "file", json_string(plugin->path));
        json_object_del(entry, "capabilities");
        json_array_append(tools, entry);
    }
    if (!tools)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_tools = llmspell_steal_json(&tools);
    return 0;
}

/* What a process of a tool is held to on this machine. */
static json_t *enforced_json(void)
{
    struct sandbox_report report;
    sandbox_probe(&report);
    return json_pack("{s:i, s:b, s:b, s:b, s:s}", "landlock", report.landlock_abi, "seccomp",
                     report.seccomp, "no_new_privs", report.no_new_privs, "limits", report.limits,
                     "missing", report.missing);
}

int registry_info(struct registry *registry, const char *name, json_t **ret_info,
                  struct error *ret_error)
{
    struct tool *tool;
    const json_t *manifest;
    int rc = registry_find(registry, name, &tool, ret_error);
    if (rc == 0)
        rc = plugin_manifest(tool->plugin, &manifest, ret_error);
    if (rc < 0)
        return rc;
    json_t *info = json_deep_copy(manifest);
    if (!info)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    const json_t *capabilities = json_object_get(manifest, "capabilities");
    json_object_set_new(info, "level", json_string(manifest_level(capabilities)));
    if (tool_describe(tool, registry, ret_error) < 0) {
        json_decref(info);
        return ret_error->code;
    }
    json_object_set_new(info, "effective_isolation", isolation_json(&tool->isolation));
    json_object_set_new(info, "granted", grants_json(tool->grants));
    if (isolation_may_be(&tool->isolation, true))
        json_object_set_new(info, "enforced", enforced_json());
    json_object_set_new(info, "file", json_string(tool->plugin->path));
    *ret_info = info;
    return 0;
}
