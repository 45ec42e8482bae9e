/* SPDX-License-Identifier: Apache-2.0
 * Which files go into an archive, and what they are called there. Links that are named are
 * followed; links in folders are kept as links. */
#include <dirent.h>

#include "archive_handler.h"

#define DEPTH_MAX 100
#define LINK_MAX 4096

struct gather {
    const struct job *job;
    const struct stat *archive; /* the file that is made, which is no part of itself; or NULL */
    struct members *members;
    size_t index; /* of the parameter files */
    char pointer[32];
    uint64_t total;
};

static void member_clear(struct member *member)
{
    free(member->name);
    free(member->source);
    free(member->target);
}

void members_clear(struct members *members)
{
    for (size_t i = 0; i < members->count; i++)
        member_clear(&members->list[i]);
    free(members->list);
    *members = (struct members){0};
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

void members_sort(struct members *members)
{
    if (members->count)
        qsort(members->list, members->count, sizeof *members->list, compare_members);
}

const struct member *members_find(const struct members *members, const char *name)
{
    struct member key = {.name = (char *)(uintptr_t)name};
    if (!members->count)
        return NULL;
    return bsearch(&key, members->list, members->count, sizeof key, compare_members);
}

/* ---- paths ---- */

/* Without ".", doubled slashes, and ".." behind a name. malloc'ed. */
static char *tidy(const char *path)
{
    char *text = malloc(strlen(path) + 2);
    bool absolute = *path == '/';
    if (!text)
        return NULL;
    size_t start = absolute, at = start;
    text[0] = '/';
    while (*path) {
        size_t size = strcspn(path, "/");
        bool parent = size == 2 && memcmp(path, "..", 2) == 0;
        size_t last = at;
        while (last > start && text[last - 1] != '/')
            last--;
        bool climbed = at - last == 2 && memcmp(text + last, "..", 2) == 0;
        if (parent && at > start && !climbed) {
            at = last > start ? last - 1 : start;
        } else if (size > 0 && !(size == 1 && *path == '.') && !(parent && absolute)) {
            if (at > start)
                text[at++] = '/';
            memcpy(text + at, path, size);
            at += size;
        }
        path += size;
        path += *path == '/';
    }
    text[at] = '\0';
    return text;
}

/* path as an absolute one, tidied. malloc'ed. */
static char *absolute_path(const char *path)
{
    LLMSPELL_CLEANUP_FREE char *folder = *path == '/' ? NULL : getcwd(NULL, 0);
    LLMSPELL_CLEANUP_FREE char *full = folder ? join_path(folder, path) : strdup(path);
    return full ? tidy(full) : NULL;
}

/* What is left of path below base (both tidy); NULL: it is not there. */
static const char *below(const char *path, const char *base)
{
    size_t size = strlen(base);
    if (size == 0)
        return *path == '/' ? NULL : path;
    if (strncmp(path, base, size) != 0)
        return NULL;
    if (size == 1 && *base == '/')
        return path + 1;
    return path[size] == '/' ? path + size + 1 : !path[size] ? path + size : NULL;
}

/* A file lies below base by its path; or its path starts there, as with tar -C. */
static int32_t locate(const struct gather *gather, const char *path, char **ret_source,
                      char **ret_name)
{
    const char *base = llmspell_string(gather->job->params, "base");
    bool absolute = *path == '/' || *base == '/' || strncmp(path, "..", 2) == 0;
    LLMSPELL_CLEANUP_FREE char *tidy_base = absolute ? absolute_path(base) : tidy(base);
    LLMSPELL_CLEANUP_FREE char *tidy_path = absolute ? absolute_path(path) : tidy(path);
    if (!tidy_base || !tidy_path)
        return no_memory(gather->job);
    const char *name = below(tidy_path, tidy_base);
    if (!name && *path != '/') {
        free(tidy_path);
        tidy_path = tidy(path);
        name = tidy_path;
        *ret_source = join_path(base, path);
    } else {
        *ret_source = strdup(path);
    }
    *ret_name = strdup(name ? name : tidy_path + strspn(tidy_path, "/"));
    return *ret_source && *ret_name ? 0 : no_memory(gather->job);
}

/* ---- members ---- */

static int32_t fail_limit(const struct gather *gather, const char *what)
{
    return llmspell_fail_at(gather->job->call, LLMSPELL_ELIMIT, "/files",
                            "the files are more than %s", what);
}

/* Takes over target. */
static int32_t add(struct gather *gather, const char *source, const char *name,
                   const struct stat *st, char *target)
{
    struct members *members = gather->members;
    const struct job *job = gather->job;
    struct member new = {strdup(name), strdup(source), target, *st, gather->index};
    int32_t rc = new.name &&new.source ? 0 : no_memory(job);
    gather->total += S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
    if (rc == 0 && members->count == job->max_files)
        rc = fail_limit(gather, "max_files");
    if (rc == 0 && gather->total > job->max_total)
        rc = fail_limit(gather, "max_total bytes");
    if (rc == 0 && members->count == members->room) {
        size_t room = members->room ? members->room * 2 : 64;
        struct member *list = realloc(members->list, room * sizeof *list);
        rc = list ? 0 : no_memory(job);
        members->list = list ? list : members->list;
        members->room = list ? room : members->room;
    }
    if (rc == 0)
        members->list[members->count++] = new;
    else
        member_clear(&new);
    return rc;
}

static bool is_archive(const struct gather *gather, const struct stat *st)
{
    return gather->archive && gather->archive->st_ino == st->st_ino &&
           gather->archive->st_dev == st->st_dev;
}

static int32_t add_link(struct gather *gather, int folder, const char *entry, const char *source,
                        const char *name, const struct stat *st)
{
    char target[LINK_MAX + 1];
    ssize_t size = readlinkat(folder, entry, target, LINK_MAX);
    if (size < 0)
        return 0; /* gone */
    char *copy = strndup(target, (size_t)size);
    return copy ? add(gather, source, name, st, copy) : no_memory(gather->job);
}

static int32_t gather_folder(struct gather *gather, int fd, const char *source, const char *name,
                             unsigned depth);

static int32_t gather_below(struct gather *gather, int folder, const char *entry,
                            const char *source, const char *name, unsigned depth)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(folder, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return llmspell_fail_at(gather->job->call, LLMSPELL_EIO, gather->pointer,
                                "cannot read the folder %.300s: %s", source, strerror(errno));
    return gather_folder(gather, fd, source, name, depth + 1);
}

/* FIFOs, sockets and devices in folders are left out: no archive could give them back. */
static int32_t gather_entry(struct gather *gather, int folder, const char *entry,
                            const char *source, const char *name, unsigned depth)
{
    struct stat st;
    const struct job *job = gather->job;
    LLMSPELL_CLEANUP_FREE char *full = join_path(source, entry);
    LLMSPELL_CLEANUP_FREE char *inner = join_path(name, entry);
    if (!full || !inner)
        return no_memory(job);
    if (fstatat(folder, entry, &st, AT_SYMLINK_NOFOLLOW) != 0 || is_archive(gather, &st))
        return 0;
    bool is_folder = S_ISDIR(st.st_mode);
    if (job_excludes(job, inner, is_folder))
        return 0;
    bool wanted = job_selects(job, inner, is_folder);
    if (S_ISLNK(st.st_mode))
        return wanted ? add_link(gather, folder, entry, full, inner, &st) : 0;
    if (!is_folder && !S_ISREG(st.st_mode))
        return 0;
    int32_t rc = wanted ? add(gather, full, inner, &st, NULL) : 0;
    return rc == 0 && is_folder ? gather_below(gather, folder, entry, full, inner, depth) : rc;
}

static int32_t gather_folder(struct gather *gather, int fd, const char *source, const char *name,
                             unsigned depth)
{
    const struct dirent *entry;
    if (depth > DEPTH_MAX)
        return fail_limit(gather, "100 folders within each other");
    int list = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = list < 0 ? NULL : fdopendir(list);
    if (!stream) {
        int error = errno;
        if (list >= 0)
            close(list);
        return llmspell_fail_at(gather->job->call, LLMSPELL_EIO, gather->pointer,
                                "cannot read the folder %.300s: %s", source, strerror(error));
    }
    int32_t rc = 0;
    while (rc == 0 && (entry = readdir(stream))) {
        rc = llmspell_cancelled(gather->job->call);
        if (rc == 0 && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = gather_entry(gather, fd, entry->d_name, source, name, depth);
    }
    closedir(stream);
    return rc;
}

/* ---- the parameter files ---- */

static int32_t gather_open(struct gather *gather, int fd, const char *source, const char *name)
{
    struct stat st;
    struct llmspell_call *call = gather->job->call;
    if (fstat(fd, &st) != 0)
        return llmspell_fail_at(call, LLMSPELL_EIO, gather->pointer, "cannot look at %.300s: %s",
                                source, strerror(errno));
    bool folder = S_ISDIR(st.st_mode);
    if ((!folder && !S_ISREG(st.st_mode)) || is_archive(gather, &st))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, gather->pointer,
                                "%.300s is the archive itself, or neither a file nor a folder",
                                source);
    if (strncmp(name, "..", 2) == 0 && (name[2] == '/' || !name[2]))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, gather->pointer,
                                "%.300s lies outside of base", source);
    int32_t rc = 0;
    if (*name && job_excludes(gather->job, name, folder))
        return 0;
    if (*name && job_selects(gather->job, name, folder))
        rc = add(gather, source, name, &st, NULL);
    return rc == 0 && folder ? gather_folder(gather, fd, source, name, 0) : rc;
}

