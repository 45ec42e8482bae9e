/* SPDX-License-Identifier: Apache-2.0
 * The history's file: opened without following links, locked, appended to, compacted, read. */
#include "kernel/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "util/private_file.h"

#define READ_MAX (INT64_C(64) << 20) /* of a file that somebody else has made so large */
#define TRIES 100                    /* to lock the file before another kernel replaces it */

int history_file_init(struct history_file *file, const char *home, const char *runtime,
                      size_t entries_max)
{
    *file = (struct history_file){.fd = -1, .entries_max = entries_max};
    if (!home || !*runtime || *runtime == '.' || strchr(runtime, '/'))
        return 0;
    if (asprintf(&file->folder, "%s/history", home) < 0)
        file->folder = NULL;
    if (asprintf(&file->name, "%s.jsonl", runtime) < 0)
        file->name = NULL;
    if (asprintf(&file->temporary, "%s.jsonl.new", runtime) < 0)
        file->temporary = NULL;
    return file->folder && file->name && file->temporary ? 0 : LLMSPELL_ENOMEM;
}

static void close_file(struct history_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    file->locked = false;
}

void history_file_clear(struct history_file *file)
{
    if (!file->folder) /* nor was it ever open */
        return;
    close_file(file);
    free(file->folder);
    free(file->name);
    free(file->temporary);
}

/* ---- opening ---- */

static int io_error(const struct history_file *file, const char *what, int reason,
                    struct error *ret_error)
{
    const char *cure = reason == ENOSPC || reason == EDQUOT ? "; make room on the disk"
                       : reason == EACCES || reason == EROFS
                           ? "; it must be writable, or set [kernel] history = false"
                       : reason == ELOOP ? "; it is a link: put a file in its place, or remove it"
                                         : "";
    return error_set(ret_error, LLMSPELL_EIO, "cannot %s %s/%s: %s%s", what, file->folder,
                     file->name, strerror(reason), cure);
}

/* The folder, which must be ours alone. ENOTFOUND: it is not there. */
static int open_folder(const struct history_file *file, int *ret_fd, struct error *ret_error)
{
    struct stat facts;
    int fd = open(file->folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "there is no folder %s", file->folder);
    if (fd >= 0 && fstat(fd, &facts) == 0 && facts.st_uid == geteuid() && !(facts.st_mode & 022)) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return error_set(ret_error, LLMSPELL_EPERM,
                     "%s is not a folder that only you can write to, or is a link: put a folder of "
                     "your own with mode 0700 in its place",
                     file->folder);
}

/* A regular file of ours that nobody else may read. Returns the descriptor, or an error. */
static int open_in(const struct history_file *file, int folder, int flags, struct stat *ret_facts,
                   struct error *ret_error)
{
    int fd =
        openat(folder, file->name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 && errno == ENOENT)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "there is no history yet");
    if (fd < 0)
        return io_error(file, "open", errno, ret_error);
    if (fstat(fd, ret_facts) == 0 && S_ISREG(ret_facts->st_mode) &&
        ret_facts->st_uid == geteuid() && !(ret_facts->st_mode & 077))
        return fd;
    close(fd);
    return error_set(ret_error, LLMSPELL_EPERM,
                     "%s/%s is not a file that only you can read and write: run `chmod 600`, or "
                     "remove it",
                     file->folder, file->name);
}

static int open_file(struct history_file *file, int folder, struct error *ret_error)
{
    struct stat facts;
    int fd = open_in(file, folder, O_RDWR | O_APPEND | O_CREAT, &facts, ret_error);
    if (fd < 0)
        return fd;
    file->fd = fd;
    file->device = facts.st_dev;
    file->inode = facts.st_ino;
    file->seen = file->last_session = 0;
    file->lines = file->retry_at = 0;
    return 0;
}

