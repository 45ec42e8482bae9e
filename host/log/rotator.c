/* SPDX-License-Identifier: Apache-2.0
 * Rotation of a log file. dup3 swaps the file below the descriptor in one step, so that no writer
 * ever meets a closed one or waits; flock keeps a second process on the same file from shifting. */
#include "log/rotator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

int rotator_open(const char *path)
{
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return -errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

static bool is_same(const char *path, int fd)
{
    struct stat named, opened;
    return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

static int rename_to(const char *path, unsigned from, unsigned to)
{
    LLMSPELL_CLEANUP_FREE char *old = NULL, *new = NULL;
    int made = from ? asprintf(&old, "%s.%u", path, from) : asprintf(&old, "%s", path);
    if (made < 0)
        old = NULL;
    if (asprintf(&new, "%s.%u", path, to) < 0)
        new = NULL;
    if (!old || !new)
        return -ENOMEM;
    return rename(old, new) == 0 || errno == ENOENT ? 0 : -errno;
}

/* The oldest falls off the end; a gap in the row is fine. */
static int shift(const char *path, unsigned count)
{
    int rc = 0;
    for (unsigned to = count; to > 0 && !rc; to--)
        rc = rename_to(path, to - 1, to);
    return rc;
}

static int move_to_new(const char *path, int fd)
{
    int opened = rotator_open(path);
    if (opened < 0)
        return opened;
    int rc = dup3(opened, fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(opened);
    return rc;
}

static int rotate_locked(const char *path, int fd, unsigned count)
{
    if (!is_same(path, fd))
        return move_to_new(path, fd);
    if (count == 0)
        return ftruncate(fd, 0) < 0 ? -errno : 0;
    int rc = shift(path, count);
    return rc ? rc : move_to_new(path, fd);
}

int rotator_rotate(const char *path, int fd, unsigned count, uint64_t *ret_size)
{
    LLMSPELL_CLEANUP_CLOSE int lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (lock < 0)
        return -errno;
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? 1 : -errno;
    int rc = rotate_locked(path, fd, count);
    flock(lock, LOCK_UN);
    struct stat facts;
    *ret_size = fstat(fd, &facts) == 0 ? (uint64_t)facts.st_size : 0;
    return rc;
}
