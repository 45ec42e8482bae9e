/* SPDX-License-Identifier: Apache-2.0
 * Which folders are watched: a node each, so that a folder that moves takes its path along. Folders
 * are opened by the file service or beneath a descriptor of it, and handed to inotify by
 * descriptor: no link leads out of the roots. */
#include <dirent.h>
#include <sys/inotify.h>

#include "../shared/file_values.h"
#include "notify.h"

#define FOLDER_MASK                                                                                \
    (IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |                 \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

#define SWEEP_MIN 1000 /* nodes without a watch before they are freed */

char *node_path(const struct node *node, const char *name)
{
    if (!node->parent)
        return name ? join_path(node->target->path, name) : strdup(node->target->path);
    LLMSPELL_CLEANUP_FREE char *path = node_path(node->parent, node->name);
    if (!path)
        return NULL;
    return name ? join_path(path, name) : strdup(path);
}

struct node *node_of_watch(const struct notify *notify, int wd)
{
    return wd >= 0 && (size_t)wd < notify->wd_room ? notify->by_wd[wd] : NULL;
}

struct node *node_child(const struct notify *notify, const struct node *parent, const char *name)
{
    for (size_t i = 0; i < notify->node_count; i++) {
        struct node *node = notify->nodes[i];
        if (node->parent == parent && node->wd >= 0 && strcmp(node->name, name) == 0)
            return node;
    }
    return NULL;
}

static bool grow_list(struct node ***list, size_t *room, size_t wanted)
{
    if (wanted < *room)
        return true;
    size_t new_room = wanted * 2 + 64;
    struct node **grown = realloc(*list, new_room * sizeof **list);
    if (!grown)
        return false;
    memset(grown + *room, 0, (new_room - *room) * sizeof *grown);
    *list = grown;
    *room = new_room;
    return true;
}

static int32_t fail_limit(const struct notify *notify, const char *pointer, const char *what)
{
    return llmspell_fail_at(notify->job->call, LLMSPELL_ELIMIT, pointer,
                            "there are more folders to watch than %s; watch a part of them, or "
                            "without recursive",
                            what);
}

/* Watches what fd is. The watch, -1 with *rc (0: left out; 1: no inotify), or negative code. */
static int add_watch(struct notify *notify, int fd, uint32_t mask, const char *pointer, int32_t *rc)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int wd = inotify_add_watch(notify->fd, path, mask);
    *rc = 0;
    if (wd >= 0)
        return wd;
    if (errno == ENOSPC)
        *rc = fail_limit(notify, pointer, "this user may (fs.inotify.max_user_watches)");
    else if (errno == ENOMEM)
        *rc = no_memory(notify->job);
    else if (notify->watches == 0 && access("/proc/self/fd", F_OK) != 0)
        *rc = 1;
    return -1;
}

bool node_is_within(const struct node *node, const struct node *top)
{
    while (node && node != top)
        node = node->parent;
    return node != NULL;
}

/* The node of a watch, which is made if there is none. NULL with *rc. */
static struct node *make_node(struct notify *notify, int wd, const char *pointer, int32_t *rc)
{
    struct node *node = node_of_watch(notify, wd);
    if (node)
        return node;
    *rc = notify->watches == WATCHES_MAX ? fail_limit(notify, pointer, "8,192") : 0;
    if (*rc < 0)
        return NULL;
    node = calloc(1, sizeof *node);
    if (!node || !grow_list(&notify->nodes, &notify->node_room, notify->node_count) ||
        !grow_list(&notify->by_wd, &notify->wd_room, (size_t)wd)) {
        free(node);
        *rc = no_memory(notify->job);
        return NULL;
    }
    node->wd = wd;
    node->id = ++notify->last_id;
    notify->nodes[notify->node_count++] = node;
    notify->by_wd[wd] = node;
    notify->watches++;
    return node;
}

static const struct target *top_target(const struct node *node)
{
    while (node->parent)
        node = node->parent;
    return node->target;
}

static unsigned node_depth(const struct node *node)
{
    unsigned depth = 0;
    for (; node->parent; node = node->parent)
        depth++;
    return depth;
}

static int32_t add_below(struct notify *notify, struct node *parent, const char *name, int fd,
                         bool report);

