/* SPDX-License-Identifier: Apache-2.0
 * A file that appears whole. Everything happens relative to the folder's descriptor, which the
 * host's file service opened. */
#include "save_file.h"

#include <linux/fs.h>
#include <sys/random.h>

#define POINTER "/target_path"
#define CHUNK (1u << 20)

struct target {
    const char *path;
    int folder; /* O_PATH */
    char name[LLMSPELL_FS_NAME_MAX], draft[48];
};

static void target_clear(struct target *target)
{
    if (target->folder >= 0)
        close(target->folder);
}

static int32_t fail_errno(struct llmspell_call *call, const struct target *target, int error)
{
    if (error == EEXIST)
        return llmspell_fail_at(call, LLMSPELL_EFAILED, POINTER,
                                "%s exists already; say overwrite to replace it", target->path);
    int32_t code = error == EACCES || error == EPERM || error == EROFS ? LLMSPELL_EPERM
                   : error == ENOMEM                                   ? LLMSPELL_ENOMEM
                                                                       : LLMSPELL_EIO;
    return llmspell_fail_at(call, code, POINTER, "cannot write %s: %s", target->path,
                            strerror(error));
}

/* Opens the folder and looks whether the name may be taken. A link is not followed: it would be
 * replaced itself. */
static int32_t target_open(struct llmspell_call *call, const char *path, bool overwrite,
                           struct target *target)
{
    struct stat st;
    const struct llmspell_fs *fs = llmspell_fs_get(call);
    if (!fs)
        return LLMSPELL_EUNAVAILABLE;
    target->path = path;
    target->folder = fs->open_parent(call, path, 1, POINTER, target->name);
    if (target->folder < 0)
        return target->folder;
    if (path[strlen(path) - 1] == '/')
        return llmspell_fail_at(call, LLMSPELL_EINVAL, POINTER, "%s names a folder, not a file",
                                path);
    if (fstatat(target->folder, target->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : fail_errno(call, target, errno);
    if (S_ISDIR(st.st_mode) || !(S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, POINTER,
                                "%s is not a regular file; it cannot be written", path);
    return overwrite ? 0 : fail_errno(call, target, EEXIST);
}

int32_t save_file_check(struct llmspell_call *call, const char *path, bool overwrite)
{
    __attribute__((cleanup(target_clear))) struct target target = {.folder = -1};
    return target_open(call, path, overwrite, &target);
}

/* A new file under a random name: 64 bits, so that one try is enough. */
static int draft_open(struct target *target)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return -1;
    snprintf(target->draft, sizeof target->draft, ".llmspell-%016llx.tmp",
             (unsigned long long)random);
    return openat(target->folder, target->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

/* 0 or an errno; *ret_stop: the call was cancelled. */
static int write_all(struct llmspell_call *call, int fd, const char *data, size_t size,
                     int32_t *ret_stop)
{
    while (size > 0) {
        *ret_stop = llmspell_cancelled(call);
        if (*ret_stop < 0)
            return ECANCELED;
        ssize_t put = write(fd, data, size < CHUNK ? size : CHUNK);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        data += put;
        size -= (size_t)put;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

static int rename_draft(const struct target *target, bool overwrite)
{
    if (overwrite)
        return renameat(target->folder, target->draft, target->folder, target->name) ? errno : 0;
    if (renameat2(target->folder, target->draft, target->folder, target->name, RENAME_NOREPLACE) ==
        0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* A file system without that flag: a hard link never replaces either. */
    if (linkat(target->folder, target->draft, target->folder, target->name, 0) != 0)
        return errno;
    unlinkat(target->folder, target->draft, 0);
    return 0;
}

int32_t save_file(struct llmspell_call *call, const char *path, bool overwrite, const char *data,
                  size_t size)
{
    __attribute__((cleanup(target_clear))) struct target target = {.folder = -1};
    int32_t rc = target_open(call, path, overwrite, &target), stop = 0;
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_CLOSE int fd = draft_open(&target);
    if (fd < 0)
        return fail_errno(call, &target, errno);
    int error = write_all(call, fd, data, size, &stop);
    if (!error)
        error = rename_draft(&target, overwrite);
    if (!error)
        return 0;
    unlinkat(target.folder, target.draft, 0);
    return stop < 0 ? stop : fail_errno(call, &target, error);
}