/* Is the open file still the one of that name, and not one that was replaced or removed? */
static bool is_current(const struct history_file *file, int folder)
{
    struct stat facts;
    return fstatat(folder, file->name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
           facts.st_dev == file->device && facts.st_ino == file->inode;
}

/* ---- reading ---- */

/* The bytes from..end of fd, at least one of them; the caller frees them. 0 or an errno. */
static int read_range(int fd, int64_t from, int64_t end, char **ret_text, size_t *ret_size)
{
    size_t size = (size_t)(end - from), done = 0;
    char *text = malloc(size + 1);
    if (!text)
        return ENOMEM;
    while (done < size) {
        ssize_t n = pread(fd, text + done, size - done, from + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return errno;
        }
        if (n == 0)
            break;
        done += (size_t)n;
    }
    text[done] = '\0';
    *ret_text = text;
    *ret_size = done;
    return 0;
}

int history_file_read(const struct history_file *file, char **ret_text, size_t *ret_size,
                      struct error *ret_error)
{
    LLMSPELL_CLEANUP_CLOSE int folder = -1, fd = -1;
    struct stat facts = {0};
    int rc = open_folder(file, &folder, ret_error);
    if (rc == 0)
        rc = fd = open_in(file, folder, O_RDONLY, &facts, ret_error);
    if (rc < 0 && rc != LLMSPELL_ENOTFOUND)
        return rc;
    int64_t from = facts.st_size > READ_MAX ? facts.st_size - READ_MAX : 0;
    int reason = read_range(fd, from, facts.st_size, ret_text, ret_size);
    return reason == 0 ? 0 : io_error(file, "read", reason, ret_error);
}

/* ---- the lock ---- */

/* Counts what stands behind `seen`. */
static int catch_up(struct history_file *file, struct error *ret_error)
{
    struct stat facts;
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size;
    if (fstat(file->fd, &facts) != 0)
        return io_error(file, "read", errno, ret_error);
    if (facts.st_size < file->seen) /* somebody has emptied it */
        file->seen = 0;
    if (file->seen == 0)
        file->lines = 0;
    if (facts.st_size == file->seen)
        return 0;
    int64_t from = facts.st_size - file->seen > READ_MAX ? facts.st_size - READ_MAX : file->seen;
    int reason = read_range(file->fd, from, facts.st_size, &text, &size);
    if (reason != 0)
        return io_error(file, "read", reason, ret_error);
    for (size_t at = 0; at < size;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - text) - at : size - at;
        int64_t session;
        if (history_line_session(text + at, length, &session) && session > file->last_session)
            file->last_session = session;
        file->lines++;
        at += length + 1;
    }
    file->seen = facts.st_size;
    return 0;
}

/* The folder, made if it is missing. */
static int make_folder(const struct history_file *file, int *ret_fd, struct error *ret_error)
{
    int rc = open_folder(file, ret_fd, ret_error);
    if (rc != LLMSPELL_ENOTFOUND)
        return rc;
    rc = private_folder_make(file->folder, ret_error);
    return rc < 0 ? rc : open_folder(file, ret_fd, ret_error);
}

