/* SPDX-License-Identifier: Apache-2.0
 * Discovery: folders → sorted files → notes, bare manifests → heads → one sorted list; first match
 * of a name wins.
 */
#include "plugin/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/plugin.h>

#include "plugin/bare.h"

struct entry {
    struct plugin *plugin;
    unsigned order; /* of discovery */
};

struct catalog {
    atomic_uint refs;
    struct entry *entries;
    size_t count, room;
    bool allow_writable;
    bool bundled; /* the folder that is read */
};

struct plugin *plugin_ref(struct plugin *plugin)
{
    atomic_fetch_add_explicit(&plugin->refs, 1, memory_order_relaxed);
    return plugin;
}

void plugin_unref(struct plugin *plugin)
{
    if (!plugin || atomic_fetch_sub(&plugin->refs, 1) != 1)
        return;
    json_decref(plugin->manifest);
    pthread_mutex_destroy(&plugin->lock);
    free(plugin->reason);
    free(plugin->text);
    free(plugin->path);
    free(plugin);
}

struct catalog *catalog_ref(const struct catalog *catalog)
{
    struct catalog *counted = (struct catalog *)catalog; /* the count is all that changes */
    atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return counted;
}

void catalog_unref(struct catalog *catalog)
{
    if (!catalog || atomic_fetch_sub(&catalog->refs, 1) != 1)
        return;
    for (size_t i = 0; i < catalog->count; i++)
        plugin_unref(catalog->entries[i].plugin);
    free(catalog->entries);
    free(catalog);
}

/* At discovery, or with the plugin's lock. Readers look at the reason only once the state tells of
 * one. */
static void mark(struct plugin *plugin, enum plugin_state state, const char *reason)
{
    plugin->reason = strdup(reason);
    plugin->state = state;
}

void plugin_refuse(struct plugin *plugin, const char *reason)
{
    pthread_mutex_lock(&plugin->lock);
    if (plugin->state == PLUGIN_READY)
        mark(plugin, PLUGIN_REFUSED, reason);
    pthread_mutex_unlock(&plugin->lock);
}

int plugin_check(struct plugin *plugin, struct error *ret_error)
{
    int rc = 0;
    pthread_mutex_lock(&plugin->lock);
    if (plugin->state != PLUGIN_READY)
        rc = error_set(ret_error, LLMSPELL_EREFUSED, "%s", plugin->reason ? plugin->reason : "");
    pthread_mutex_unlock(&plugin->lock);
    return rc;
}

/* kind and name from the file name, for a file whose manifest cannot be read. */
static void guess_head(struct plugin *plugin)
{
    const char *base = strrchr(plugin->path, '/');
    base = base ? base + 1 : plugin->path;
    size_t n = (size_t)(strrchr(base, '.') - base);
    if (n > MANIFEST_NAME_MAX)
        n = MANIFEST_NAME_MAX;
    memcpy(plugin->head.name, base, n);
    plugin->head.name[n] = '\0';
    plugin->head.kind = strstr(plugin->path, "/protocols/")  ? PLUGIN_PROTOCOL
                        : strstr(plugin->path, "/runtimes/") ? PLUGIN_RUNTIME
                                                             : PLUGIN_TOOL;
}

static int check_writable(const char *path, mode_t mode, struct error *ret_error)
{
    if (!(mode & (S_IWGRP | S_IWOTH)))
        return 0;
    return error_set(
        ret_error, LLMSPELL_EREFUSED,
        "%s may be written by group or others (mode %04o): run `chmod go-w %s`, or set "
        "[plugins] allow_writable = true",
        path, (unsigned)(mode & 07777), path);
}

static int check_abi(const struct plugin *plugin, struct error *ret_error)
{
    const struct manifest_head *head = &plugin->head;
    if (head->abi_major == LLMSPELL_ABI_MAJOR && head->abi_minor <= LLMSPELL_ABI_MINOR)
        return 0;
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s was built for plugin ABI %d.%d, this host has %d.%d: %s", plugin->path,
                     head->abi_major, head->abi_minor, LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR,
                     head->abi_major > LLMSPELL_ABI_MAJOR || (head->abi_major == LLMSPELL_ABI_MAJOR)
                         ? "install a newer llmspell, or build the plugin with this one's SDK"
                         : "build the plugin again with this llmspell's SDK");
}

static int inspect(struct plugin *plugin, const struct catalog *catalog, const char *folder,
                   mode_t folder_mode, struct error *ret_error)
{
    int rc = 0;
    if (!plugin->bare)
        rc = note_read(plugin->path, &plugin->text, &plugin->text_size, &plugin->stamp, ret_error);
    if (rc == 0)
        rc = manifest_scan(plugin->text, plugin->text_size, plugin->path, &plugin->head, ret_error);
    if (rc < 0)
        return rc;
    plugin->has_head = true;
    rc = check_abi(plugin, ret_error);
    if (rc == 0 && plugin->bare)
        rc =
            bare_check(plugin->text, plugin->text_size, plugin->path, plugin->head.kind, ret_error);
    if (rc == 0 && !catalog->allow_writable)
        rc = check_writable(plugin->path, plugin->stamp.mode, ret_error);
    if (rc == 0 && !catalog->allow_writable)
        rc = check_writable(folder, folder_mode, ret_error);
    return rc;
}

