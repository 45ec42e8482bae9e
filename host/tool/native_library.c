/* SPDX-License-Identifier: Apache-2.0
 * Libraries and symbols by name, with a word of advice when there is none. */
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "tool/native_frame.h"
#include "util/near.h"

#include <llmspell/tool.h>

/* ---- libraries ---- */

struct nearest {
    struct near near;
    char text[256]; /* of near.best */
};

static void offer(struct nearest *nearest, const char *candidate)
{
    const char *before = nearest->near.best;
    near_offer(&nearest->near, candidate);
    if (nearest->near.best == before)
        return;
    snprintf(nearest->text, sizeof nearest->text, "%s", candidate);
    nearest->near.best = nearest->text;
}

/* The files beside a library that is loaded: where the system keeps its libraries. */
static int offer_folder(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
    const char *base = slash ? slash + 1 : "";
    if (strncmp(base, "libc.so", strlen("libc.so")) != 0)
        return 0;
    LLMSPELL_CLEANUP_FREE char *folder =
        strndup(info->dlpi_name, (size_t)(slash - info->dlpi_name));
    DIR *dir = folder ? opendir(folder) : NULL;
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (strstr(entry->d_name, ".so."))
            offer(data, entry->d_name);
    if (dir)
        closedir(dir);
    return 1;
}

int native_library_open(const char *name, void **ret_handle, struct error *ret_error)
{
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle) {
        *ret_handle = handle;
        return 0;
    }
    struct nearest nearest = {.near.word = name};
    LLMSPELL_CLEANUP_FREE char *why = strdup(dlerror());
    if (!strchr(name, '/'))
        dl_iterate_phdr(offer_folder, &nearest);
    if (nearest.near.best && strcmp(nearest.text, name) != 0)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "the library of \"native\" cannot be loaded: %s; did you mean %s?",
                         why ? why : name, nearest.text);
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "the library of \"native\" cannot be loaded: %s (is its package installed?)",
                     why ? why : name);
}

/* ---- symbols ---- */

struct symbols {
    const ElfW(Sym) * table;
    const char *names;
    const uint32_t *gnu_hash;
    const uint32_t *sysv_hash;
};

static struct symbols find_tables(const struct link_map *map)
{
    struct symbols found = {0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        const void *at = (const void *)entry->d_un.d_ptr; /* glibc has relocated it */
        if (entry->d_tag == DT_SYMTAB)
            found.table = at;
        else if (entry->d_tag == DT_STRTAB)
            found.names = at;
        else if (entry->d_tag == DT_GNU_HASH)
            found.gnu_hash = at;
        else if (entry->d_tag == DT_HASH)
            found.sysv_hash = at;
    }
    return found;
}

/* A GNU hash table does not say how many symbols there are: the last chain ends with the last. */
static size_t count_symbols(const struct symbols *symbols)
{
    if (symbols->sysv_hash)
        return symbols->sysv_hash[1];
    if (!symbols->gnu_hash)
        return 0;
    uint32_t buckets = symbols->gnu_hash[0], first = symbols->gnu_hash[1];
    const uint32_t *bucket =
        symbols->gnu_hash + 4 + symbols->gnu_hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *chain = bucket + buckets;
    uint32_t last = 0;
    for (uint32_t i = 0; i < buckets; i++)
        if (bucket[i] > last)
            last = bucket[i];
    if (last < first)
        return 0;
    while (!(chain[last - first] & 1))
        last++;
    return last + 1;
}

static const char *nearest_symbol(void *handle, const char *name)
{
    struct link_map *map = NULL;
    struct near near = {.word = name};
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !map)
        return NULL;
    struct symbols symbols = find_tables(map);
    size_t count = symbols.table && symbols.names ? count_symbols(&symbols) : 0;
    for (size_t i = 1; i < count; i++) {
        unsigned type = ELF64_ST_TYPE(symbols.table[i].st_info);
        if (symbols.table[i].st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC))
            near_offer(&near, symbols.names + symbols.table[i].st_name);
    }
    return near.best;
}

int native_library_symbol(void *handle, const char *library, const char *name, void **ret_address,
                          struct error *ret_error)
{
    void *address = dlsym(handle, name);
    if (address) {
        *ret_address = address;
        return 0;
    }
    const char *near_name = nearest_symbol(handle, name);
    const char *where = library ? library : "the plugin";
    if (near_name)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s has no symbol \"%s\" for \"native\"; did you mean \"%s\"?", where,
                         name, near_name);
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s has no symbol \"%s\" for \"native\"; `nm -D` shows those that it exports",
                     where, name);
}
