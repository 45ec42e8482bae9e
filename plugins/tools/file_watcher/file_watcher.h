/* SPDX-License-Identifier: Apache-2.0
 * What the files of file_watcher share: one call (struct job), the events of a watch, the walk over
 * what is watched, and the two ways to notice changes. */
#ifndef FILE_WATCHER_H
#define FILE_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include <llmspell/fs.h>

#include "../shared/glob.h"

#define TARGETS_MAX 100
#define DEPTH_MAX 100      /* folders within folders */
#define ENTRIES_MAX 200000 /* names that are watched, or in a snapshot */
#define WATCHES_MAX 8192
#define TRACE_MS 500 /* how long what was just made can turn out to be temporary */

/* ---- file_watcher.c ---- */

/* One of the parameter paths. */
struct target {
    const char *path;
    char pointer[32];
    bool folder, link;
    int fd; /* of the folder (-1 while inotify watches it); of the folder that holds the file */
    char name[LLMSPELL_FS_NAME_MAX];
};

struct job {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    struct target targets[TARGETS_MAX];
    size_t target_count;
    bool recursive;
    struct globs pattern; /* none: all names */
};

int32_t no_memory(const struct job *job);
bool job_wants(const struct job *job, const char *path, bool folder);
int64_t now_ms(void); /* monotonic */

/* ---- scan.c: all that is watched, at one moment ---- */

struct entry {
    char *path; /* as results show it */
    struct stat st;
};

struct scan {
    struct entry *list; /* by the byte order of the paths */
    size_t count, room;
};

/* Without the targets themselves where they are folders. A target that is gone is not there. */
int32_t scan_run(const struct job *job, bool folders, struct scan *ret_scan);
void scan_clear(struct scan *scan);
#define CLEANUP_SCAN __attribute__((cleanup(scan_clear)))

int32_t snapshot_run(const struct job *job, json_t **ret_result);
int32_t compare_run(const struct job *job, json_t **ret_result);

/* ---- events.c ---- */

enum event_type { CREATED, MODIFIED, DELETED, RENAMED, ATTRIBUTES };

struct event {
    enum event_type type;
    char *path, *from; /* from: of RENAMED */
    bool folder;
    bool backup; /* an editor's copy of the old version, which is likely to go */
    struct timespec time;
    int64_t first_ms, last_ms;
};

struct events {
    const struct job *job;
    struct event *list;
    size_t count, room, max;
    unsigned types; /* bits of those wanted */
    int64_t debounce_ms, last_ms;
    bool overflow;
};

/* Adds an event, merges it into one of the list, or drops it as not wanted; from only for RENAMED.
 * False: out of memory. */
bool events_add(struct events *events, enum event_type type, const char *path, const char *from,
                bool folder);

/* Takes the events of a path back that was only temporary. */
void events_forget(struct events *events, const char *path);

/* An editor has renamed path to something else and makes it anew: a backup was made, and path is
 * modified. False: that is not what happened. */
bool events_turn_into_backup(struct events *events, const char *path);

/* True if path is such a backup; then it is forgotten. */
bool events_drop_backup(struct events *events, const char *path);

json_t *events_value(const struct events *events); /* NULL if out of memory */
void events_clear(struct events *events);

/* ---- notify.c: inotify; poll.c: comparing scans, where there is no inotify ---- */

struct notify;
struct poller;

/* 1: this process has no inotify (a sandbox refuses it); use the poller. */
int32_t notify_start(const struct job *job, struct events *events, struct notify **ret_notify);
/* Waits for changes at most ms and adds them to the events. */
int32_t notify_wait(struct notify *notify, int64_t ms);
/* Halves of renames whose other half can no longer come become events. */
int32_t notify_flush(struct notify *notify);
void notify_free(struct notify *notify);

int32_t poller_start(const struct job *job, struct events *events, struct poller **ret_poller);
int32_t poller_wait(struct poller *poller, int64_t ms);
void poller_free(struct poller *poller);

/* ---- watch.c ---- */

int32_t watch_run(struct job *job, json_t **ret_result);

#endif