static struct plugin *plugin_new(const char *folder, const char *file)
{
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin && asprintf(&plugin->path, "%s/%s", folder, file) >= 0) {
        atomic_init(&plugin->refs, 1);
        pthread_mutex_init(&plugin->lock, NULL);
        return plugin;
    }
    free(plugin);
    return NULL;
}

static void set_source(struct plugin *plugin)
{
    snprintf(plugin->source, sizeof plugin->source, "%s:%s", plugin_kind_name(plugin->head.kind),
             plugin->head.name);
    plugin->ctx.source = plugin->source;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n > k && strcmp(name + n - k, ending) == 0;
}

/* False: a JSON file that does not say that it is a manifest. */
static bool read_bare(struct plugin *plugin)
{
    plugin->bare = ends_in(plugin->path, ".json");
    return !plugin->bare ||
           bare_read(plugin->path, &plugin->text, &plugin->text_size, &plugin->stamp);
}

int plugin_from_file(const char *path, struct plugin **ret_plugin, struct error *ret_error)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *folder = strndup(path, slash ? (size_t)(slash - path) : 0);
    const struct catalog any = {.allow_writable = true};
    struct plugin *plugin = folder ? plugin_new(folder, slash ? slash + 1 : path) : NULL;
    if (!plugin)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = read_bare(plugin)
                 ? inspect(plugin, &any, folder, 0, ret_error)
                 : error_set(ret_error, LLMSPELL_EREFUSED, "%s is no manifest any more", path);
    if (rc < 0) {
        plugin_unref(plugin);
        return rc;
    }
    set_source(plugin);
    *ret_plugin = plugin;
    return 0;
}

static int add_file(struct catalog *catalog, const char *folder, mode_t folder_mode,
                    const char *file, struct error *ret_error)
{
    if (catalog->count == catalog->room) {
        size_t room = catalog->room ? catalog->room * 2 : 64;
        struct entry *grown = reallocarray(catalog->entries, room, sizeof *grown);
        if (!grown)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory reading plugins");
        catalog->entries = grown;
        catalog->room = room;
    }
    struct plugin *plugin = plugin_new(folder, file);
    if (!plugin)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory reading plugins");
    if (!read_bare(plugin)) {
        plugin_unref(plugin); /* some other JSON */
        return 0;
    }
    catalog->entries[catalog->count] = (struct entry){plugin, (unsigned)catalog->count};
    catalog->count++;
    plugin->bundled = catalog->bundled;
    struct error why;
    if (inspect(plugin, catalog, folder, folder_mode, &why) < 0)
        mark(plugin, PLUGIN_REFUSED, why.message);
    if (!plugin->has_head)
        guess_head(plugin);
    set_source(plugin);
    return 0;
}

