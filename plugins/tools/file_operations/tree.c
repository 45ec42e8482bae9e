/* SPDX-License-Identifier: Apache-2.0
 * The walk of tree.h: a heap of levels instead of recursion, each with the sorted names of its
 * folder. */
#include "tree.h"

#include <dirent.h>

#define WAYS_OPEN 24u /* folders of one walk that are held open at once */

/* ---- ways ---- */

int ways_push(struct ways *ways, int fd)
{
    struct stat st;
    int error = fstat(fd, &st) != 0 ? errno : 0;
    if (!error && ways->count == ways->room) {
        size_t room = ways->room ? ways->room * 2 : 16;
        struct way *list = realloc(ways->list, room * sizeof *list);
        error = list ? 0 : ENOMEM;
        if (list) {
            ways->list = list;
            ways->room = room;
        }
    }
    if (error) {
        close(fd);
        return error;
    }
    if (ways->count >= WAYS_OPEN) {
        struct way *old = &ways->list[ways->count - WAYS_OPEN];
        if (old->fd >= 0)
            close(old->fd);
        old->fd = -1;
    }
    ways->list[ways->count++] = (struct way){fd, st.st_dev, st.st_ino};
    return 0;
}

int ways_pop(struct ways *ways)
{
    struct way *low = &ways->list[--ways->count];
    int error = 0;
    if (ways->count > 0 && low[-1].fd < 0) {
        struct stat st;
        int up = openat(low->fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        error = up < 0 || fstat(up, &st) != 0 ? errno : 0;
        if (!error && (st.st_dev != low[-1].device || st.st_ino != low[-1].inode))
            error = ESTALE; /* somebody moved the folder away below us */
        if (error && up >= 0)
            close(up);
        else
            low[-1].fd = up;
    }
    close(low->fd);
    return error;
}

int ways_top(const struct ways *ways)
{
    return ways->list[ways->count - 1].fd;
}

void ways_clear(struct ways *ways)
{
    for (size_t i = 0; i < ways->count; i++)
        if (ways->list[i].fd >= 0)
            close(ways->list[i].fd);
    free(ways->list);
    *ways = (struct ways){0};
}

/* ---- names ---- */

void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_add(struct names *names, size_t *room, const char *name)
{
    if (names->count == *room) {
        size_t wanted = *room ? *room * 2 : 32;
        char **list = realloc(names->list, wanted * sizeof *list);
        if (!list)
            return ENOMEM;
        names->list = list;
        *room = wanted;
    }
    names->list[names->count] = strdup(name);
    if (!names->list[names->count])
        return ENOMEM;
    names->count++;
    return 0;
}

int names_read(int folder, size_t max, struct names *ret_names)
{
    struct names names = {0};
    size_t room = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    int error = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            error = errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        error = names.count < max ? names_add(&names, &room, entry->d_name) : E2BIG;
        if (error)
            break;
    }
    closedir(stream);
    if (error) {
        names_clear(&names);
        return error;
    }
    if (names.count)
        qsort(names.list, names.count, sizeof *names.list, compare_names);
    *ret_names = names;
    return 0;
}

/* ---- the walk ---- */

struct level {
    struct names names;
    size_t next;
    size_t path_length; /* of the folder's own path */
    struct stat st;
};

struct walk {
    struct tree *tree;
    struct ways ways;
    struct level *levels; /* levels[i] is the folder ways.list[i] */
    size_t count, room;
    char *path;
    size_t path_room;
};

static void walk_clear(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        names_clear(&walk->levels[i].names);
    free(walk->levels);
    free(walk->path);
    ways_clear(&walk->ways);
}

#define CLEANUP_WALK __attribute__((cleanup(walk_clear)))

int32_t tree_fail(const struct tree *tree, const char *step, const char *path, int error)
{
    if (!tree->job)
        return LLMSPELL_EIO;
    char shown[SHOWN_SIZE], whole[2 * SHOWN_SIZE];
    show_path(path, shown);
    snprintf(whole, sizeof whole, "%s/%s", tree->shown, shown);
    if (error == E2BIG)
        return llmspell_fail_at(tree->job->call, LLMSPELL_ELIMIT, tree->pointer,
                                "%s holds more than %zu files and folders; take parts of it",
                                *path ? whole : tree->shown, *path ? NAMES_MAX : tree->max);
    if (error == EMFILE || error == ENFILE)
        return llmspell_fail_at(tree->job->call, LLMSPELL_ELIMIT, tree->pointer,
                                "cannot %s %s: too many open files; try again later", step,
                                *path ? whole : tree->shown);
    if (error == ENXIO)
        return llmspell_fail_at(tree->job->call, LLMSPELL_EINVAL, tree->pointer,
                                "%s is a device, socket or FIFO, which cannot be copied; remove "
                                "it, or copy what lies beside it",
                                whole);
    int32_t code = fail_errno(tree->job, tree->pointer, step, *path ? whole : tree->shown, error);
    return code;
}

