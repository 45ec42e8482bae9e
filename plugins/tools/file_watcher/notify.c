/* SPDX-License-Identifier: Apache-2.0
 * inotify: what its events mean for the paths that the caller named. Halves of renames find each
 * other by their cookie; who writes a temporary file and renames it changes the file it replaces.
 */
#include "notify.h"

#include <poll.h>
#include <sys/inotify.h>

#define HALF_MS 20   /* by then the second half of a rename has come */
#define READS_MAX 64 /* of 64 KiB, before the cancel flag is looked at */

int32_t notify_start(const struct job *job, struct events *events, struct notify **ret_notify)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return no_memory(job);
    notify->job = job;
    notify->events = events;
    notify->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    int32_t rc = notify->fd < 0 ? 1 : nodes_start(notify);
    if (rc != 0) {
        notify_free(notify);
        return rc;
    }
    *ret_notify = notify;
    return 0;
}

void notify_free(struct notify *notify)
{
    if (!notify)
        return;
    for (size_t i = 0; i < notify->half_count; i++)
        free(notify->halves[i].name);
    nodes_free(notify);
    names_clear(&notify->names);
    if (notify->fd >= 0)
        close(notify->fd);
    free(notify);
}

/* ---- paths ---- */

/* Of a name in a watched folder: *ret_path stays NULL if nobody asked for it. malloc'ed. */
static int32_t name_path(const struct notify *notify, const struct node *node, const char *name,
                         char **ret_path)
{
    *ret_path = NULL;
    const struct target *target = NULL;
    for (size_t i = 0; i < notify->job->target_count; i++)
        if (notify->file_nodes[i] == node && strcmp(notify->job->targets[i].name, name) == 0)
            target = &notify->job->targets[i];
    if (!target && !node->all)
        return 0;
    *ret_path = target && !node->all ? strdup(target->path) : node_path(node, name);
    return *ret_path ? 0 : no_memory(notify->job);
}

static int32_t add_event(struct notify *notify, enum event_type type, const char *path,
                         const char *from, bool folder)
{
    return events_add(notify->events, type, path, from, folder) ? 0 : no_memory(notify->job);
}

/* A new folder: watch it and report what is in it. */
static int32_t enter(struct notify *notify, struct node *node, const char *name, bool folder)
{
    if (!folder || !node->all || !notify->job->recursive)
        return 0;
    return nodes_add_folder(notify, node, name, true);
}

/* ---- halves of renames ---- */

static void half_remove(struct notify *notify, size_t index)
{
    free(notify->halves[index].name);
    notify->half_count--;
    memmove(&notify->halves[index], &notify->halves[index + 1],
            (notify->half_count - index) * sizeof *notify->halves);
}

/* No second half has come: it was moved to where nobody looks. */
static int32_t half_lost(struct notify *notify)
{
    const struct half *half = &notify->halves[0];
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    int32_t rc = name_path(notify, half->node, half->name, &path);
    if (rc == 0 && path)
        rc = add_event(notify, DELETED, path, NULL, half->folder);
    const struct node *node = half->folder ? node_child(notify, half->node, half->name) : NULL;
    if (node)
        nodes_drop(notify, node);
    half_remove(notify, 0);
    return rc;
}

static int32_t flush_older(struct notify *notify, int64_t before_ms)
{
    int32_t rc = 0;
    while (rc == 0 && notify->half_count > 0 && notify->halves[0].ms <= before_ms)
        rc = half_lost(notify);
    return rc;
}

int32_t notify_flush(struct notify *notify)
{
    return flush_older(notify, INT64_MAX);
}

static int64_t fresh_since(const struct notify *notify)
{
    int64_t trace = notify->events->debounce_ms;
    return now_ms() - (trace > TRACE_MS ? trace : TRACE_MS);
}

