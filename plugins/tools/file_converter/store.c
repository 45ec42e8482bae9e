/* SPDX-License-Identifier: Apache-2.0
 * Writing what was converted: whole, under a temporary name beside the target, then renamed. Links
 * are followed as far as the roots reach, so that they stay links. */
#include "file_converter.h"

#include <limits.h>
#include <sys/random.h>

#define LINKS_MAX 40
#define BACKUP ".backup"

/* A name in a folder, and what is there. */
struct place {
    int parent; /* O_PATH; -1 before */
    bool exists;
    char name[LLMSPELL_FS_NAME_MAX];
    struct stat st;
};

static void place_clear(struct place *place)
{
    if (place->parent >= 0)
        close(place->parent);
    place->parent = -1;
}

#define CLEANUP_PLACE __attribute__((cleanup(place_clear)))

static int32_t fail_errno(const struct job *job, const char *pointer, const char *step, int error)
{
    char text[128];
    int32_t code = error == ENOENT                                              ? LLMSPELL_ENOTFOUND
                   : error == ENAMETOOLONG || error == EISDIR || error == ELOOP ? LLMSPELL_EINVAL
                   : error == EEXIST                                            ? LLMSPELL_EFAILED
                                                                                : LLMSPELL_EIO;
    return llmspell_fail_at(job->call, code, pointer, "cannot %s: %s", step,
                            strerror_r(error, text, sizeof text));
}

static int32_t place_find(const struct job *job, const char *path, const char *pointer,
                          struct place *place)
{
    place_clear(place);
    place->parent = job->fs->open_parent(job->call, path, 1, pointer, place->name);
    if (place->parent < 0)
        return place->parent;
    place->exists = fstatat(place->parent, place->name, &place->st, AT_SYMLINK_NOFOLLOW) == 0;
    if (place->exists || errno == ENOENT)
        return 0;
    return fail_errno(job, pointer, "look at the target", errno);
}

/* Replaces the last name of text (a path to a link) by what the link says. 0 or an errno. */
static int follow_text(const struct place *place, char text[PATH_MAX])
{
    char target[PATH_MAX];
    ssize_t got = readlinkat(place->parent, place->name, target, sizeof target);
    if (got < 0)
        return errno;
    char *slash = strrchr(text, '/');
    size_t keep = target[0] == '/' || !slash ? 0 : (size_t)(slash - text) + 1;
    if (keep + (size_t)got >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(text + keep, target, (size_t)got);
    text[keep + (size_t)got] = '\0';
    return 0;
}

/* What a link says is no business of the caller's: the message names the path that was given. */
static int32_t fail_link(const struct job *job, const char *path, const char *pointer, int32_t code)
{
    return llmspell_fail_at(job->call, code, pointer,
                            "%.200s is a link that cannot be followed: it leads %s", path,
                            code == LLMSPELL_EPERM ? "outside the folders that tools may use"
                                                   : "to no place for a file");
}

/* "x/", "x/." and "x/.." can only name folders. */
static bool names_folder(const char *path)
{
    const char *last = strrchr(path, '/');
    last = last ? last + 1 : path;
    return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

/* The place that a write to path reaches; a regular file or nothing is there. */
static int32_t place_follow(const struct job *job, const char *path, const char *pointer,
                            struct place *place)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", path); /* the file service refuses longer ones */
    for (int i = 0; i <= LINKS_MAX; i++) {
        int32_t rc = place_find(job, text, pointer, place);
        if (rc < 0)
            return i ? fail_link(job, path, pointer, rc) : rc;
        bool folder = names_folder(text);
        if (!folder && (!place->exists || S_ISREG(place->st.st_mode)))
            return 0;
        if (folder || !S_ISLNK(place->st.st_mode))
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, pointer,
                                    folder ? "%.200s names a folder, not a file"
                                           : "%.200s is not a regular file; it cannot be written",
                                    path);
        int error = follow_text(place, text);
        if (error)
            return fail_errno(job, pointer, "follow the link", error);
    }
    return fail_link(job, path, pointer, LLMSPELL_EINVAL);
}

/* ---- a file under a temporary name ---- */

struct draft {
    int parent, fd; /* parent is borrowed */
    char name[48];  /* "" if there is nothing to remove */
};

static void draft_discard(struct draft *draft)
{
    if (draft->fd >= 0)
        close(draft->fd);
    if (draft->name[0])
        unlinkat(draft->parent, draft->name, 0);
    draft->fd = -1;
    draft->name[0] = '\0';
}

#define CLEANUP_DRAFT __attribute__((cleanup(draft_discard)))

