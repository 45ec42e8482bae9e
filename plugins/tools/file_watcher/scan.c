/* SPDX-License-Identifier: Apache-2.0
 * What is there at one moment, with size, time and inode; snapshot and compare. */
#include <dirent.h>

#include "../shared/file_values.h"
#include "file_watcher.h"

struct scanner {
    const struct job *job;
    struct scan *scan;
    bool folders;
};

void scan_clear(struct scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        free(scan->list[i].path);
    free(scan->list);
    *scan = (struct scan){0};
}

static int32_t fail_size(const struct job *job, const char *pointer)
{
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, pointer,
                            "there are more than %d files and folders, or more than %d within each "
                            "other; watch a part of them",
                            ENTRIES_MAX, DEPTH_MAX);
}

/* Takes over path. */
static int32_t scan_add(const struct scanner *scanner, const char *pointer, char *path,
                        const struct stat *st)
{
    struct scan *scan = scanner->scan;
    int32_t rc = scan->count == ENTRIES_MAX ? fail_size(scanner->job, pointer) : 0;
    if (rc == 0 && scan->count == scan->room) {
        size_t room = scan->room ? scan->room * 2 : 64;
        struct entry *list = realloc(scan->list, room * sizeof *list);
        rc = list ? 0 : no_memory(scanner->job);
        if (list) {
            scan->list = list;
            scan->room = room;
        }
    }
    if (rc < 0) {
        free(path);
        return rc;
    }
    scan->list[scan->count++] = (struct entry){path, *st};
    return 0;
}

static int32_t scan_folder(const struct scanner *scanner, const struct target *target, int fd,
                           const char *path, unsigned depth);

/* A folder below another one. What is gone by now, or may not be read, is left out. */
static int32_t scan_below(const struct scanner *scanner, const struct target *target, int parent,
                          const char *name, const char *path, unsigned depth)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;
    return scan_folder(scanner, target, fd, path, depth + 1);
}

static int32_t scan_entry(const struct scanner *scanner, const struct target *target, int fd,
                          const char *folder, const char *name, unsigned depth)
{
    struct stat st;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    bool below = S_ISDIR(st.st_mode) && scanner->job->recursive;
    char *path = join_path(folder, name);
    if (!path)
        return no_memory(scanner->job);
    int32_t rc = below ? scan_below(scanner, target, fd, name, path, depth) : 0;
    if (rc == 0 && (scanner->folders || !S_ISDIR(st.st_mode)))
        return scan_add(scanner, target->pointer, path, &st);
    free(path);
    return rc;
}

static int32_t scan_folder(const struct scanner *scanner, const struct target *target, int fd,
                           const char *path, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return fail_size(scanner->job, target->pointer);
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = list < 0 ? NULL : fdopendir(list);
    if (!stream) {
        if (list >= 0)
            close(list);
        return 0;
    }
    int32_t rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir(stream))) {
        rc = llmspell_cancelled(scanner->job->call);
        if (rc == 0 && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = scan_entry(scanner, target, fd, path, entry->d_name, depth);
    }
    closedir(stream);
    return rc;
}