/* A name that is in the folder already. */
static int32_t add_name(struct notify *notify, struct node *node, int fd, const char *name,
                        bool report)
{
    struct stat st;
    uint64_t key = names_key(node->id, name);
    bool known = names_has(&notify->names, key);
    if (notify->names.count == ENTRIES_MAX)
        return fail_limit(notify, top_target(node)->pointer, "200,000 names can be in");
    if (!names_add(&notify->names, key))
        return no_memory(notify->job);
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0; /* gone again */
    bool folder = S_ISDIR(st.st_mode);
    if (report && !known) {
        LLMSPELL_CLEANUP_FREE char *path = node_path(node, name);
        names_trace(&notify->names, key, now_ms());
        if (!path || !events_add(notify->events, CREATED, path, NULL, folder))
            return no_memory(notify->job);
    }
    if (!folder || !notify->job->recursive)
        return 0;
    LLMSPELL_CLEANUP_CLOSE int below =
        openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? 0 : add_below(notify, node, name, below, report);
}

/* All that is in the folder; the watch is on already, so that nothing falls between. */
static int32_t read_folder(struct notify *notify, struct node *node, int fd, bool report)
{
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = list < 0 ? NULL : fdopendir(list);
    if (!stream) {
        if (list >= 0)
            close(list);
        return 0;
    }
    int32_t rc = node_depth(node) > DEPTH_MAX
                     ? fail_limit(notify, top_target(node)->pointer, "100 within each other")
                     : 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(stream))) {
        rc = llmspell_cancelled(notify->job->call);
        if (rc == 0 && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_name(notify, node, fd, entry->d_name, report);
    }
    closedir(stream);
    return rc;
}

static int32_t add_below(struct notify *notify, struct node *parent, const char *name, int fd,
                         bool report)
{
    int32_t rc = 0;
    const char *pointer = top_target(parent)->pointer;
    int wd = add_watch(notify, fd, FOLDER_MASK, pointer, &rc);
    if (wd < 0)
        return rc;
    const struct node *old = node_of_watch(notify, wd);
    if (old && old->all && !notify->rescan)
        return 0; /* watched by way of another target */
    struct node *node = make_node(notify, wd, pointer, &rc);
    if (!node)
        return rc;
    if (node_is_within(parent, node))
        return 0; /* folders change places while they are read: what comes next will tell */
    if (!old || old->parent) { /* a target keeps its own path */
        char *copy = strdup(name);
        if (!copy)
            return no_memory(notify->job);
        free(node->name);
        node->name = copy;
        node->parent = parent;
    }
    node->all = true;
    return read_folder(notify, node, fd, report);
}

int32_t nodes_add_folder(struct notify *notify, struct node *parent, const char *name, bool report)
{
    LLMSPELL_CLEANUP_FREE char *path = node_path(parent, name);
    if (!path)
        return no_memory(notify->job);
    LLMSPELL_CLEANUP_CLOSE int fd =
        notify->job->fs->open(notify->job->call, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0,
                              top_target(parent)->pointer);
    struct stat st, link;
    if (fd < 0 || fstat(fd, &st) != 0)
        return 0; /* gone by now */
    int above = notify->job->fs->open(notify->job->call, path, O_PATH | O_NOFOLLOW, 0,
                                      top_target(parent)->pointer);
    bool same = above >= 0 && fstat(above, &link) == 0 && link.st_ino == st.st_ino &&
                link.st_dev == st.st_dev;
    if (above >= 0)
        close(above);
    return same ? add_below(notify, parent, name, fd, report) : 0; /* not through a link */
}

/* ---- targets ---- */

static int32_t add_target_folder(struct notify *notify, const struct target *target, int fd)
{
    int32_t rc = 0;
    int wd = add_watch(notify, fd, FOLDER_MASK, target->pointer, &rc);
    if (wd < 0)
        return rc;
    const struct node *old = node_of_watch(notify, wd);
    if (old && old->all && !notify->rescan)
        return 0;
    struct node *node = make_node(notify, wd, target->pointer, &rc);
    if (!node)
        return rc;
    if (!node->parent)
        node->target = target;
    node->all = true;
    return read_folder(notify, node, fd, false);
}

