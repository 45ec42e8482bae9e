/* SPDX-License-Identifier: Apache-2.0
 * Walking a folder's tree by descriptors: no path is looked up twice, no link is followed, depth
 * costs neither stack nor descriptors. Used by delete, copy, move, list_dir, hash_tree, disk_usage.
 */
#ifndef FILE_OPERATIONS_TREE_H
#define FILE_OPERATIONS_TREE_H

#include "file_operations.h"

#define ENTRIES_MAX 10000u /* a recursive call sees at most so many */
#define NAMES_MAX 1000000u /* names that one folder may have at all */

/* ---- a way down, of which only the lowest folders are held open ---- */

struct ways {
    struct way {
        int fd; /* -1: closed for now; found again by ".." and checked by identity */
        dev_t device;
        ino_t inode;
    } * list;
    size_t count, room;
};

/* All: 0 or a positive errno. push takes over fd, also when it fails. */
int ways_push(struct ways *ways, int fd);
int ways_pop(struct ways *ways);
int ways_top(const struct ways *ways); /* the descriptor of the lowest folder */
void ways_clear(struct ways *ways);

/* ---- names of a folder, in byte order ---- */

struct names {
    char **list;
    size_t count;
};

/* 0 or a positive errno; E2BIG: more than max. */
int names_read(int folder, size_t max, struct names *ret_names);
void names_clear(struct names *names);

/* ---- the walk ---- */

enum tree_event {
    TREE_ENTRY, /* anything but a folder */
    TREE_ENTER, /* a folder, before what is in it; the visitor may answer TREE_SKIP */
    TREE_LEAVE  /* the same folder, after it */
};

#define TREE_SKIP 1

struct tree_entry {
    int folder; /* that holds the entry */
    const char *name;
    const char *path;      /* below the folder that is walked: "sub/x.txt" */
    const struct stat *st; /* lstat */
};

struct tree {
    const struct job *job; /* NULL: no cancellation and no errors are set (cleaning up) */
    const char *pointer;   /* to blame */
    const char *shown;     /* the top, for messages */
    size_t max;            /* entries */
    int32_t (*visit)(struct tree *tree, enum tree_event event, const struct tree_entry *entry);
    bool exceeded; /* out: there are more than max */
    size_t seen;   /* out: entries visited */
};

/* Visits all that lies below folder, in byte order of the names, folders when they are met. Ends at
 * the first negative answer of the visitor and returns it; else 0 or an error that is set. */
int32_t tree_walk(struct tree *tree, int folder);

/* Sets the error for errno of a step on an entry. */
int32_t tree_fail(const struct tree *tree, const char *step, const char *path, int error);

/* Opens the folder name in folder and proves that it is the one that st tells of. fd or -errno. */
int tree_open_folder(int folder, const char *name, const struct stat *st);

/* delete.c: removes the folder name and all in it, whatever its size, as far as it can. */
void tree_remove_quietly(int parent, const char *name);

/* delete.c: the same with errors and cancellation; name has the status st. Adds to *removed. */
int32_t tree_remove(const struct job *job, int parent, const char *name, const struct stat *st,
                    uint64_t *removed);

/* measure.c: what a tree holds; plain: only folders, files and links are allowed. */
struct tree_size {
    uint64_t bytes, files, folders; /* files: everything but folders; without the top */
};
int32_t tree_measure(const struct job *job, int folder, const char *pointer, bool plain,
                     struct tree_size *ret_size);

#endif