static int draft_open(struct draft *draft, int parent, mode_t mode)
{
    uint64_t number = 0;
    ssize_t got;
    do
        got = getrandom(&number, sizeof number, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof number)
        return errno;
    draft->parent = parent;
    snprintf(draft->name, sizeof draft->name, ".llmspell-%016llx.tmp", (unsigned long long)number);
    draft->fd =
        openat(parent, draft->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (draft->fd >= 0)
        return 0;
    int error = errno;
    draft->name[0] = '\0';
    return error;
}

static int32_t write_all(const struct job *job, int fd, const char *data, size_t size)
{
    while (size > 0) {
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        ssize_t put = write(fd, data, size < CHUNK ? size : CHUNK);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(job, NULL, "write", errno);
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Owner and permissions of the file that this one stands for. An errno. */
static int copy_attributes(int fd, const struct stat *from, bool times)
{
    mode_t mode = from->st_mode & 07777;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if ((st.st_uid != from->st_uid || st.st_gid != from->st_gid) &&
        fchown(fd, from->st_uid, from->st_gid) != 0)
        mode &= 0777; /* a set-id bit was meant for the other owner */
    if (fchmod(fd, mode) != 0)
        return errno;
    const struct timespec stamps[2] = {from->st_atim, from->st_mtim};
    return times && futimens(fd, stamps) != 0 ? errno : 0;
}

/* Fills a draft in parent with data; from: the file whose attributes it gets, or NULL. */
static int32_t draft_fill(const struct job *job, struct draft *draft, int parent,
                          const struct stat *from, bool times, const char *data, size_t size,
                          const char *pointer)
{
    int error = draft_open(draft, parent, from ? 0600 : 0644);
    if (error)
        return fail_errno(job, pointer, "make a temporary file beside the target", error);
    int32_t rc = write_all(job, draft->fd, data, size);
    if (rc < 0)
        return rc;
    error = from ? copy_attributes(draft->fd, from, times) : 0;
    if (!error && fsync(draft->fd) != 0)
        error = errno;
    return error ? fail_errno(job, pointer, "write", error) : 0;
}

/* Gives the draft its name; replace: what has the name now goes. */
static int32_t draft_commit(const struct job *job, struct draft *draft, const char *name,
                            bool replace, const char *pointer)
{
    int done = replace
                   ? renameat(draft->parent, draft->name, draft->parent, name)
                   : renameat2(draft->parent, draft->name, draft->parent, name, RENAME_NOREPLACE);
    if (done != 0 && !replace && (errno == EINVAL || errno == ENOSYS))
        done = renameat(draft->parent, draft->name, draft->parent, name);
    if (done != 0)
        return fail_errno(job, pointer, "give the new file its name", errno);
    draft->name[0] = '\0';
    int folder = openat(draft->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder); /* the data is safe already: no error if that fails */
        close(folder);
    }
    return 0;
}

/* ---- the two ways ---- */

/* Puts the bytes that were read under the name of the file with ".backup". */
static int32_t make_backup(const struct job *job, const struct stat *old, char **ret_backup)
{
    CLEANUP_PLACE struct place place = {.parent = -1};
    CLEANUP_DRAFT struct draft draft = {.fd = -1};
    LLMSPELL_CLEANUP_FREE char *backup = NULL;
    if (asprintf(&backup, "%s" BACKUP, job->path) < 0)
        return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = place_find(job, backup, "/path", &place);
    if (rc < 0)
        return rc;
    if (place.exists && !S_ISREG(place.st.st_mode))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%.200s is in the way of the backup and no regular file", backup);
    rc = draft_fill(job, &draft, place.parent, old, true, job->data, job->size, "/path");
    if (rc == 0)
        rc = draft_commit(job, &draft, place.name, true, "/path");
    if (rc < 0)
        return rc;
    *ret_backup = backup;
    backup = NULL;
    return 0;
}

/* A rename would replace a file that its owner protected: ask the kernel first. */
static int32_t check_writable(const struct job *job, const struct place *place)
{
    int fd = openat(place->parent, place->name,
                    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ETXTBSY ? 0 : fail_errno(job, "/path", "write", errno);
    close(fd);
    return 0;
}

static int32_t replace_file(const struct job *job, const char *data, size_t size, char **ret_backup)
{
    CLEANUP_PLACE struct place place = {.parent = -1};
    CLEANUP_DRAFT struct draft draft = {.fd = -1};
    int32_t rc = place_follow(job, job->path, "/path", &place);
    if (rc == 0 && !place.exists)
        rc = fail_errno(job, "/path", "find the file again", ENOENT);
    if (rc == 0)
        rc = check_writable(job, &place);
    if (rc < 0 || llmspell_bool(job->params, "dry_run", 0))
        return rc;
    rc = draft_fill(job, &draft, place.parent, &place.st, false, data, size, "/path");
    if (rc == 0 && llmspell_bool(job->params, "backup", 1))
        rc = make_backup(job, &place.st, ret_backup);
    return rc < 0 ? rc : draft_commit(job, &draft, place.name, true, "/path");
}

static int32_t write_target(const struct job *job, const char *target, const char *data,
                            size_t size)
{
    CLEANUP_PLACE struct place place = {.parent = -1};
    CLEANUP_DRAFT struct draft draft = {.fd = -1};
    bool overwrite = llmspell_bool(job->params, "overwrite", 0);
    int32_t rc = place_follow(job, target, "/target_path", &place);
    if (rc < 0)
        return rc;
    if (place.exists && !overwrite)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/target_path",
                                "%.200s exists already; say overwrite to replace it", target);
    if (llmspell_bool(job->params, "dry_run", 0))
        return 0;
    rc = draft_fill(job, &draft, place.parent, place.exists ? &place.st : NULL, false, data, size,
                    "/target_path");
    return rc < 0 ? rc : draft_commit(job, &draft, place.name, overwrite, "/target_path");
}

int32_t store(const struct job *job, bool changed, const char *data, size_t size, char **ret_backup)
{
    const char *target = llmspell_string(job->params, "target_path");
    if (target)
        return write_target(job, target, data, size);
    return changed ? replace_file(job, data, size, ret_backup) : 0;
}
