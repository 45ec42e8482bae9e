/* SPDX-License-Identifier: Apache-2.0
 * PID files on OFD locks (fcntl F_OFD_*): they belong to the open file, so they outlive a fork, and
 * can be asked about without being taken, so that a look never disturbs a starter. Byte START is
 * held from the first moment on: it decides between starters. Byte READY is held as soon as our PID
 * stands in the file: whoever finds it locked reads the PID of a living process. */
#include "daemon/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

enum lock_byte { READY, START };

#define CONTENT_MAX 32 /* bytes of a PID file */
#define TRIES 1000     /* files that may vanish between open and lock before we give up */

struct pidfile {
    int fd;
    char path[];
};

static int io_error(const char *what, const char *path, int reason, struct error *ret_error)
{
    bool denied = reason == EACCES || reason == EPERM || reason == EROFS;
    const char *cure = denied             ? "; choose a folder that you may write to"
                       : reason == ENOENT ? "; make its folder first"
                       : reason == ELOOP  ? "; it is a symbolic link: remove it"
                       : reason == ENOSPC ? "; make room on the disk"
                                          : "";
    return error_set(ret_error, denied ? LLMSPELL_EPERM : LLMSPELL_EIO,
                     "cannot %s the PID file %s: %s%s", what, path, strerror(reason), cure);
}

static int try_lock(int fd, enum lock_byte byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* 1: somebody holds the byte, 0: nobody, or -errno. */
static int is_locked(int fd, enum lock_byte byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    return lock.l_type != F_UNLCK;
}

/* Does the name still lead to our file? */
static bool is_current(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* The PID in the file: 0 if it is empty, -1 if the content is no PID and a line end. */
static pid_t read_pid(int fd)
{
    char text[CONTENT_MAX + 1] = "";
    ssize_t size = pread(fd, text, CONTENT_MAX, 0);
    if (size <= 0)
        return size == 0 ? 0 : -1;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] != '\n')
        return -1;
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : -1;
}

/* One write: a reader sees the old line or the new one. */
static int write_pid(int fd, const char *path, struct error *ret_error)
{
    char text[CONTENT_MAX];
    int length = snprintf(text, sizeof text, "%jd\n", (intmax_t)getpid());
    ssize_t written = pwrite(fd, text, (size_t)length, 0);
    if (written != length)
        return io_error("write", path, written < 0 ? errno : ENOSPC, ret_error);
    if (ftruncate(fd, length) < 0)
        return io_error("write", path, errno, ret_error);
    return 0;
}

/* " of user ada", "" if that is who asks. */
static const char *put_user(uid_t uid, char *text, size_t size)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    text[0] = '\0';
    if (uid == geteuid())
        return text;
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found)
        snprintf(text, size, " of user %s", found->pw_name);
    else
        snprintf(text, size, " of user %ju", (uintmax_t)uid);
    return text;
}

/* Whose process; if /proc does not tell, whose file. */
static uid_t holder_uid(pid_t pid, int fd)
{
    char folder[32];
    struct stat facts = {.st_uid = geteuid()};
    snprintf(folder, sizeof folder, "/proc/%jd", (intmax_t)pid);
    if (stat(folder, &facts) < 0 && fstat(fd, &facts) < 0)
        return geteuid();
    return facts.st_uid;
}

static int held_error(int fd, const char *path, struct error *ret_error)
{
    pid_t pid = is_locked(fd, READY) == 1 ? read_pid(fd) : 0;
    char user[64];
    if (pid > 0)
        return error_set(ret_error, LLMSPELL_EBUSY,
                         "the PID file %s is held by the running process %jd%s: stop it first, or "
                         "choose another id",
                         path, (intmax_t)pid, put_user(holder_uid(pid, fd), user, sizeof user));
    return error_set(ret_error, LLMSPELL_EBUSY,
                     "the PID file %s is held by another process that is starting or stopping: try "
                     "again, or choose another id",
                     path);
}

/* We hold START of a file that nobody else uses: is it a PID file at all? */
static int check_stale(int fd, const char *path, struct error *ret_error)
{
    struct stat facts;
    if (fstat(fd, &facts) < 0)
        return io_error("read", path, errno, ret_error);
    if (S_ISREG(facts.st_mode) && facts.st_size <= CONTENT_MAX && read_pid(fd) >= 0)
        return 0;
    return error_set(ret_error, LLMSPELL_EIO,
                     "%s exists and is not a PID file: choose another name, or remove it", path);
}

