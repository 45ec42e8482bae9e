/* SPDX-License-Identifier: Apache-2.0
 * list_dir: what a folder holds, or with recursive its whole tree; cut after limit entries. */
#include "tree.h"

struct item {
    char *path;   /* below the folder */
    char *target; /* of a symbolic link, else NULL */
    mode_t mode;
    off_t size;
    struct timespec modified;
};

struct list {
    struct tree tree; /* first: the visitor is handed this */
    struct item *items;
    size_t count, room;
    bool hidden, recursive;
};

static void list_clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
        free(list->items[i].target);
    }
    free(list->items);
}

#define CLEANUP_LIST __attribute__((cleanup(list_clear)))

static char *link_target(const struct tree_entry *entry)
{
    char target[4096 + 1];
    ssize_t got = readlinkat(entry->folder, entry->name, target, sizeof target - 1);
    target[got < 0 ? 0 : got] = '\0';
    return strdup(target);
}

static bool add_item(struct list *list, const struct tree_entry *entry)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct item *items = realloc(list->items, room * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->room = room;
    }
    bool is_link = S_ISLNK(entry->st->st_mode);
    struct item item = {.path = strdup(entry->path),
                        .target = is_link ? link_target(entry) : NULL,
                        .mode = entry->st->st_mode,
                        .size = entry->st->st_size,
                        .modified = entry->st->st_mtim};
    list->items[list->count++] = item; /* cleared with the list, also if incomplete */
    return item.path && (item.target || !is_link);
}

static int32_t visit_list(struct tree *tree, enum tree_event event, const struct tree_entry *entry)
{
    struct list *list = (struct list *)tree;
    if (event == TREE_LEAVE)
        return 0;
    if (entry->name[0] == '.' && !list->hidden)
        return event == TREE_ENTER ? TREE_SKIP : 0;
    if (!add_item(list, entry))
        return tree_fail(tree, "list", entry->path, ENOMEM);
    return event == TREE_ENTER && !list->recursive ? TREE_SKIP : 0;
}

/* ---- order: by path; size and time with the largest and the newest first ---- */

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

static int compare_sizes(const void *a, const void *b)
{
    const struct item *one = a, *other = b;
    if (one->size != other->size)
        return one->size > other->size ? -1 : 1;
    return compare_paths(a, b);
}

static int compare_times(const void *a, const void *b)
{
    const struct timespec *one = &((const struct item *)a)->modified;
    const struct timespec *other = &((const struct item *)b)->modified;
    if (one->tv_sec != other->tv_sec)
        return one->tv_sec > other->tv_sec ? -1 : 1;
    if (one->tv_nsec != other->tv_nsec)
        return one->tv_nsec > other->tv_nsec ? -1 : 1;
    return compare_paths(a, b);
}

static void sort_items(const struct job *job, struct list *list)
{
    int (*compare)(const void *, const void *) =
        llmspell_is(job->params, "sort", "size")       ? compare_sizes
        : llmspell_is(job->params, "sort", "modified") ? compare_times
                                                       : compare_paths;
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare);
}

/* ---- result ---- */

static json_t *item_value(const struct job *job, const struct item *item)
{
    const char *slash = strrchr(item->path, '/');
    LLMSPELL_CLEANUP_FREE char *path = join_path(job->path, item->path);
    if (!path)
        return NULL;
    LLMSPELL_CLEANUP_JSON json_t *value =
        json_pack("{s:o,s:o,s:s,s:I,s:o}", "name", name_value(slash ? slash + 1 : item->path),
                  "path", name_value(path), "type", type_name(item->mode), "size",
                  (json_int_t)item->size, "modified", time_value(&item->modified));
    if (value && item->target &&
        json_object_set_new(value, "target", name_value(item->target)) != 0)
        return NULL;
    return llmspell_steal_json(&value);
}

static json_t *list_result(const struct job *job, const struct list *list)
{
    size_t limit = (size_t)llmspell_integer(job->params, "limit", 1000);
    size_t count = list->count < limit ? list->count : limit;
    LLMSPELL_CLEANUP_JSON json_t *entries = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(entries, item_value(job, &list->items[i])) != 0)
            return NULL;
    return json_pack("{s:s,s:O,s:I,s:I,s:b}", "path", job->path, "entries", entries, "count",
                     (json_int_t)count, "total", (json_int_t)list->count, "truncated",
                     count < list->count || list->tree.exceeded);
}

int32_t list_dir_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_LIST struct list list = {.hidden = llmspell_bool(job->params, "hidden", 1),
                                     .recursive = llmspell_bool(job->params, "recursive", 0)};
    list.tree = (struct tree){.job = job,
                              .pointer = "/path",
                              .shown = job->shown,
                              .max = list.recursive ? ENTRIES_MAX : NAMES_MAX,
                              .visit = visit_list};
    LLMSPELL_CLEANUP_CLOSE int fd =
        job->fs->open(job->call, job->path, O_RDONLY | O_DIRECTORY, 0, "/path");
    if (fd < 0)
        return fd;
    int32_t rc = tree_walk(&list.tree, fd);
    if (rc < 0 && !list.tree.exceeded) /* a tree that is too large is cut */
        return rc;
    sort_items(job, &list);
    return llmspell_return(job->call, ret_result, list_result(job, &list));
}
