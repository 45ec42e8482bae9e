/* SPDX-License-Identifier: Apache-2.0
 * The walk over a tree, by descriptors: no path is looked up twice, links are followed only through
 * the file service, which keeps them inside the roots. Names are visited by the byte order of the
 * paths: a folder's content has its place at "name/". */
#include "file_search.h"

#include <dirent.h>
#include <sys/stat.h>

#include "../shared/file_values.h"

struct item {
    char *name; /* of a folder that is gone into: with a slash at its end */
    unsigned char type;
    bool enter;
};

struct items {
    struct item *list;
    size_t count, room;
};

/* A folder on the way. */
struct level {
    struct walk *walk;
    int fd;
    unsigned depth;
    char *path; /* below the folder that is searched; "" for itself */
    const struct ignore *ignore;
    const struct level *above; /* for links that lead to a folder above */
    dev_t device;
    ino_t inode;
};

static int32_t walk_level(struct level *level);

static int32_t no_memory(const struct walk *walk)
{
    return llmspell_fail(walk->call, LLMSPELL_ENOMEM, "out of memory");
}

static void items_clear(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->list[i].name);
    free(items->list);
    *items = (struct items){0};
}

#define CLEANUP_ITEMS __attribute__((cleanup(items_clear)))

static bool items_add(struct items *items, const char *name, unsigned char type, bool enter)
{
    if (items->count == items->room) {
        size_t room = items->room ? items->room * 2 : 64;
        struct item *list = realloc(items->list, room * sizeof *list);
        if (!list)
            return false;
        items->list = list;
        items->room = room;
    }
    size_t size = strlen(name);
    char *copy = malloc(size + 2);
    if (!copy)
        return false;
    memcpy(copy, name, size);
    copy[size] = enter ? '/' : '\0';
    copy[size + 1] = '\0';
    items->list[items->count++] = (struct item){copy, type, enter};
    return true;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

/* ---- what a folder holds ---- */

/* What the entry is; for a link that is followed, what it leads to. */
static unsigned char entry_type(const struct level *level, const struct dirent *entry)
{
    unsigned char type = entry->d_type;
    struct stat st;
    if (type == DT_UNKNOWN && fstatat(level->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        type = (unsigned char)IFTODT(st.st_mode);
    if (type == DT_LNK && level->walk->follow_links)
        type = fstatat(level->fd, entry->d_name, &st, 0) == 0 ? (unsigned char)IFTODT(st.st_mode)
                                                              : DT_UNKNOWN;
    return type == DT_REG || type == DT_DIR || type == DT_LNK ? type : DT_UNKNOWN;
}

/* Adds the entry as what is visited, entered, or both, if the filters let it through. */
static int32_t add_entry(const struct level *level, const struct dirent *entry, struct items *items)
{
    const struct walk *walk = level->walk;
    const char *name = entry->d_name;
    unsigned char type = entry_type(level, entry);
    bool folder = type == DT_DIR;
    LLMSPELL_CLEANUP_FREE char *path = join_path(level->path, name);
    if (!path)
        return no_memory(walk);
    if (walk->gitignore &&
        ((folder && strcmp(name, ".git") == 0) || ignore_matches(level->ignore, path, folder)))
        return 0;
    bool enter = folder && walk->recursive && level->depth < walk->max_depth &&
                 filter_takes_folder(&walk->filter, path);
    bool visit = (!folder || (walk->want_folders && filter_takes_folder(&walk->filter, path))) &&
                 filter_takes_file(&walk->filter, path, folder);
    if ((visit && !items_add(items, name, type, false)) ||
        (enter && !items_add(items, name, type, true)))
        return no_memory(walk);
    return 0;
}

static int32_t read_entries(const struct level *level, DIR *stream, struct items *items)
{
    struct walk *walk = level->walk;
    for (;;) {
        const struct dirent *entry = readdir(stream);
        if (!entry) /* the end, or an error: what was read so far counts */
            return 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (++walk->seen > ENTRIES_MAX)
            return llmspell_fail_at(walk->call, LLMSPELL_ELIMIT, "/path",
                                    "there are more than %u files and folders here; search a "
                                    "folder below, or exclude some",
                                    ENTRIES_MAX);
        int32_t rc = walk->seen % 256 == 0 ? llmspell_cancelled(walk->call) : 0;
        if (rc == 0)
            rc = add_entry(level, entry, items);
        if (rc < 0)
            return rc;
    }
}

static int32_t list_folder(const struct level *level, struct items *items)
{
    int fd = openat(level->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        if (fd >= 0)
            close(fd);
        level->walk->skipped++;
        return 0;
    }
    int32_t rc = read_entries(level, stream, items);
    closedir(stream);
    if (items->count)
        qsort(items->list, items->count, sizeof *items->list, compare_items);
    return rc;
}

/* ---- going down ---- */

static bool is_above(const struct level *level, const struct stat *st)
{
    for (; level; level = level->above)
        if (level->device == st->st_dev && level->inode == st->st_ino)
            return true;
    return false;
}

/* Through the file service if the name may be a link. A descriptor, or -1: it is left out. */
static int open_entry(const struct level *level, const char *name, const char *shown, int flags)
{
    const struct walk *walk = level->walk;
    struct stat st;
    if (!walk->follow_links || fstatat(level->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISLNK(st.st_mode))
        return openat(level->fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
    int fd = walk->fs->open(walk->call, shown, flags, 0, "/path");
    return fd < 0 ? -1 : fd;
}

static int32_t enter(const struct level *level, const char *name, const char *path,
                     const char *shown)
{
    struct level below = {.walk = level->walk,
                          .depth = level->depth + 1,
                          .path = (char *)path,
                          .ignore = level->ignore,
                          .above = level};
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open_entry(level, name, shown, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        level->walk->skipped++;
        return 0;
    }
    if (is_above(level, &st))
        return 0; /* a link that leads back */
    below.fd = fd;
    below.device = st.st_dev;
    below.inode = st.st_ino;
    return walk_level(&below);
}

static int32_t visit(const struct level *level, const struct item *item, const char *shown)
{
    struct walk *walk = level->walk;
    struct found found = {
        .folder = level->fd, .name = item->name, .path = shown, .type = item->type, .fd = -1};
    if (!walk->follow_links)
        return walk->visit(walk, &found);
    int flags = item->type == DT_DIR ? O_RDONLY | O_DIRECTORY : O_RDONLY | O_NONBLOCK | O_NOCTTY;
    LLMSPELL_CLEANUP_CLOSE int fd =
        item->type == DT_UNKNOWN ? -1 : open_entry(level, item->name, shown, flags);
    found.fd = fd;
    if (fd < 0) { /* a link that leads out, or to nothing */
        walk->skipped++;
        return 0;
    }
    return walk->visit(walk, &found);
}

static int32_t walk_item(const struct level *level, struct item *item)
{
    struct walk *walk = level->walk;
    int32_t stop = llmspell_cancelled(walk->call);
    if (stop < 0)
        return stop;
    if (item->enter)
        item->name[strlen(item->name) - 1] = '\0';
    LLMSPELL_CLEANUP_FREE char *path = join_path(level->path, item->name);
    LLMSPELL_CLEANUP_FREE char *shown =
        path ? join_path(strcmp(walk->path, "./") == 0 ? "." : walk->path, path) : NULL;
    if (!shown)
        return no_memory(walk);
    return item->enter ? enter(level, item->name, path, shown) : visit(level, item, shown);
}

static int32_t walk_level(struct level *level)
{
    CLEANUP_ITEMS struct items items = {0};
    struct ignore *ignore = NULL;
    if (level->walk->gitignore &&
        !ignore_read(level->fd, strlen(level->path), level->ignore, &ignore))
        return no_memory(level->walk);
    if (ignore)
        level->ignore = ignore;
    int32_t rc = list_folder(level, &items);
    for (size_t i = 0; i < items.count && rc == 0; i++)
        rc = walk_item(level, &items.list[i]);
    ignore_free(ignore);
    return rc;
}

/* ---- the whole ---- */

int32_t walk_init(struct walk *walk, struct llmspell_call *call, const json_t *params)
{
    walk->call = call;
    walk->params = params;
    walk->fs = llmspell_fs_get(call);
    walk->path = llmspell_string(params, "path");
    walk->recursive = llmspell_bool(params, "recursive", 1);
    walk->gitignore = llmspell_bool(params, "gitignore", 0);
    walk->follow_links = llmspell_bool(params, "follow_links", 0);
    walk->max_depth = (unsigned)llmspell_integer(params, "max_depth", 20);
    if (!walk->fs)
        return LLMSPELL_EUNAVAILABLE;
    if (strlen(walk->path) != llmspell_string_length(params, "path"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/path",
                                "the path holds a NUL character; file names cannot");
    return filter_init(&walk->filter, call, params);
}

void walk_clear(struct walk *walk)
{
    filter_clear(&walk->filter);
}

int32_t walk_run(struct walk *walk)
{
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd =
        walk->fs->open(walk->call, walk->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, "/path");
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0)
        return llmspell_fail_at(walk->call, LLMSPELL_EIO, "/path", "cannot look at %.200s: %s",
                                walk->path, strerror(errno));
    int32_t rc;
    if (S_ISREG(st.st_mode)) {
        struct found found = {
            .folder = -1, .name = "", .path = walk->path, .type = DT_REG, .fd = fd};
        rc = walk->visit(walk, &found);
    } else if (S_ISDIR(st.st_mode)) {
        char nothing[] = "";
        struct level top = {
            .walk = walk, .fd = fd, .path = nothing, .device = st.st_dev, .inode = st.st_ino};
        rc = walk_level(&top);
    } else {
        rc = llmspell_fail_at(walk->call, LLMSPELL_EINVAL, "/path",
                              "%.200s is neither a regular file nor a folder", walk->path);
    }
    return rc == WALK_END ? 0 : rc;
}
