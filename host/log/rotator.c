/* SPDX-License-Identifier: Apache-2.0
 * Rotation of a log file. dup3 swaps the file below the descriptor in one step, so that no writer
 * ever meets a closed one or waits. */
#include "log/rotator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#define TRIES 5 /* a name may move once between two steps, hardly five times */

/* ---- files and locks ---- */

static int open_once(const char *path)
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

/* The lock is not to be had only if the file was renamed just now and is being compressed. */
int rotator_open(const char *path)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = open_once(path);
        if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return fd;
        close(fd);
    }
    return -EBUSY;
}

bool rotator_is_same(const char *path, int fd)
{
    struct stat named, opened;
    return lstat(path, &named) == 0 && fstat(fd, &opened) == 0 && named.st_dev == opened.st_dev &&
           named.st_ino == opened.st_ino;
}

static int set_name_lock(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

int rotator_lock(const char *path)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
            return -errno;
        int rc = set_name_lock(fd, F_WRLCK);
        if (rc == 0 && rotator_is_same(path, fd))
            return fd;
        close(fd);
        if (rc)
            return rc == -EACCES ? -EAGAIN : rc;
    }
    return -EAGAIN;
}

/* ---- names ---- */

char *rotator_name(const char *path, unsigned number, bool gz)
{
    char *name = NULL;
    return asprintf(&name, "%s.%u%s", path, number, gz ? ".gz" : "") < 0 ? NULL : name;
}

static int rename_to(const char *old, const char *path, unsigned to, bool gz)
{
    LLMSPELL_CLEANUP_FREE char *new = rotator_name(path, to, gz);
    if (!old || !new)
        return -ENOMEM;
    return rename(old, new) == 0 || errno == ENOENT ? 0 : -errno;
}

static int drop(const char *path, unsigned number, bool gz)
{
    LLMSPELL_CLEANUP_FREE char *name = rotator_name(path, number, gz);
    if (!name)
        return -ENOMEM;
    return unlink(name) == 0 || errno == ENOENT ? 0 : -errno;
}

/* The oldest falls off the end; a gap in the row is fine. */
static int shift(const char *path, unsigned count)
{
    int rc = drop(path, count, false);
    if (!rc)
        rc = drop(path, count, true);
    for (unsigned to = count; to > 1 && !rc; to--)
        for (int gz = 0; gz < 2 && !rc; gz++) {
            LLMSPELL_CLEANUP_FREE char *old = rotator_name(path, to - 1, gz);
            rc = rename_to(old, path, to, gz);
        }
    return rc ? rc : rename_to(path, path, 1, false);
}

/* ---- rotation ---- */

static int move_to_new(const char *path, int fd)
{
    int opened = rotator_open(path);
    if (opened < 0)
        return opened;
    int rc = dup3(opened, fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(opened);
    return rc;
}

int rotator_follow(const char *path, int fd)
{
    if (rotator_is_same(path, fd))
        return 0;
    int rc = move_to_new(path, fd);
    return rc ? rc : ROTATOR_MOVED;
}

static int rotate_locked(const char *path, int fd, unsigned count)
{
    int rc = rotator_follow(path, fd);
    if (rc)
        return rc;
    if (count == 0)
        return ftruncate(fd, 0) < 0 ? -errno : 0;
    rc = shift(path, count);
    return rc ? rc : move_to_new(path, fd);
}

int rotator_rotate(const char *path, int fd, unsigned count)
{
    LLMSPELL_CLEANUP_CLOSE int lock = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* fd's file may change */
    if (lock < 0)
        return -errno;
    int rc = set_name_lock(lock, F_WRLCK);
    if (rc)
        return rc == -EAGAIN || rc == -EACCES ? 1 : rc;
    rc = rotate_locked(path, fd, count);
    set_name_lock(lock, F_UNLCK);
    return rc;
}
