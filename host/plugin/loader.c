/* SPDX-License-Identifier: Apache-2.0
 * Loading: manifest checked → file unchanged → dlopen → mapped note compared → entry checked. */
#include "plugin/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/plugin.h>
#include <llmspell/tool.h>

#include "plugin/elf.h"
#include "plugin/entry.h"
#include "tool/native_tool.h"

/* What the three entry structs begin with, and where their required functions lie. */
struct entry_head {
    uint32_t size;
    uint16_t abi_major, needs_minor;
    json_t *(*json_identity)(const json_t *, const char *);
};

static bool stamp_now(const char *path, struct note_stamp *ret_stamp)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *ret_stamp = note_stamp_of(&st);
    return true;
}

static int check_unchanged(const struct plugin *plugin, struct error *ret_error)
{
    struct note_stamp now;
    if (!stamp_now(plugin->path, &now))
        return error_set(ret_error, LLMSPELL_EREFUSED, "%s cannot be opened any more: %s",
                         plugin->path, strerror(errno));
    if (!note_stamp_equal(&now, &plugin->stamp))
        return error_set(
            ret_error, LLMSPELL_EREFUSED,
            "%s was changed after it was discovered: reload the kernel, or start again",
            plugin->path);
    return 0;
}

struct note_search {
    ElfW(Addr) base;
    const struct plugin *plugin;
    bool same;
};

static int compare_note(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct note_search *search = data;
    if (info->dlpi_addr != search->base)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const unsigned char *text;
        size_t length;
        if (segment->p_type != PT_NOTE)
            continue;
        const unsigned char *bytes = (const unsigned char *)(info->dlpi_addr + segment->p_vaddr);
        if (note_find(bytes, segment->p_memsz, segment->p_align, &text, &length) == 1)
            search->same = length == search->plugin->text_size &&
                           memcmp(text, search->plugin->text, length) == 0;
    }
    return 1;
}

static int check_mapped(const struct plugin *plugin, void *handle, struct error *ret_error)
{
    struct link_map *map = NULL;
    struct note_search search = {.plugin = plugin};
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map) {
        search.base = map->l_addr;
        dl_iterate_phdr(compare_note, &search);
    }
    if (search.same)
        return 0;
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s: what is loaded differs from the file that was discovered: start again",
                     plugin->path);
}

static int check_entry(const struct plugin *plugin, const void *entry, struct error *ret_error)
{
    const struct plugin_entry *rule = &PLUGIN_ENTRIES[plugin->head.kind];
    const struct entry_head *head = entry;
    if (head->abi_major != LLMSPELL_ABI_MAJOR || head->needs_minor > LLMSPELL_ABI_MINOR)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: %s says ABI %u.%u, but its manifest %d.%d and this host %d.%d: build "
                         "it again with this llmspell's SDK",
                         plugin->path, rule->symbol, head->abi_major, head->needs_minor,
                         plugin->head.abi_major, plugin->head.abi_minor, LLMSPELL_ABI_MAJOR,
                         LLMSPELL_ABI_MINOR);
    if (head->size < rule->size)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: %s has %u bytes, at least %u are needed: build it again with this "
                         "llmspell's SDK",
                         plugin->path, rule->symbol, head->size, rule->size);
    if (head->json_identity != json_object_get)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s brings a second copy of Jansson, whose objects look empty here: link "
                         "it with the shared libjansson.so",
                         plugin->path);
    for (size_t i = 0; i < 8 && rule->required[i]; i++) {
        void *function;
        memcpy(&function, (const char *)entry + rule->required[i], sizeof function);
        if (!function)
            return error_set(ret_error, LLMSPELL_EREFUSED,
                             "%s: a required function of %s is NULL (offset %zu): see "
                             "llmspell/%s.h",
                             plugin->path, rule->symbol, rule->required[i],
                             plugin_kind_name(plugin->head.kind));
    }
    return 0;
}