static int32_t gather_file(struct gather *gather, const json_t *value)
{
    const struct job *job = gather->job;
    const char *path = json_string_value(value);
    LLMSPELL_CLEANUP_FREE char *source = NULL;
    LLMSPELL_CLEANUP_FREE char *name = NULL;
    if (strlen(path) != json_string_length(value))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, gather->pointer,
                                "the path holds a NUL character; file names cannot");
    int32_t rc = locate(gather, path, &source, &name);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_CLOSE int fd =
        job->fs->open(job->call, source, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, gather->pointer);
    return fd < 0 ? fd : gather_open(gather, fd, source, name);
}

/* A file that is named twice counts once; two files of one name are a mistake. */
static int32_t drop_doubles(const struct job *job, struct members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++) {
        struct member *last = kept > 0 ? &members->list[kept - 1] : NULL;
        struct member *member = &members->list[i];
        if (!last || strcmp(last->name, member->name) != 0) {
            struct member moved = *member;
            *member = (struct member){0};
            members->list[kept++] = moved;
            continue;
        }
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/files/%zu", member->index);
        if (last->st.st_ino != member->st.st_ino || last->st.st_dev != member->st.st_dev)
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, pointer,
                                    "two files would be called %.300s in the archive", last->name);
        member_clear(member);
        *member = (struct member){0};
    }
    members->count = kept;
    return 0;
}

int32_t members_gather(const struct job *job, const struct stat *archive, struct members *ret)
{
    struct gather gather = {.job = job, .archive = archive, .members = ret};
    const json_t *files = json_object_get(job->params, "files");
    int32_t rc = 0;
    for (size_t i = 0; i < json_array_size(files) && rc == 0; i++) {
        gather.index = i;
        snprintf(gather.pointer, sizeof gather.pointer, "/files/%zu", i);
        rc = gather_file(&gather, json_array_get(files, i));
    }
    if (rc < 0)
        return rc;
    members_sort(ret);
    return drop_doubles(job, ret);
}
