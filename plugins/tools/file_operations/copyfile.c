/* SPDX-License-Identifier: Apache-2.0
 * Copies one file or link: in the kernel where it can, holes kept, under a temporary name until it
 * is whole. Used by copy.c and, between file systems, move.c. */
#include "copyfile.h"

#define SLICE (1u << 20) /* bytes between two looks at the cancel flag */

struct stream {
    const struct job *job;
    int in, out;
    const char *shown;
    char *buffer; /* once the kernel said that it cannot copy by itself */
    uint64_t total;
};

static int32_t fail_read(const struct stream *stream, int error)
{
    return fail_errno(stream->job, "/path", "read", stream->shown, error);
}

static int32_t fail_write(const struct stream *stream, int error)
{
    return fail_errno(stream->job, "/target_path", "write the copy of", stream->shown, error);
}

static int32_t write_slice(const struct stream *stream, const char *data, size_t size, off_t at)
{
    while (size > 0) {
        ssize_t put = pwrite(stream->out, data, size, at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail_write(stream, put < 0 ? errno : EIO);
        data += put;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Copies up to size bytes at *at through a buffer; *ret_done 0 is the end of the file. */
static int32_t slice_by_hand(struct stream *stream, off_t *at, size_t size, size_t *ret_done)
{
    if (!stream->buffer && !(stream->buffer = malloc(CHUNK)))
        return fail_read(stream, ENOMEM);
    ssize_t got;
    do
        got = pread(stream->in, stream->buffer, size < CHUNK ? size : CHUNK, *at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_read(stream, errno);
    int32_t rc = write_slice(stream, stream->buffer, (size_t)got, *at);
    *at += got;
    *ret_done = (size_t)got;
    return rc;
}

static int32_t slice_by_kernel(struct stream *stream, off_t *at, size_t size, size_t *ret_done)
{
    if (stream->buffer)
        return slice_by_hand(stream, at, size, ret_done);
    loff_t from = *at, to = *at;
    ssize_t got = copy_file_range(stream->in, &from, stream->out, &to, size, 0);
    if (got <= 0) /* 0 is also what some file systems say that cannot do it */
        return slice_by_hand(stream, at, size, ret_done);
    *at += got;
    *ret_done = (size_t)got;
    return 0;
}

/* Copies [at, end), less if the file ends before; *ret_end: where it stopped. */
static int32_t copy_range(struct stream *stream, off_t at, off_t end, off_t *ret_end)
{
    struct llmspell_call *call = stream->job->call;
    while (at < end) {
        size_t size = end - at < (off_t)SLICE ? (size_t)(end - at) : SLICE, done = 0;
        int32_t rc = llmspell_cancelled(call);
        if (rc == 0)
            rc = slice_by_kernel(stream, &at, size, &done);
        if (rc < 0)
            return rc;
        if (done == 0)
            break;
        if (stream->total > 8 * SLICE)
            call->host->progress(call, (double)at, (double)stream->total, "copying");
    }
    *ret_end = at;
    return 0;
}

/* All data of in, from hole to hole; *ret_size: the length that out must have. */
static int32_t copy_data(struct stream *stream, const struct stat *st, off_t *ret_size)
{
    off_t at = 0, end = 0;
    if (st->st_size == 0) { /* what procfs says of everything */
        *ret_size = 0;
        return copy_range(stream, 0, INT64_MAX, ret_size);
    }
    *ret_size = st->st_size;
    while (at < st->st_size) {
        off_t data = lseek(stream->in, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return 0; /* a hole to the end */
        off_t hole = data < 0 ? -1 : lseek(stream->in, data, SEEK_HOLE);
        if (hole < 0) {
            data = at;
            hole = st->st_size;
        }
        int32_t rc = copy_range(stream, data, hole, &end);
        if (rc < 0)
            return rc;
        if (end < hole) { /* it was cut meanwhile */
            *ret_size = end;
            return 0;
        }
        at = hole;
    }
    return 0;
}

int copy_attributes(int fd, const struct stat *st, bool preserve)
{
    mode_t mode = st->st_mode & 0777;
    if (preserve && fchown(fd, st->st_uid, st->st_gid) == 0)
        mode = st->st_mode & 07777; /* set-id bits only for the owner they were meant for */
    if (fchmod(fd, mode) != 0)
        return errno;
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    return preserve && futimens(fd, times) != 0 ? errno : 0;
}

int32_t copy_regular(const struct job *job, int in, const struct copy_target *target,
                     const char *shown, uint64_t *bytes)
{
    CLEANUP_DRAFT struct draft draft = DRAFT_INIT;
    struct stream stream = {.job = job, .in = in, .shown = shown};
    struct stat st;
    off_t size = 0;
    if (fstat(in, &st) != 0)
        return fail_read(&stream, errno);
    if (!S_ISREG(st.st_mode))
        return fail_read(&stream, ENXIO);
    int error = draft_file(target->folder, 0600, &draft);
    if (error)
        return fail_write(&stream, error);
    stream.out = draft.fd;
    stream.total = (uint64_t)st.st_size;
    int32_t rc = copy_data(&stream, &st, &size);
    free(stream.buffer);
    if (rc < 0)
        return rc;
    if (ftruncate(draft.fd, size) != 0)
        return fail_write(&stream, errno);
    error = copy_attributes(draft.fd, &st, target->options->preserve);
    if (!error && target->options->sync && fsync(draft.fd) != 0)
        error = errno;
    if (!error)
        error = draft_commit(&draft, target->name, target->options->replace);
    if (error)
        return fail_write(&stream, error);
    *bytes += (uint64_t)size;
    return 0;
}

static int32_t copy_link(const struct job *job, int from, const char *name,
                         const struct copy_target *target, const struct stat *st, const char *shown)
{
    CLEANUP_DRAFT struct draft draft = DRAFT_INIT;
    struct stream stream = {.job = job, .shown = shown};
    char text[PATH_MAX + 1];
    ssize_t got = readlinkat(from, name, text, sizeof text - 1);
    if (got < 0)
        return fail_read(&stream, errno);
    text[got] = '\0';
    int error = draft_link(target->folder, text, &draft);
    if (!error && target->options->preserve) {
        struct timespec times[2] = {st->st_atim, st->st_mtim};
        if (fchownat(draft.parent, draft.name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
            utimensat(draft.parent, draft.name, times, AT_SYMLINK_NOFOLLOW) != 0)
            errno = 0; /* as much as this user may */
    }
    if (!error)
        error = draft_commit(&draft, target->name, target->options->replace);
    return error ? fail_write(&stream, error) : 0;
}

int32_t copy_entry(const struct job *job, int from, const char *name,
                   const struct copy_target *target, const char *shown, uint64_t *bytes)
{
    struct stat st;
    struct stream stream = {.job = job, .shown = shown};
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_read(&stream, errno);
    if (S_ISLNK(st.st_mode))
        return copy_link(job, from, name, target, &st, shown);
    if (!S_ISREG(st.st_mode))
        return fail_read(&stream, ENXIO);
    LLMSPELL_CLEANUP_CLOSE int in =
        openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (in < 0)
        return fail_read(&stream, errno);
    return copy_regular(job, in, target, shown, bytes);
}