/* ---- what is loaded: for ever, since nothing is unloaded ---- */

struct loaded_file {
    struct plugin *plugin; /* counted */
    char *name;            /* that dlopen knows it by */
};

static struct {
    pthread_mutex_t lock;
    struct loaded_file *files;
    size_t count;
} loaded = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct loaded_file *find_loaded(const struct plugin *plugin)
{
    for (size_t i = 0; i < loaded.count; i++)
        if (strcmp(loaded.files[i].plugin->path, plugin->path) == 0 &&
            note_stamp_equal(&loaded.files[i].plugin->stamp, &plugin->stamp))
            return &loaded.files[i];
    return NULL;
}

/* One entry a file, though a refused plugin is tried anew after each reload. Takes *name. */
static int remember(struct plugin *plugin, char **name)
{
    int rc = 0;
    pthread_mutex_lock(&loaded.lock);
    if (!find_loaded(plugin)) {
        struct loaded_file *grown = reallocarray(loaded.files, loaded.count + 1, sizeof *grown);
        rc = grown ? 0 : LLMSPELL_ENOMEM;
        if (grown) {
            loaded.files = grown;
            grown[loaded.count++] = (struct loaded_file){plugin_ref(plugin), *name};
            *name = NULL;
        }
    }
    pthread_mutex_unlock(&loaded.lock);
    return rc;
}

/* The path of the number-th file at one path: dlopen takes a name that it has seen for the file
 * that it had then. The number stands in the name in binary, "./" is 1 and "/" is 0. */
static char *number_path(const char *path, size_t number)
{
    const char *base = strrchr(path, '/');
    size_t folder = base ? (size_t)(base - path) + 1 : 0;
    char *numbered = malloc(strlen(path) + 2 * 8 * sizeof number + 1), *at = numbered;
    if (!numbered)
        return NULL;
    at = mempcpy(at, path, folder);
    for (; number > 0; number /= 2)
        at = stpcpy(at, number % 2 ? "./" : "/");
    memcpy(at, path + folder, strlen(path + folder) + 1);
    return numbered;
}

/* A file that was overwritten in place is the one that is mapped, with code changed below our
 * feet. */
static bool is_overwritten(const struct note_stamp *stamp)
{
    for (size_t i = 0; i < loaded.count; i++) {
        const struct note_stamp *other = &loaded.files[i].plugin->stamp;
        if (note_stamp_same_file(other, stamp) && !note_stamp_equal(other, stamp))
            return true;
    }
    return false;
}

/* *ret_name is the caller's. */
static int name_for_dlopen(const struct plugin *plugin, char **ret_name, struct error *ret_error)
{
    size_t before = 0;
    pthread_mutex_lock(&loaded.lock);
    const struct loaded_file *same = find_loaded(plugin);
    for (size_t i = 0; i < loaded.count; i++)
        before += strcmp(loaded.files[i].plugin->path, plugin->path) == 0;
    bool overwritten = is_overwritten(&plugin->stamp);
    char *name = same ? strdup(same->name) : number_path(plugin->path, before);
    pthread_mutex_unlock(&loaded.lock);
    if (overwritten || !name) {
        free(name);
        return !overwritten
                   ? error_set(ret_error, LLMSPELL_ENOMEM, "out of memory")
                   : error_set(ret_error, LLMSPELL_EREFUSED,
                               "%s was overwritten while it is loaded: put new versions in place "
                               "by rename (`install` does), and restart this kernel",
                               plugin->path);
    }
    *ret_name = name;
    return 0;
}

/* A plugin whose manifest describes the function to call has no entry: the host has one for it. */
static bool is_native(const struct plugin *plugin)
{
    return plugin->head.kind == PLUGIN_TOOL && json_object_get(plugin->manifest, "native") != NULL;
}

