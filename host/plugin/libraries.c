/* SPDX-License-Identifier: Apache-2.0
 * The search of ld.so(8), as far as it is documented; its cache in the format of glibc 2.2 and
 * later. */
#include "plugin/libraries.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#define CACHE_FILE "/etc/ld.so.cache"
#define CACHE_MAGIC "glibc-ld.so.cache1.1"

struct cache_entry {
    int32_t flags;
    uint32_t key, value; /* where the name and the path stand in the file */
    uint32_t os_version;
    uint64_t capabilities;
};

/* A library for this machine: one for another class of machine may bear the same name. */
static bool fits(const char *path)
{
    struct elf elf;
    struct error error;
    if (elf_open(path, &elf, &error) < 0)
        return false;
    elf_close(&elf);
    return true;
}

static char *in_folder(const char *folder, size_t length, const char *name, const char *origin)
{
    static const char *const tokens[] = {"$ORIGIN", "${ORIGIN}"};
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    const char *base = "";
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(tokens[i]);
        if (length >= n && strncmp(folder, tokens[i], n) == 0) {
            base = origin;
            folder += n;
            length -= n;
        }
    }
    if (asprintf(&path, "%s%.*s/%s", base, (int)length, folder, name) < 0) {
        path = NULL;
        return NULL;
    }
    char *found = fits(path) ? path : NULL;
    if (found)
        path = NULL;
    return found;
}

static char *in_list(const char *folders, const char *name, const char *origin)
{
    char *found = NULL;
    while (folders && *folders && !found) {
        size_t n = strcspn(folders, ":");
        if (n > 0)
            found = in_folder(folders, n, name, origin);
        folders += n + (folders[n] == ':');
    }
    return found;
}

/* The text at offset at, if it ends within the file. */
static const char *cache_text(const char *data, size_t size, uint32_t at)
{
    return at < size && memchr(data + at, '\0', size - at) ? data + at : NULL;
}

static char *search_cache(const char *data, size_t size, const char *name)
{
    const size_t head = strlen(CACHE_MAGIC) + 7 * sizeof(uint32_t);
    uint32_t count;
    if (size < head || memcmp(data, CACHE_MAGIC, strlen(CACHE_MAGIC)) != 0)
        return NULL;
    memcpy(&count, data + strlen(CACHE_MAGIC), sizeof count);
    for (size_t i = 0; i < count && size - head >= (i + 1) * sizeof(struct cache_entry); i++) {
        struct cache_entry entry;
        memcpy(&entry, data + head + i * sizeof entry, sizeof entry);
        const char *key = cache_text(data, size, entry.key);
        const char *path = cache_text(data, size, entry.value);
        if (key && path && strcmp(key, name) == 0 && fits(path))
            return strdup(path);
    }
    return NULL;
}

static char *in_cache(const char *name)
{
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open(CACHE_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
        return NULL;
    char *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return NULL;
    char *found = search_cache(data, (size_t)st.st_size, name);
    munmap(data, (size_t)st.st_size);
    return found;
}

char *library_find(const char *name, const struct elf *from, const char *path)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *origin = strndup(path, slash ? (size_t)(slash - path) : 0);
    if (!origin)
        return NULL;
    if (strchr(name, '/'))
        return fits(name) ? strdup(name) : NULL;
    char *found = from->runpath ? NULL : in_list(from->rpath, name, origin);
    if (!found)
        found = in_list(getenv("LD_LIBRARY_PATH"), name, origin);
    if (!found)
        found = in_list(from->runpath, name, origin);
    if (!found)
        found = in_cache(name);
    return found ? found : in_list("/lib64:/usr/lib64:/lib:/usr/lib", name, origin);
}