/* 1: locked; 0: the file was replaced meanwhile; or an error. */
static int try_lock(struct history_file *file, int folder, struct error *ret_error)
{
    int rc = file->fd < 0 ? open_file(file, folder, ret_error) : 0;
    if (rc < 0)
        return rc;
    if (flock(file->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? error_set(ret_error, LLMSPELL_EBUSY, "%s/%s is locked by another process",
                               file->folder, file->name)
                   : io_error(file, "lock", errno, ret_error);
    file->locked = true;
    if (is_current(file, folder))
        return 1;
    close_file(file);
    return 0;
}

int history_file_lock(struct history_file *file, struct error *ret_error)
{
    LLMSPELL_CLEANUP_CLOSE int folder = -1;
    int rc = make_folder(file, &folder, ret_error);
    if (rc < 0)
        return rc;
    for (int i = 0; rc == 0 && i < TRIES; i++)
        rc = try_lock(file, folder, ret_error);
    if (rc <= 0)
        return rc < 0 ? rc : error_set(ret_error, LLMSPELL_EBUSY, "%s is in use", file->name);
    rc = catch_up(file, ret_error);
    if (rc < 0)
        history_file_unlock(file);
    return rc;
}

void history_file_unlock(struct history_file *file)
{
    if (file->locked)
        flock(file->fd, LOCK_UN);
    file->locked = false;
}

/* ---- writing ---- */

/* Whole, or an errno. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : ENOSPC;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

/* A line that a kernel could not finish when it was killed gets its newline. */
static int end_torn_line(struct history_file *file)
{
    char last = '\n';
    if (file->seen == 0 || (pread(file->fd, &last, 1, file->seen - 1) == 1 && last == '\n'))
        return 0;
    int reason = write_all(file->fd, "\n", 1);
    file->seen += reason == 0;
    return reason;
}

int history_file_append(struct history_file *file, const char *text, size_t size, size_t lines,
                        struct error *ret_error)
{
    int reason = end_torn_line(file);
    if (reason == 0)
        reason = write_all(file->fd, text, size);
    if (reason != 0) {
        if (ftruncate(file->fd, file->seen) != 0)
            file->seen = 0; /* what is there is found out anew */
        return io_error(file, "write", reason, ret_error);
    }
    file->seen += (int64_t)size;
    file->lines += lines;
    return 0;
}

/* ---- compaction ---- */

static bool is_too_large(const struct history_file *file)
{
    return (file->lines > 2 * file->entries_max || file->seen > 2 * HISTORY_FILE_BYTES) &&
           file->lines >= file->retry_at;
}

/* The newest lines of text that are ours, in order, behind a line that keeps the last session's
 * number in use. */
static bool keep_newest(const struct history_file *file, const char *text, size_t size,
                        struct history_text *ret_kept, size_t *ret_lines)
{
    const char *line;
    size_t length, count = 0, bytes = 0, start = size;
    int64_t session;
    for (size_t at = size;
         count < file->entries_max && history_text_last(text, &at, &line, &length);) {
        if (!history_line_session(line, length, &session))
            continue;
        count++;
        bytes += length + 1;
        if (bytes > (size_t)HISTORY_FILE_BYTES)
            break;
        start = at;
    }
    bool done = history_line_write_session(ret_kept, file->last_session);
    *ret_lines = 1;
    while (done && start < size) {
        const char *newline = memchr(text + start, '\n', size - start);
        length = newline ? (size_t)(newline - text) - start : size - start;
        if (history_line_session(text + start, length, &session)) {
            done = history_text_add(ret_kept, text + start, length) &&
                   history_text_add(ret_kept, "\n", 1);
            ++*ret_lines;
        }
        start += length + 1;
    }
    return done;
}

/* Puts a file with this text, locked by us already, in place of the other. 0 or an errno. */
static int replace(struct history_file *file, const struct history_text *kept)
{
    LLMSPELL_CLEANUP_CLOSE int folder =
        open(file->folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat facts;
    if (folder < 0)
        return errno;
    unlinkat(folder, file->temporary, 0); /* of a kernel that was killed: we hold the lock */
    int fd = openat(folder, file->temporary,
                    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int reason = write_all(fd, kept->data, kept->size);
    if (reason == 0 && (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &facts) != 0 ||
                        renameat(folder, file->temporary, folder, file->name) != 0))
        reason = errno;
    if (reason != 0) {
        unlinkat(folder, file->temporary, 0);
        close(fd);
        return reason;
    }
    close(file->fd);
    file->fd = fd;
    file->device = facts.st_dev;
    file->inode = facts.st_ino;
    file->seen = (int64_t)kept->size;
    return 0;
}

int history_file_compact(struct history_file *file, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    struct history_text kept = {0};
    size_t size, lines = 0;
    if (!is_too_large(file))
        return 0;
    int64_t from = file->seen > READ_MAX ? file->seen - READ_MAX : 0;
    int reason = read_range(file->fd, from, file->seen, &text, &size);
    if (reason == 0 && !keep_newest(file, text, size, &kept, &lines))
        reason = ENOMEM;
    if (reason == 0)
        reason = replace(file, &kept);
    free(kept.data);
    file->retry_at = reason == 0 ? 0 : file->lines + file->entries_max;
    if (reason != 0)
        return io_error(file, "compact", reason, ret_error);
    file->lines = lines;
    return 0;
}