/* A missing symbol is an error here, not a crash in a call. A plugin that says itself that it is to
 * be bound at once (the SDK links it so) does not need RTLD_NOW, which would bind all libraries
 * below it, too: half of the time that loading takes. */
static int binding(const char *path)
{
    struct elf elf;
    struct error ignored;
    int mode = RTLD_NOW;
    if (elf_open(path, &elf, &ignored) < 0)
        return mode;
    if (elf.now)
        mode = RTLD_LAZY;
    elf_close(&elf);
    return mode;
}

static int load(struct plugin *plugin, const void **ret_entry, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *name = NULL;
    int rc = check_unchanged(plugin, ret_error);
    if (rc == 0 && plugin->bare) {
        *ret_entry = &native_tool_entry; /* native_open loads the library */
        return 0;
    }
    if (rc == 0)
        rc = name_for_dlopen(plugin, &name, ret_error);
    if (rc < 0)
        return rc;
    void *handle = dlopen(name, binding(name) | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s cannot be loaded: %s (is a library missing from its LIBRARIES?)",
                         plugin->path, dlerror());
    rc = remember(plugin, &name);
    if (rc < 0)
        return error_set(ret_error, rc, "out of memory");
    plugin->handle = handle;
    rc = check_mapped(plugin, handle, ret_error);
    if (rc < 0)
        return rc;
    if (is_native(plugin)) {
        *ret_entry = &native_tool_entry;
        return 0;
    }
    const char *symbol = PLUGIN_ENTRIES[plugin->head.kind].symbol;
    const void *entry = dlsym(handle, symbol);
    if (!entry)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s does not export %s: does its source end with the LLMSPELL_… macro?",
                         plugin->path, symbol);
    rc = check_entry(plugin, entry, ret_error);
    if (rc == 0)
        *ret_entry = entry;
    return rc;
}

bool plugin_is_intact(const struct plugin *plugin)
{
    struct note_stamp now;
    if (plugin->overwritten)
        return false;
    return !stamp_now(plugin->path, &now) || !note_stamp_same_file(&now, &plugin->stamp) ||
           note_stamp_equal(&now, &plugin->stamp);
}

bool loader_is_intact(void)
{
    bool intact = true;
    pthread_mutex_lock(&loaded.lock);
    for (size_t i = 0; i < loaded.count; i++)
        intact = intact && plugin_is_intact(loaded.files[i].plugin);
    pthread_mutex_unlock(&loaded.lock);
    return intact;
}

int plugin_load(struct plugin *plugin, const void **ret_entry, struct error *ret_error)
{
    const json_t *manifest;
    int rc = plugin_manifest(plugin, &manifest, ret_error);
    if (rc < 0)
        return rc;
    struct error why = {0};
    pthread_mutex_lock(&plugin->lock);
    if (plugin->state != PLUGIN_READY)
        rc = error_set(&why, LLMSPELL_EREFUSED, "%s", plugin->reason ? plugin->reason : "");
    else if (!plugin->entry)
        rc = load(plugin, &plugin->entry, &why);
    if (rc == 0)
        *ret_entry = plugin->entry;
    pthread_mutex_unlock(&plugin->lock);
    if (rc < 0) {
        plugin_refuse(plugin, why.message);
        return error_set(ret_error, rc, "%s", why.message);
    }
    return 0;
}

int plugin_load_configured(struct plugin *plugin, const struct config *config,
                           const void **ret_entry, json_t **ret_config, struct error *ret_error)
{
    const json_t *manifest;
    char section[MANIFEST_NAME_MAX + 12];
    int rc = plugin_load(plugin, ret_entry, ret_error);
    if (rc == 0)
        rc = plugin_manifest(plugin, &manifest, ret_error);
    if (rc < 0)
        return rc;
    snprintf(section, sizeof section, "%s.%s", plugin_kind_name(plugin->head.kind),
             plugin->head.name);
    return config_plugin(config, section, json_object_get(manifest, "config"), ret_config,
                         ret_error);
}
