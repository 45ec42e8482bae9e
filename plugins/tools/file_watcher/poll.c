/* SPDX-License-Identifier: Apache-2.0
 * Watching without inotify: what is there is compared with what was there, ten times a second or as
 * often as that costs little. A file that comes and goes between two looks is not seen. */
#include <poll.h>

#include "file_watcher.h"

#define INTERVAL_MS 100
#define PAIRS_MAX 10000000u /* beyond, renames are shown as deleted and created */

struct poller {
    const struct job *job;
    struct events *events;
    struct scan old;
    int64_t next_ms, interval_ms;
};

int32_t poller_start(const struct job *job, struct events *events, struct poller **ret_poller)
{
    struct poller *poller = calloc(1, sizeof *poller);
    if (!poller)
        return no_memory(job);
    *poller = (struct poller){.job = job, .events = events, .interval_ms = INTERVAL_MS};
    int64_t start = now_ms();
    int32_t rc = scan_run(job, true, &poller->old);
    if (rc < 0) {
        poller_free(poller);
        return rc;
    }
    int64_t cost = (now_ms() - start) * 4;
    poller->interval_ms = cost > INTERVAL_MS ? cost : INTERVAL_MS;
    poller->next_ms = now_ms() + poller->interval_ms;
    *ret_poller = poller;
    return 0;
}

void poller_free(struct poller *poller)
{
    if (!poller)
        return;
    scan_clear(&poller->old);
    free(poller);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* A path that is there before and after. */
static bool compare_one(struct poller *poller, const struct entry *old, const struct entry *new)
{
    bool folder = S_ISDIR(new->st.st_mode);
    if (S_ISDIR(old->st.st_mode) != folder)
        return events_add(poller->events, DELETED, old->path, NULL, !folder) &&
               events_add(poller->events, CREATED, new->path, NULL, folder);
    if (!folder && (old->st.st_size != new->st.st_size || old->st.st_ino != new->st.st_ino ||
                    !same_time(&old->st.st_mtim, &new->st.st_mtim)))
        return events_add(poller->events, MODIFIED, new->path, NULL, false);
    if (old->st.st_mode != new->st.st_mode || old->st.st_uid != new->st.st_uid ||
        old->st.st_gid != new->st.st_gid)
        return events_add(poller->events, ATTRIBUTES, new->path, NULL, folder);
    return true;
}

/* What went and what came, by index into the scans. */
struct pairs {
    size_t *gone, *come;
    size_t gone_count, come_count;
};

static bool compare_scans(struct poller *poller, const struct scan *new, struct pairs *pairs)
{
    const struct scan *old = &poller->old;
    size_t i = 0, k = 0;
    while (i < old->count || k < new->count) {
        int order = i == old->count   ? 1
                    : k == new->count ? -1
                                      : strcmp(old->list[i].path, new->list[k].path);
        if (order < 0)
            pairs->gone[pairs->gone_count++] = i++;
        else if (order > 0)
            pairs->come[pairs->come_count++] = k++;
        else if (!compare_one(poller, &old->list[i++], &new->list[k++]))
            return false;
    }
    return true;
}

static int compare_paths(const void *key, const void *entry)
{
    return strcmp(key, ((const struct entry *)entry)->path);
}

/* The folder that holds the entry, if that is in the scan. */
static const struct entry *find_parent(const struct scan *scan, const char *path)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;
    if (!parent)
        return NULL;
    return bsearch(parent, scan->list, scan->count, sizeof *scan->list, compare_paths);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
           S_ISDIR(a->st_mode) == S_ISDIR(b->st_mode);
}

/* What lies in a folder that was renamed moved with it and is no event of its own. */
static bool moved_along(const struct poller *poller, const struct scan *new,
                        const struct entry *old_entry, const struct entry *new_entry)
{
    const struct entry *from = find_parent(&poller->old, old_entry->path);
    const struct entry *to = find_parent(new, new_entry->path);
    const char *old_name = strrchr(old_entry->path, '/'), *name = strrchr(new_entry->path, '/');
    return from && to && same_file(&from->st, &to->st) && strcmp(from->path, to->path) != 0 &&
           strcmp(old_name, name) == 0;
}

static const struct entry *find_moved(const struct poller *poller, struct pairs *pairs,
                                      const struct entry *new)
{
    if (pairs->gone_count * pairs->come_count > PAIRS_MAX)
        return NULL;
    for (size_t i = 0; i < pairs->gone_count; i++) {
        if (pairs->gone[i] == SIZE_MAX)
            continue;
        const struct entry *old = &poller->old.list[pairs->gone[i]];
        if (same_file(&old->st, &new->st)) {
            pairs->gone[i] = SIZE_MAX;
            return old;
        }
    }
    return NULL;
}

/* One inode under another name was renamed. */
static bool report_pairs(struct poller *poller, const struct scan *new, struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->come_count; i++) {
        const struct entry *entry = &new->list[pairs->come[i]];
        const struct entry *old = find_moved(poller, pairs, entry);
        if (old && moved_along(poller, new, old, entry))
            continue;
        if (!events_add(poller->events, old ? RENAMED : CREATED, entry->path,
                        old ? old->path : NULL, S_ISDIR(entry->st.st_mode)))
            return false;
    }
    for (size_t i = pairs->gone_count; i > 0; i--) { /* what lies in a folder goes before it */
        if (pairs->gone[i - 1] == SIZE_MAX)
            continue;
        const struct entry *entry = &poller->old.list[pairs->gone[i - 1]];
        if (!events_add(poller->events, DELETED, entry->path, NULL, S_ISDIR(entry->st.st_mode)))
            return false;
    }
    return true;
}

static int32_t look(struct poller *poller)
{
    CLEANUP_SCAN struct scan new = {0};
    int32_t rc = scan_run(poller->job, true, &new);
    if (rc < 0)
        return rc;
    struct pairs pairs = {.gone = malloc((poller->old.count + 1) * sizeof(size_t)),
                          .come = malloc((new.count + 1) * sizeof(size_t))};
    bool done = pairs.gone && pairs.come && compare_scans(poller, &new, &pairs) &&
                report_pairs(poller, &new, &pairs);
    free(pairs.gone);
    free(pairs.come);
    if (!done)
        return no_memory(poller->job);
    struct scan old = poller->old;
    poller->old = new;
    new = old;
    return 0;
}

int32_t poller_wait(struct poller *poller, int64_t ms)
{
    int64_t left = poller->next_ms - now_ms();
    if (left > 0)
        poll(NULL, 0, (int)(left < ms ? left : ms));
    if (now_ms() < poller->next_ms)
        return 0;
    int32_t rc = look(poller);
    poller->next_ms = now_ms() + poller->interval_ms;
    return rc;
}
