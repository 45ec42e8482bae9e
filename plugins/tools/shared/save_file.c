/* SPDX-License-Identifier: Apache-2.0
 * A file that appears whole. Everything happens relative to the folder's descriptor, which the
 * host's file service opened. */
#include "save_file.h"

#include <limits.h>
#include <linux/fs.h>
#include <sys/random.h>

#define CHUNK (1u << 20)
#define LINKS_MAX 40

int32_t save_fail(const struct save *save, int error)
{
    if (error == EEXIST)
        return llmspell_fail_at(save->call, LLMSPELL_EFAILED, save->pointer,
                                "%s exists already; say overwrite to replace it", save->path);
    int32_t code = error == EACCES || error == EPERM || error == EROFS ? LLMSPELL_EPERM
                   : error == ENOMEM                                   ? LLMSPELL_ENOMEM
                                                                       : LLMSPELL_EIO;
    return llmspell_fail_at(save->call, code, save->pointer, "cannot write %s: %s", save->path,
                            strerror(error));
}

/* Replaces the last name of text (a path to a link) by what the link says. 0 or an errno. */
static int follow_text(const struct save *save, char text[PATH_MAX])
{
    char said[PATH_MAX];
    ssize_t got = readlinkat(save->folder, save->name, said, sizeof said);
    if (got < 0)
        return errno;
    char *slash = strrchr(text, '/');
    size_t keep = said[0] == '/' || !slash ? 0 : (size_t)(slash - text) + 1;
    if (keep + (size_t)got >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(text + keep, said, (size_t)got);
    text[keep + (size_t)got] = '\0';
    return 0;
}

/* What a link says is no business of the caller's: the message names the path that was given. */
static int32_t fail_link(const struct save *save, int32_t code)
{
    return llmspell_fail_at(save->call, code, save->pointer,
                            "%s is a link that cannot be followed: it leads %s", save->path,
                            code == LLMSPELL_EPERM ? "outside the folders that tools may use"
                                                   : "to no place for a file");
}

/* Opens the folder that holds what a write to the path reaches; links are followed as far as the
 * roots reach. ret_mode: its kind, 0 if nothing is there. */
static int32_t follow(struct save *save, const struct llmspell_fs *fs, mode_t *ret_mode)
{
    char text[PATH_MAX];
    snprintf(text, sizeof text, "%s", save->path);
    for (int links = 0; links <= LINKS_MAX; links++) {
        struct stat st = {0};
        if (save->folder >= 0)
            close(save->folder);
        save->folder =
            fs->open_parent(save->call, links ? text : save->path, 1, save->pointer, save->name);
        if (save->folder < 0)
            return links ? fail_link(save, save->folder) : save->folder;
        if (fstatat(save->folder, save->name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
            return save_fail(save, errno);
        *ret_mode = st.st_mode;
        if (!S_ISLNK(st.st_mode))
            return 0;
        int error = follow_text(save, text);
        if (error)
            return save_fail(save, error);
    }
    return fail_link(save, LLMSPELL_EINVAL);
}

/* Opens the folder and looks whether the name may be taken. */
static int32_t open_folder(struct save *save)
{
    mode_t mode = 0;
    const char *path = save->path;
    const struct llmspell_fs *fs = llmspell_fs_get(save->call);
    if (!fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = follow(save, fs, &mode);
    if (rc < 0)
        return rc;
    if (path[strlen(path) - 1] == '/')
        return llmspell_fail_at(save->call, LLMSPELL_EINVAL, save->pointer,
                                "%s names a folder, not a file", path);
    if (mode == 0)
        return 0;
    if (!S_ISREG(mode))
        return llmspell_fail_at(save->call, LLMSPELL_EINVAL, save->pointer,
                                "%s is not a regular file; it cannot be written", path);
    return save->overwrite ? 0 : save_fail(save, EEXIST);
}

void save_end(struct save *save)
{
    if (save->fd >= 0) {
        close(save->fd);
        unlinkat(save->folder, save->draft, 0);
    }
    if (save->folder >= 0)
        close(save->folder);
    save->fd = save->folder = -1;
}

int32_t save_file_check(struct llmspell_call *call, const char *path, bool overwrite)
{
    __attribute__((cleanup(save_end))) struct save save = {.call = call,
                                                           .path = path,
                                                           .pointer = "/target_path",
                                                           .overwrite = overwrite,
                                                           .folder = -1,
                                                           .fd = -1};
    return open_folder(&save);
}

/* A new file under a random name: 64 bits, so that one try is enough. */
int32_t save_start(struct save *save, struct llmspell_call *call, const char *path,
                   const char *pointer, bool overwrite)
{
    *save = (struct save){.call = call,
                          .path = path,
                          .pointer = pointer,
                          .overwrite = overwrite,
                          .folder = -1,
                          .fd = -1};
    int32_t rc = open_folder(save);
    uint64_t random = 0;
    if (rc < 0)
        return rc;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return save_fail(save, errno);
    snprintf(save->draft, sizeof save->draft, ".llmspell-%016llx.tmp", (unsigned long long)random);
    save->fd = openat(save->folder, save->draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return save->fd < 0 ? save_fail(save, errno) : 0;
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
    return 0;
}

static int rename_draft(const struct save *save)
{
    int folder = save->folder;
    if (save->overwrite)
        return renameat(folder, save->draft, folder, save->name) ? errno : 0;
    if (renameat2(folder, save->draft, folder, save->name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    /* A file system without that flag: a hard link never replaces either. */
    if (linkat(folder, save->draft, folder, save->name, 0) != 0)
        return errno;
    unlinkat(folder, save->draft, 0);
    return 0;
}

int32_t save_commit(struct save *save)
{
    int error = fsync(save->fd) == 0 ? rename_draft(save) : errno;
    if (error)
        return save_fail(save, error);
    close(save->fd);
    save->fd = -1;
    return 0;
}

int32_t save_file(struct llmspell_call *call, const char *path, bool overwrite, const char *data,
                  size_t size)
{
    __attribute__((cleanup(save_end))) struct save save = {.folder = -1, .fd = -1};
    int32_t rc = save_start(&save, call, path, "/target_path", overwrite), stop = 0;
    if (rc < 0)
        return rc;
    int error = write_all(call, save.fd, data, size, &stop);
    if (error)
        return stop < 0 ? stop : save_fail(&save, error);
    return save_commit(&save);
}
