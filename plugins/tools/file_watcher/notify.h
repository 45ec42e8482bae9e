/* SPDX-License-Identifier: Apache-2.0
 * What notify.c (what events mean) and nodes.c (which folders are watched) share. */
#ifndef FILE_WATCHER_NOTIFY_H
#define FILE_WATCHER_NOTIFY_H

#include "file_watcher.h"
#include "names.h"

/* A folder that is watched, or a file that a link leads to. */
struct node {
    struct node *parent;         /* NULL: one of the targets */
    const struct target *target; /* of a node without parent */
    char *name;                  /* in its parent */
    int wd;
    uint64_t id;
    bool marked; /* while nodes_sweep runs */
    bool all;    /* all names in it count; else those that are targets */
    bool self;   /* the file itself is watched, through a link */
};

/* The first half of a rename. */
struct half {
    uint32_t cookie;
    struct node *node;
    char *name;
    bool folder, fresh; /* fresh: it was made a moment ago */
    int64_t ms;
};

#define HALVES_MAX 256

struct notify {
    const struct job *job;
    struct events *events;
    int fd;
    struct node **nodes; /* also those whose watch has ended, until nodes_sweep */
    size_t node_count, node_room;
    uint64_t last_id;
    struct node **by_wd;
    size_t wd_room, watches;
    struct names names;
    struct node *file_nodes[TARGETS_MAX]; /* the folders of targets that are files */
    struct half halves[HALVES_MAX];
    size_t half_count;
    bool rescan; /* after an overflow: watched folders are gone over again */
};

/* The path of a name in a folder, or of the folder itself (NULL); malloc'ed. NULL: out of memory.
 */
char *node_path(const struct node *node, const char *name);

/* True if node is top or lies below it. */
bool node_is_within(const struct node *node, const struct node *top);

struct node *node_of_watch(const struct notify *notify, int wd);
struct node *node_child(const struct notify *notify, const struct node *parent, const char *name);

/* Watches all targets. 1: there is no inotify here. */
int32_t nodes_start(struct notify *notify);

/* Watches the folder name in parent and all below; report: what is in it is new. */
int32_t nodes_add_folder(struct notify *notify, struct node *parent, const char *name, bool report);

/* The folder was moved out of what is watched. */
void nodes_drop(struct notify *notify, const struct node *top);

void nodes_forget_watch(struct notify *notify, int wd);

/* Frees nodes that nothing needs any more, if there are many. Nobody may hold one now. */
void nodes_sweep(struct notify *notify);

void nodes_free(struct notify *notify);

#endif
