/* SPDX-License-Identifier: Apache-2.0
 * Private JSON files: temporary name, fsync, rename. */
#include "util/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

/* The folder of a path as a handle, so that what is checked is what is written to, and the name in
 * it. own: the folder must not be a link (O_NOFOLLOW). Returns -1 with errno. */
static int open_folder(const char *path, bool own, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *folder =
        slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
    *ret_name = slash ? slash + 1 : path;
    if (!folder)
        return -1;
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC | (own ? O_NOFOLLOW : 0));
}

/* NULL, or why somebody else decides what happens in the folder. */
static const char *why_not_own(int folder)
{
    struct stat facts;
    if (folder < 0 || fstat(folder, &facts) != 0)
        return "is no folder, but perhaps a link";
    if (facts.st_uid != geteuid())
        return "belongs to another user";
    return facts.st_mode & 022 ? "can be written by others" : NULL;
}

static int write_error(const char *path, int reason, struct error *ret_error)
{
    const char *cure = reason == ENOSPC                      ? "; make room on the disk"
                       : reason == EACCES || reason == EROFS ? "; its folder must be writable"
                       : reason == ENOENT                    ? "; make its folder first"
                                                             : "";
    return error_set(ret_error, LLMSPELL_EIO, "cannot write %s: %s%s", path, strerror(reason),
                     cure);
}

/* 0 or an errno. */
static int write_file(int folder, const char *name, const char *text, size_t size, bool durable)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        text += written;
        size -= (size_t)written;
    }
    return !durable || fsync(fd) == 0 ? 0 : errno;
}

/* Writes name in the folder by way of a temporary name; 0 or an errno. */
static int replace_file(int folder, const char *name, const json_t *value, bool durable)
{
    LLMSPELL_CLEANUP_FREE char *temporary = NULL, *text = json_dumps(value, JSON_INDENT(2));
    uint64_t random = 0;
    if (!text || getrandom(&random, sizeof random, 0) < 0 ||
        asprintf(&temporary, "%s.%016llx.tmp", name, (unsigned long long)random) < 0) {
        temporary = NULL;
        return ENOMEM;
    }
    size_t size = strlen(text);
    text[size] = '\n'; /* in place of the NUL, which is not written */
    int reason = write_file(folder, temporary, text, size + 1, durable);
    if (reason == 0 && renameat(folder, temporary, folder, name) != 0)
        reason = errno;
    if (reason != 0)
        unlinkat(folder, temporary, 0);
    return reason;
}

int private_file_write(const char *path, const json_t *value, bool durable, struct error *ret_error)
{
    const char *name;
    LLMSPELL_CLEANUP_CLOSE int folder = open_folder(path, false, &name);
    int reason = folder < 0 ? errno : replace_file(folder, name, value, durable);
    return reason == 0 ? 0 : write_error(path, reason, ret_error);
}

int private_file_write_own(const char *path, const json_t *value, struct error *ret_error)
{
    const char *name;
    LLMSPELL_CLEANUP_CLOSE int folder = open_folder(path, true, &name);
    if (folder < 0 && errno != ENOTDIR && errno != ELOOP)
        return write_error(path, errno, ret_error);
    const char *why = why_not_own(folder);
    if (why)
        return error_set(ret_error, LLMSPELL_EPERM,
                         "cannot write %s: its folder %s: put a folder of your own with mode 0700 "
                         "in its place",
                         path, why);
    int reason = replace_file(folder, name, value, false);
    return reason == 0 ? 0 : write_error(path, reason, ret_error);
}

int private_file_read(const char *path, json_t **ret_value, struct error *ret_error)
{
    struct stat facts;
    json_error_t where;
    LLMSPELL_CLEANUP_CLOSE int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(ret_error, errno == ENOENT ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read %s: %s", path, strerror(errno));
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_uid != geteuid() ||
        (facts.st_mode & 077))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "%s is not a file that only you can read and write: run `chmod 600`, or "
                         "remove it",
                         path);
    json_t *value = json_loadfd(fd, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(ret_error, LLMSPELL_EPARSE, "%s is no JSON object: line %d: %s", path,
                         where.line, where.text);
    }
    *ret_value = value;
    return 0;
}

int private_folder_make(const char *path, struct error *ret_error)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return error_set(ret_error, LLMSPELL_EIO,
                     "cannot make the folder %s: %s (LLMSPELL_HOME names the folder of all files)",
                     path, strerror(errno));
}