/* Takes over folder; path is of the length path_length by now. */
static int32_t level_push(struct walk *walk, int folder, size_t path_length)
{
    if (walk->count == walk->room) {
        size_t room = walk->room ? walk->room * 2 : 16;
        struct level *levels = realloc(walk->levels, room * sizeof *levels);
        if (!levels) {
            close(folder);
            return tree_fail(walk->tree, "walk", walk->path, ENOMEM);
        }
        walk->levels = levels;
        walk->room = room;
    }
    struct level level = {.path_length = path_length};
    int error = names_read(folder, NAMES_MAX, &level.names);
    if (error)
        close(folder);
    else
        error = ways_push(&walk->ways, folder);
    if (error) {
        names_clear(&level.names);
        return tree_fail(walk->tree, "list", walk->path, error);
    }
    walk->levels[walk->count++] = level;
    return 0;
}

/* Puts name behind the path of the level. */
static bool path_set(struct walk *walk, size_t length, const char *name)
{
    size_t more = strlen(name);
    if (length + more + 2 > walk->path_room) {
        size_t room = (length + more + 2) * 2;
        char *path = realloc(walk->path, room);
        if (!path)
            return false;
        walk->path = path;
        walk->path_room = room;
    }
    if (length > 0)
        walk->path[length++] = '/';
    memcpy(walk->path + length, name, more + 1);
    return true;
}

int tree_open_folder(int folder, const char *name, const struct stat *st)
{
    struct stat now;
    int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &now) == 0 && same_file(&now, st))
        return fd;
    close(fd);
    return -ESTALE;
}

static int32_t enter(struct walk *walk, const struct tree_entry *entry)
{
    int32_t rc = walk->tree->visit(walk->tree, TREE_ENTER, entry);
    if (rc != 0)
        return rc == TREE_SKIP ? 0 : rc;
    int fd = tree_open_folder(entry->folder, entry->name, entry->st);
    if (fd < 0)
        return tree_fail(walk->tree, "open", walk->path, -fd);
    rc = level_push(walk, fd, strlen(walk->path));
    if (rc == 0)
        walk->levels[walk->count - 1].st = *entry->st;
    return rc;
}

/* The folder of the lowest level is done. */
static int32_t leave(struct walk *walk)
{
    struct level *level = &walk->levels[walk->count - 1];
    names_clear(&level->names);
    struct stat st = level->st;
    walk->path[level->path_length] = '\0';
    walk->count--;
    int error = ways_pop(&walk->ways);
    if (error)
        return tree_fail(walk->tree, "return from", walk->path, error);
    if (walk->count == 0)
        return 0;
    level = &walk->levels[walk->count - 1];
    struct tree_entry entry = {.folder = ways_top(&walk->ways),
                               .name = level->names.list[level->next - 1],
                               .path = walk->path,
                               .st = &st};
    return walk->tree->visit(walk->tree, TREE_LEAVE, &entry);
}

static int32_t visit_next(struct walk *walk)
{
    struct tree *tree = walk->tree;
    struct level *level = &walk->levels[walk->count - 1];
    int32_t stop = tree->job ? llmspell_cancelled(tree->job->call) : 0;
    if (stop < 0)
        return stop;
    if (level->next == level->names.count)
        return leave(walk);
    const char *name = level->names.list[level->next++];
    if (!path_set(walk, level->path_length, name))
        return tree_fail(tree, "walk", "", ENOMEM);
    struct stat st;
    struct tree_entry entry = {
        .folder = ways_top(&walk->ways), .name = name, .path = walk->path, .st = &st};
    if (fstatat(entry.folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : tree_fail(tree, "look at", walk->path, errno);
    if (tree->seen == tree->max) {
        tree->exceeded = true;
        return tree_fail(tree, "walk", "", E2BIG);
    }
    tree->seen++;
    return S_ISDIR(st.st_mode) ? enter(walk, &entry) : tree->visit(tree, TREE_ENTRY, &entry);
}

int32_t tree_walk(struct tree *tree, int folder)
{
    CLEANUP_WALK struct walk walk = {.tree = tree};
    tree->seen = 0;
    tree->exceeded = false;
    if (!path_set(&walk, 0, ""))
        return tree_fail(tree, "walk", "", ENOMEM);
    int top = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return tree_fail(tree, "open", "", errno);
    int32_t rc = level_push(&walk, top, 0);
    while (rc == 0 && walk.count > 0)
        rc = visit_next(&walk);
    return rc;
}