/* The file itself: of a link, what it leads to. */
static int32_t scan_file(const struct scanner *scanner, const struct target *target)
{
    struct stat st;
    if (fstatat(target->fd, target->name, &st, 0) != 0)
        return 0;
    char *path = strdup(target->path);
    return path ? scan_add(scanner, target->pointer, path, &st) : no_memory(scanner->job);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* Targets may overlap: each path counts once. */
static void scan_unique(struct scan *scan)
{
    size_t kept = 0;
    for (size_t i = 0; i < scan->count; i++) {
        if (kept > 0 && strcmp(scan->list[kept - 1].path, scan->list[i].path) == 0)
            free(scan->list[i].path);
        else
            scan->list[kept++] = scan->list[i];
    }
    scan->count = kept;
}

int32_t scan_run(const struct job *job, bool folders, struct scan *ret_scan)
{
    struct scanner scanner = {.job = job, .scan = ret_scan, .folders = folders};
    int32_t rc = 0;
    for (size_t i = 0; i < job->target_count && rc == 0; i++) {
        const struct target *target = &job->targets[i];
        rc = target->folder ? scan_folder(&scanner, target, target->fd, target->path, 0)
                            : scan_file(&scanner, target);
    }
    if (ret_scan->count)
        qsort(ret_scan->list, ret_scan->count, sizeof *ret_scan->list, compare_entries);
    scan_unique(ret_scan);
    return rc;
}

/* ---- snapshots ---- */

static json_int_t mtime_ns(const struct stat *st)
{
    return (json_int_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* The path as a key of JSON. malloc'ed. */
static char *path_key(const char *path)
{
    LLMSPELL_CLEANUP_JSON json_t *text = clean_text(path, strlen(path), false);
    return text ? strdup(json_string_value(text)) : NULL;
}

static bool add_snapshot(json_t *snapshot, const struct entry *entry)
{
    LLMSPELL_CLEANUP_FREE char *key = path_key(entry->path);
    return key &&
           json_object_set_new(snapshot, key,
                               json_pack("{s:I, s:I, s:I}", "size", (json_int_t)entry->st.st_size,
                                         "mtime_ns", mtime_ns(&entry->st), "inode",
                                         (json_int_t)entry->st.st_ino)) == 0;
}

int32_t snapshot_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_SCAN struct scan scan = {0};
    LLMSPELL_CLEANUP_JSON json_t *snapshot = json_object();
    int32_t rc = snapshot ? scan_run(job, false, &scan) : no_memory(job);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < scan.count; i++)
        if (job_wants(job, scan.list[i].path, false) && !add_snapshot(snapshot, &scan.list[i]))
            return no_memory(job);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:O, s:I}", "snapshot", snapshot, "files",
                                     (json_int_t)json_object_size(snapshot)));
}

/* A client may have turned large integers into doubles, and write them as integers again (what
 * JavaScript does): then they are compared as such. */
static bool same_number(const json_t *value, json_int_t number)
{
    const json_int_t exact = (json_int_t)1 << 53;
    if (json_is_integer(value) && number >= -exact && number <= exact)
        return json_integer_value(value) == number;
    return !value || (json_is_number(value) && json_number_value(value) == (double)number);
}

static bool same_entry(const json_t *old, const struct stat *st)
{
    return same_number(json_object_get(old, "size"), (json_int_t)st->st_size) &&
           same_number(json_object_get(old, "mtime_ns"), mtime_ns(st)) &&
           same_number(json_object_get(old, "inode"), (json_int_t)st->st_ino);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys of the old snapshot that are not in `seen`, sorted. */
static bool add_deleted(const struct job *job, json_t *old, const json_t *seen, json_t *deleted)
{
    LLMSPELL_CLEANUP_FREE const char **keys = malloc((json_object_size(old) + 1) * sizeof *keys);
    size_t count = 0;
    const char *key;
    json_t *value;
    if (!keys)
        return false;
    json_object_foreach(old, key, value) if (!json_object_get(seen, key) &&
                                             job_wants(job, key, false)) keys[count++] = key;
    qsort(keys, count, sizeof *keys, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(deleted, json_string(keys[i])) != 0)
            return false;
    return true;
}

/* Puts one file that is there now into its list, and into seen. */
static bool compare_entry(const struct entry *entry, const json_t *old, json_t *created,
                          json_t *modified, json_t *seen)
{
    LLMSPELL_CLEANUP_FREE char *key = path_key(entry->path);
    if (!key || json_object_set_new(seen, key, json_true()) != 0)
        return false;
    const json_t *before = json_object_get(old, key);
    if (before && same_entry(before, &entry->st))
        return true;
    return json_array_append_new(before ? modified : created, json_string(key)) == 0;
}

int32_t compare_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_SCAN struct scan scan = {0};
    json_t *old = json_object_get(job->params, "snapshot");
    LLMSPELL_CLEANUP_JSON json_t *seen = json_object();
    LLMSPELL_CLEANUP_JSON json_t *created = json_array();
    LLMSPELL_CLEANUP_JSON json_t *modified = json_array();
    LLMSPELL_CLEANUP_JSON json_t *deleted = json_array();
    int32_t rc =
        seen && created && modified && deleted ? scan_run(job, false, &scan) : no_memory(job);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < scan.count; i++)
        if (job_wants(job, scan.list[i].path, false) &&
            !compare_entry(&scan.list[i], old, created, modified, seen))
            return no_memory(job);
    if (!add_deleted(job, old, seen, deleted))
        return no_memory(job);
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:O, s:O, s:O}", "created", created, "modified", modified, "deleted", deleted));
}