static int32_t on_moved_from(struct notify *notify, struct node *node,
                             const struct inotify_event *event)
{
    uint64_t key = names_key(node->id, event->name);
    if (notify->half_count == HALVES_MAX) {
        int32_t rc = half_lost(notify);
        if (rc < 0)
            return rc;
    }
    struct half half = {.cookie = event->cookie,
                        .node = node,
                        .name = strdup(event->name),
                        .folder = event->mask & IN_ISDIR,
                        .fresh = names_is_fresh(&notify->names, key, fresh_since(notify)),
                        .ms = now_ms()};
    if (!half.name)
        return no_memory(notify->job);
    names_remove(&notify->names, key);
    notify->halves[notify->half_count++] = half;
    return 0;
}

/* The queue was too long, or folders changed places faster than they could be followed: what is
 * lost is lost, but names are read anew, and new folders watched. */
static int32_t start_again(struct notify *notify)
{
    notify->events->overflow = true;
    names_clear(&notify->names);
    notify->rescan = true;
    int32_t rc = nodes_start(notify);
    notify->rescan = false;
    return rc > 0 ? 0 : rc;
}

/* A folder that was watched is watched under its new name. */
static int32_t move_node(struct notify *notify, const struct half *half, struct node *node,
                         const char *name)
{
    struct node *moved = node_child(notify, half->node, half->name);
    if (!moved)
        return enter(notify, node, name, true);
    if (!node->all) {
        nodes_drop(notify, moved);
        return 0;
    }
    if (node_is_within(node, moved)) {
        nodes_drop(notify, moved);
        return start_again(notify);
    }
    char *copy = strdup(name);
    if (!copy)
        return no_memory(notify->job);
    free(moved->name);
    moved->name = copy;
    moved->parent = node;
    return 0;
}

/* Both halves are known. existed: something had the new name before. */
static int32_t on_renamed(struct notify *notify, const struct half *half, struct node *node,
                          const char *name, const char *path, bool existed)
{
    LLMSPELL_CLEANUP_FREE char *from = NULL;
    int32_t rc = name_path(notify, half->node, half->name, &from);
    if (rc < 0)
        return rc;
    if (half->fresh && !half->folder && from) { /* it was only a draft */
        events_forget(notify->events, from);
        names_trace(&notify->names, names_key(node->id, name), now_ms());
        return add_event(notify, existed ? MODIFIED : CREATED, path, NULL, false);
    }
    if (from)
        rc = add_event(notify, RENAMED, path, from, half->folder);
    else
        rc = add_event(notify, existed ? MODIFIED : CREATED, path, NULL, half->folder);
    return rc == 0 && half->folder ? move_node(notify, half, node, name) : rc;
}

static int32_t on_moved_to(struct notify *notify, struct node *node,
                           const struct inotify_event *event, const char *path)
{
    uint64_t key = names_key(node->id, event->name);
    bool existed = names_has(&notify->names, key), folder = event->mask & IN_ISDIR;
    if (!names_add(&notify->names, key))
        return no_memory(notify->job);
    for (size_t i = 0; i < notify->half_count; i++) {
        if (notify->halves[i].cookie != event->cookie)
            continue;
        int32_t rc = on_renamed(notify, &notify->halves[i], node, event->name, path, existed);
        half_remove(notify, i);
        return rc;
    }
    int32_t rc = add_event(notify, existed ? MODIFIED : CREATED, path, NULL, folder);
    return rc == 0 ? enter(notify, node, event->name, folder) : rc;
}

/* ---- the others ---- */

/* True if this name was moved away a moment ago, to where nobody looks: an editor's backup. */
static bool take_half(struct notify *notify, const struct node *node, const char *name)
{
    for (size_t i = 0; i < notify->half_count; i++)
        if (notify->halves[i].node == node && strcmp(notify->halves[i].name, name) == 0) {
            half_remove(notify, i);
            return true;
        }
    return false;
}