/* We may not open path as we would like to: is it another user's? A lock can be asked about on a
 * descriptor that can only read. */
static int denied_error(const char *path, int reason, const char *cure, struct error *ret_error)
{
    struct stat facts;
    char user[64];
    LLMSPELL_CLEANUP_CLOSE int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && is_locked(fd, START) == 1)
        return held_error(fd, path, ret_error);
    if (lstat(path, &facts) < 0 || facts.st_uid == geteuid())
        return io_error("open", path, reason, ret_error);
    return error_set(ret_error, LLMSPELL_EPERM, "cannot open the PID file %s%s: %s; %s", path,
                     put_user(facts.st_uid, user, sizeof user), strerror(reason), cure);
}

/* Opens and locks what stands at path. Returns 0, 1 if it vanished meanwhile, or an error. */
static int open_locked(const char *path, int *ret_fd, struct error *ret_error)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return denied_error(path, errno, "choose a folder that you may write to", ret_error);
    if (fd < 0)
        return io_error("open", path, errno, ret_error);
    int rc = try_lock(fd, START);
    if (rc == -EAGAIN || rc == -EACCES)
        return is_current(fd, path) ? held_error(fd, path, ret_error) : 1;
    if (rc)
        return io_error("lock", path, -rc, ret_error);
    if (!is_current(fd, path))
        return 1;
    rc = check_stale(fd, path, ret_error);
    if (rc)
        return rc;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* Writes our PID into the locked file and declares it readable. */
static int announce(struct pidfile *file, struct error *ret_error)
{
    int rc = write_pid(file->fd, file->path, ret_error);
    if (rc)
        return rc;
    /* a PID is no secret: others may ask whose kernel it is, whatever the umask; a file that
     * somebody else left to us keeps its mode */
    (void)!fchmod(file->fd, 0644);
    rc = try_lock(file->fd, READY);
    return rc ? io_error("lock", file->path, -rc, ret_error) : 0;
}

int pidfile_open(const char *path, struct pidfile **ret_file, struct error *ret_error)
{
    size_t size = strlen(path) + 1;
    struct pidfile *file = malloc(sizeof *file + size);
    if (!file)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    file->fd = -1;
    memcpy(file->path, path, size);
    int rc = 1;
    for (int i = 0; i < TRIES && rc == 1; i++)
        rc = open_locked(path, &file->fd, ret_error);
    if (rc == 1)
        rc = error_set(ret_error, LLMSPELL_EBUSY, "the PID file %s vanishes again and again", path);
    if (!rc && (rc = announce(file, ret_error)) != 0)
        unlink(path); /* ours by the lock, and without a PID good for nothing */
    if (rc) {
        if (file->fd >= 0)
            close(file->fd);
        free(file);
        return rc;
    }
    *ret_file = file;
    return 0;
}

int pidfile_update(struct pidfile *file, struct error *ret_error)
{
    return write_pid(file->fd, file->path, ret_error);
}

void pidfile_close(struct pidfile *file)
{
    if (!file)
        return;
    /* still under the lock: nobody can have taken the name over; after a fork the file says whose
     */
    if (is_current(file->fd, file->path) && read_pid(file->fd) == getpid())
        unlink(file->path);
    close(file->fd);
    free(file);
}

int pidfile_check(const char *path, pid_t *ret_pid, struct error *ret_error)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 && errno == EACCES)
        return denied_error(path, errno, "ask as that user", ret_error);
    if (fd < 0)
        return io_error("open", path, errno, ret_error);
    int locked = is_locked(fd, READY);
    if (locked < 0)
        return io_error("ask about the lock of", path, -locked, ret_error);
    if (!locked)
        return 0;
    pid_t pid = read_pid(fd);
    if (pid <= 0)
        return error_set(ret_error, LLMSPELL_EIO,
                         "the PID file %s is held, but its content is not a PID: find the process "
                         "with fuser, stop it, and remove the file",
                         path);
    *ret_pid = pid;
    return 1;
}