/* After an overflow: by its path, since it is no longer open; perhaps it is gone. */
static int32_t add_target_again(struct notify *notify, const struct target *target)
{
    LLMSPELL_CLEANUP_CLOSE int fd = notify->job->fs->open(
        notify->job->call, target->path, O_RDONLY | O_DIRECTORY, 0, target->pointer);
    return fd < 0 ? 0 : add_target_folder(notify, target, fd);
}

/* What a link leads to is watched itself: its folder may be anywhere. */
static int32_t add_link_target(struct notify *notify, const struct target *target)
{
    int32_t rc = 0;
    LLMSPELL_CLEANUP_CLOSE int fd =
        notify->job->fs->open(notify->job->call, target->path, O_PATH, 0, target->pointer);
    int wd = fd < 0 ? -1 : add_watch(notify, fd, IN_MODIFY | IN_ATTRIB, target->pointer, &rc);
    if (wd < 0 || node_of_watch(notify, wd))
        return rc;
    struct node *node = make_node(notify, wd, target->pointer, &rc);
    if (!node)
        return rc;
    node->target = target;
    node->self = true;
    return 0;
}

static int32_t add_target_file(struct notify *notify, size_t index)
{
    const struct target *target = &notify->job->targets[index];
    struct stat st;
    int32_t rc = 0;
    int wd = add_watch(notify, target->fd, FOLDER_MASK, target->pointer, &rc);
    if (wd < 0)
        return rc;
    struct node *node = make_node(notify, wd, target->pointer, &rc);
    if (!node)
        return rc;
    if (!node->parent && !node->target)
        node->target = target;
    notify->file_nodes[index] = node;
    if (fstatat(target->fd, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        !names_add(&notify->names, names_key(node->id, target->name)))
        return no_memory(notify->job);
    return target->link ? add_link_target(notify, target) : 0;
}

int32_t nodes_start(struct notify *notify)
{
    int32_t rc = 0;
    for (size_t i = 0; i < notify->job->target_count && rc == 0; i++) {
        const struct target *target = &notify->job->targets[i];
        if (!target->folder)
            rc = add_target_file(notify, i);
        else if (notify->rescan)
            rc = add_target_again(notify, target);
        else
            rc = add_target_folder(notify, target, target->fd);
    }
    return rc;
}

/* ---- the end of watches ---- */

void nodes_drop(struct notify *notify, const struct node *top)
{
    for (size_t i = 0; i < notify->node_count; i++) {
        struct node *node = notify->nodes[i];
        if (node->wd < 0 || !node_is_within(node, top))
            continue;
        int wd = node->wd;
        nodes_forget_watch(notify, wd);
        inotify_rm_watch(notify->fd, wd);
    }
}

void nodes_forget_watch(struct notify *notify, int wd)
{
    struct node *node = node_of_watch(notify, wd);
    if (!node)
        return;
    notify->by_wd[wd] = NULL;
    notify->watches--;
    node->wd = -1;
}

static void mark_up(struct node *node)
{
    for (; node && !node->marked; node = node->parent)
        node->marked = true;
}

void nodes_sweep(struct notify *notify)
{
    if (notify->node_count < 2 * notify->watches + SWEEP_MIN)
        return;
    for (size_t i = 0; i < notify->node_count; i++)
        if (notify->nodes[i]->wd >= 0)
            mark_up(notify->nodes[i]);
    for (size_t i = 0; i < notify->half_count; i++)
        mark_up(notify->halves[i].node);
    for (size_t i = 0; i < notify->job->target_count; i++)
        mark_up(notify->file_nodes[i]);
    size_t kept = 0;
    for (size_t i = 0; i < notify->node_count; i++) {
        struct node *node = notify->nodes[i];
        if (node->marked) {
            node->marked = false;
            notify->nodes[kept++] = node;
            continue;
        }
        free(node->name);
        free(node);
    }
    notify->node_count = kept;
}

void nodes_free(struct notify *notify)
{
    for (size_t i = 0; i < notify->node_count; i++) {
        free(notify->nodes[i]->name);
        free(notify->nodes[i]);
    }
    free(notify->nodes);
    free(notify->by_wd);
}