static int32_t on_created(struct notify *notify, struct node *node,
                          const struct inotify_event *event, const char *path)
{
    uint64_t key = names_key(node->id, event->name);
    bool folder = event->mask & IN_ISDIR;
    if (names_has(&notify->names, key)) /* it was there when its folder was read */
        return enter(notify, node, event->name, folder);
    if (!names_add(&notify->names, key))
        return no_memory(notify->job);
    bool again = !folder && (take_half(notify, node, event->name) ||
                             events_turn_into_backup(notify->events, path));
    if (!again)
        names_trace(&notify->names, key, now_ms());
    int32_t rc = add_event(notify, again ? MODIFIED : CREATED, path, NULL, folder);
    return rc == 0 ? enter(notify, node, event->name, folder) : rc;
}

static int32_t on_deleted(struct notify *notify, const struct node *node,
                          const struct inotify_event *event, const char *path)
{
    names_remove(&notify->names, names_key(node->id, event->name));
    if (events_drop_backup(notify->events, path))
        return 0;
    return add_event(notify, DELETED, path, NULL, event->mask & IN_ISDIR);
}

/* Events without a name: of a folder that is a target, or of the file behind a link. */
static int32_t on_self(struct notify *notify, struct node *node, uint32_t mask)
{
    if (node->parent || !(node->all || node->self))
        return 0; /* its folder tells */
    const char *path = node->target->path;
    if (mask & (IN_DELETE_SELF | IN_MOVE_SELF)) {
        int32_t rc = add_event(notify, DELETED, path, NULL, true);
        if (mask & IN_MOVE_SELF)
            nodes_drop(notify, node);
        return rc;
    }
    if (mask & IN_MODIFY)
        return add_event(notify, MODIFIED, path, NULL, false);
    return mask & IN_ATTRIB ? add_event(notify, ATTRIBUTES, path, NULL, node->all) : 0;
}

static int32_t on_event(struct notify *notify, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return start_again(notify);
    struct node *node = node_of_watch(notify, event->wd);
    if (!node)
        return 0;
    if (event->mask & IN_IGNORED) {
        nodes_forget_watch(notify, event->wd);
        return 0;
    }
    if (event->len == 0)
        return on_self(notify, node, event->mask);
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    int32_t rc = name_path(notify, node, event->name, &path);
    if (rc < 0 || !path)
        return rc;
    bool folder = event->mask & IN_ISDIR;
    if (event->mask & IN_CREATE)
        return on_created(notify, node, event, path);
    if (event->mask & IN_DELETE)
        return on_deleted(notify, node, event, path);
    if (event->mask & IN_MOVED_FROM)
        return on_moved_from(notify, node, event);
    if (event->mask & IN_MOVED_TO)
        return on_moved_to(notify, node, event, path);
    if (event->mask & IN_MODIFY)
        return add_event(notify, MODIFIED, path, NULL, folder);
    return event->mask & IN_ATTRIB ? add_event(notify, ATTRIBUTES, path, NULL, folder) : 0;
}

static int32_t read_events(struct notify *notify, char *buffer, size_t room, bool *ret_more)
{
    ssize_t got = read(notify->fd, buffer, room);
    *ret_more = got > 0;
    int32_t rc = 0;
    for (ssize_t at = 0; at < got && rc == 0;) {
        const struct inotify_event *event = (const struct inotify_event *)(void *)(buffer + at);
        rc = on_event(notify, event);
        at += (ssize_t)(sizeof *event + event->len);
    }
    return rc;
}

int32_t notify_wait(struct notify *notify, int64_t ms)
{
    enum { ROOM = 64 << 10 };
    nodes_sweep(notify);
    if (notify->half_count > 0 && ms > HALF_MS / 2)
        ms = HALF_MS / 2;
    struct pollfd poll_fd = {.fd = notify->fd, .events = POLLIN};
    bool more = poll(&poll_fd, 1, (int)ms) > 0;
    LLMSPELL_CLEANUP_FREE char *buffer = more ? malloc(ROOM) : NULL;
    if (more && !buffer)
        return no_memory(notify->job);
    int32_t rc = 0;
    for (int i = 0; i < READS_MAX && more && rc == 0; i++)
        rc = read_events(notify, buffer, ROOM, &more);
    return rc == 0 ? flush_older(notify, now_ms() - HALF_MS) : rc;
}