static int is_plugin_file(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return name[0] != '.' && (ends_in(name, ".so") || ends_in(name, ".json"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(struct catalog *catalog, const char *folder, struct error *ret_error)
{
    struct stat st;
    struct dirent **entries = NULL;
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
        return 0;
    int count = scandir(folder, &entries, is_plugin_file, by_bytes), rc = 0;
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = add_file(catalog, folder, st.st_mode, entries[i]->d_name, ret_error);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int by_kind_name_order(const void *pa, const void *pb)
{
    const struct entry *ea = pa, *eb = pb;
    const struct manifest_head *a = &ea->plugin->head, *b = &eb->plugin->head;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int names = strcmp(a->name, b->name);
    return names ? names : ea->order < eb->order ? -1 : ea->order > eb->order;
}

/* A refused file does not hide a good one behind it. */
static void mark_shadowed(struct catalog *catalog)
{
    const struct plugin *first = NULL;
    for (size_t i = 0; i < catalog->count; i++) {
        struct plugin *plugin = catalog->entries[i].plugin;
        if (plugin->state != PLUGIN_READY)
            continue;
        if (first && first->head.kind == plugin->head.kind &&
            strcmp(first->head.name, plugin->head.name) == 0) {
            struct error why;
            error_set(&why, 0, "%s %s is already provided by %s, which comes first",
                      plugin_kind_name(plugin->head.kind), plugin->head.name, first->path);
            mark(plugin, PLUGIN_SHADOWED, why.message);
        } else {
            first = plugin;
        }
    }
}

/* What has not changed since the scan before stays the plugin that it was: open, with its state. A
 * refused one is tried anew. */
static void adopt(struct catalog *catalog, const struct catalog *previous)
{
    for (size_t i = 0; i < catalog->count; i++) {
        struct plugin **plugin = &catalog->entries[i].plugin;
        if ((*plugin)->state != PLUGIN_READY)
            continue;
        struct plugin *old = catalog_find(previous, (*plugin)->head.kind, (*plugin)->head.name);
        if (!old || strcmp(old->path, (*plugin)->path) != 0 || old->state != PLUGIN_READY)
            continue;
        if (!note_stamp_equal(&old->stamp, &(*plugin)->stamp)) {
            if (note_stamp_same_file(&old->stamp, &(*plugin)->stamp))
                old->overwritten = true; /* once another file has its place, nobody could tell */
            continue;
        }
        plugin_unref(*plugin);
        *plugin = plugin_ref(old);
    }
}

/* True if an earlier folder of the list is the same one. */
static bool seen_before(const char *const *folders, size_t index)
{
    struct stat st, other;
    if (stat(folders[index], &st) != 0)
        return false;
    for (size_t i = 0; i < index; i++)
        if (stat(folders[i], &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
            return true;
    return false;
}

static bool is_bundled(const struct catalog_options *options, const char *folder)
{
    struct stat st, other;
    if (stat(folder, &st) != 0)
        return false;
    for (const char *const *at = options->bundled; at && *at; at++)
        if (stat(*at, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
            return true;
    return false;
}

int catalog_open(const struct catalog_options *options, struct catalog **ret_catalog,
                 struct error *ret_error)
{
    static const char *const subfolders[] = {"tools", "protocols", "runtimes"};
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    atomic_init(&catalog->refs, 1);
    catalog->allow_writable = options->allow_writable;
    int rc = 0;
    for (size_t i = 0; rc == 0 && options->folders[i]; i++) {
        if (seen_before(options->folders, i))
            continue;
        catalog->bundled = is_bundled(options, options->folders[i]);
        rc = add_folder(catalog, options->folders[i], ret_error);
        for (size_t k = 0; rc == 0 && k < 3; k++) {
            LLMSPELL_CLEANUP_FREE char *path = NULL;
            if (asprintf(&path, "%s/%s", options->folders[i], subfolders[k]) < 0)
                rc = error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
            else
                rc = add_folder(catalog, path, ret_error);
        }
    }
    if (rc < 0) {
        catalog_unref(catalog);
        return rc;
    }
    if (catalog->count)
        qsort(catalog->entries, catalog->count, sizeof *catalog->entries, by_kind_name_order);
    mark_shadowed(catalog);
    if (options->previous)
        adopt(catalog, options->previous);
    *ret_catalog = catalog;
    return 0;
}

struct plugin *catalog_at(const struct catalog *catalog, size_t index)
{
    return index < catalog->count ? catalog->entries[index].plugin : NULL;
}

size_t catalog_count(const struct catalog *catalog)
{
    return catalog->count;
}

/* The first entry that is not below (kind, name). */
static size_t lower_bound(const struct catalog *catalog, enum plugin_kind kind, const char *name)
{
    size_t low = 0, high = catalog->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct manifest_head *head = &catalog->entries[middle].plugin->head;
        if (head->kind < kind || (head->kind == kind && strcmp(head->name, name) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct plugin *catalog_find(const struct catalog *catalog, enum plugin_kind kind, const char *name)
{
    for (size_t i = lower_bound(catalog, kind, name); i < catalog->count; i++) {
        struct plugin *plugin = catalog->entries[i].plugin;
        if (plugin->head.kind != kind || strcmp(plugin->head.name, name) != 0)
            break;
        if (plugin->state == PLUGIN_READY)
            return plugin;
    }
    return NULL;
}

int plugin_manifest(struct plugin *plugin, const json_t **ret_manifest, struct error *ret_error)
{
    int rc = 0;
    pthread_mutex_lock(&plugin->lock);
    if (!plugin->text)
        rc = error_set(ret_error, LLMSPELL_EREFUSED, "%s", plugin->reason ? plugin->reason : "");
    else if (!plugin->manifest) {
        struct error why;
        rc = manifest_parse(plugin->text, plugin->text_size, plugin->path, &plugin->manifest, NULL,
                            &why);
        if (rc < 0) {
            if (plugin->state == PLUGIN_READY)
                mark(plugin, PLUGIN_REFUSED, why.message);
            rc = error_set(ret_error, rc, "%s", why.message);
        }
    }
    if (rc == 0)
        *ret_manifest = plugin->manifest;
    pthread_mutex_unlock(&plugin->lock);
    return rc;
}

int plugin_members(const struct plugin *plugin, const char *const *keys, json_t **ret_object,
                   struct error *ret_error)
{
    if (!plugin->text)
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s has no manifest", plugin->path);
    return manifest_members(plugin->text, plugin->text_size, plugin->path, keys, ret_object,
                            ret_error);
}
