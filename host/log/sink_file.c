/* SPDX-License-Identifier: Apache-2.0
 * The sink file: decides when to rotate, follows a file that others rotate, outlives a folder that
 * is gone. Whoever writes may find himself doing that; the others write on. Called by logger.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/archive.h"
#include "log/birth.h"
#include "log/rotator.h"
#include "log/sink.h"
#include "log/stream.h"

#define LOOK_MS 1000            /* how often to look what is at the path */
#define AFTER_FAILURE_MS 10000  /* how long not to try a rotation again */
#define TIDY_MS INT64_C(600000) /* how often to look for rotated files that are too old */

struct file_sink {
    struct stream stream;
    char *path;
    enum log_format format;
    bool regular; /* not a device: all below is for files */
    uint64_t rotate_bytes;
    int64_t rotate_age_ms, rotate_max_age_ms;
    unsigned rotate_count;
    struct archive *archive;
    struct log_totals *totals;
    pthread_mutex_t rotating;   /* held by the one writer that looks after the file */
    atomic_uint_fast64_t size;  /* bytes in the file, about */
    atomic_int_fast64_t born;   /* ms since the epoch of the first record, 0: no record yet */
    atomic_int_fast64_t look;   /* monotonic ms of the next look at the path */
    atomic_int_fast64_t rotate; /* monotonic ms before which no rotation is tried */
    atomic_int gone;            /* errno: the file has no name any more, records go nowhere */
    int64_t tidy;               /* monotonic ms of the next look for old files */
    int failed;                 /* errno of the last look that was told */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t entry_ms(const struct log_entry *entry)
{
    return (int64_t)entry->time.tv_sec * 1000 + entry->time.tv_nsec / 1000000;
}

static void format_entry(const struct file_sink *sink, const struct log_entry *entry,
                         struct record *record)
{
    record_init(record, entry->level, sink->format, false, &entry->time, entry->source,
                entry->message);
}

static ssize_t write_record(struct file_sink *sink, const struct record *record)
{
    ssize_t rc = stream_write(&sink->stream, record);
    if (rc > 0)
        atomic_fetch_add(&sink->size, record->size);
    return rc;
}

/* ---- looking after the file; one thread at a time ---- */

/* A record of the log itself; one that is lost is a loss as any other. */
__attribute__((format(printf, 3, 4))) static void
write_notice(struct file_sink *sink, const struct log_entry *entry, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct log_entry notice = {
        .level = LOG_WARN, .time = entry->time, .source = "log", .message = message};
    struct record record;
    format_entry(sink, &notice, &record);
    if (write_record(sink, &record) < 0)
        atomic_fetch_add(&sink->totals->dropped, 1);
    record_clear(&record);
}

/* What fstat and the first record say; a time to come is a clock's that was set back since. */
static void refresh(struct file_sink *sink, const struct log_entry *entry)
{
    struct stat facts;
    if (fstat(sink->stream.fd, &facts) < 0)
        return;
    atomic_store(&sink->size, (uint64_t)facts.st_size);
    if (facts.st_size == 0)
        atomic_store(&sink->stream.torn, false); /* the half of a record stayed in another file */
    int64_t born = facts.st_size > 0 ? birth_of_log(sink->path, sink->stream.fd) : 0;
    if (born <= entry_ms(entry))
        atomic_store(&sink->born, born);
}

/* Another file at the path, or none: somebody rotated. */
static void follow(struct file_sink *sink, const struct log_entry *entry)
{
    struct stat facts;
    int rc = rotator_follow(sink->path, sink->stream.fd);
    bool known = fstat(sink->stream.fd, &facts) == 0;
    if (rc == ROTATOR_MOVED || (known && (uint64_t)facts.st_size < atomic_load(&sink->size)))
        refresh(sink, entry);
    else if (known)
        atomic_store(&sink->size, (uint64_t)facts.st_size);
    atomic_store(&sink->gone, rc < 0 && known && facts.st_nlink == 0 ? -rc : 0);
    char reason[64];
    if (rc < 0 && rc != -sink->failed && known && facts.st_nlink > 0)
        write_notice(sink, entry,
                     "%.300s cannot be opened again: %s; records go to the file that "
                     "had this name",
                     sink->path, strerror_r(-rc, reason, sizeof reason));
    sink->failed = rc < 0 ? -rc : 0;
}

static void look_after_archive(struct file_sink *sink, const struct log_entry *entry, int64_t now)
{
    char reason[64];
    int failed = archive_failure(sink->archive);
    if (failed)
        write_notice(sink, entry, "cannot tidy up the rotated files of %.300s: %s", sink->path,
                     strerror_r(failed, reason, sizeof reason));
    if (sink->rotate_max_age_ms == 0 || now < sink->tidy)
        return;
    int64_t pause = sink->rotate_max_age_ms / 4;
    sink->tidy = now + (pause < TIDY_MS ? pause : TIDY_MS);
    if (archive_is_due(sink->archive))
        archive_start(sink->archive);
}

/* Would a record of this length make the file too large, or is it too old? */
static bool is_due(const struct file_sink *sink, const struct log_entry *entry, size_t length)
{
    uint64_t size = atomic_load_explicit(&sink->size, memory_order_relaxed);
    int64_t born = atomic_load_explicit(&sink->born, memory_order_relaxed);
    return size > 0 &&
           ((sink->rotate_bytes > 0 && size + length > sink->rotate_bytes) ||
            (sink->rotate_age_ms > 0 && born > 0 && entry_ms(entry) - born >= sink->rotate_age_ms));
}

/* Asks the file first: with several processes, or a copytruncate, our figures may be old. */
static void rotate(struct file_sink *sink, const struct log_entry *entry, size_t length,
                   int64_t now)
{
    char reason[64];
    refresh(sink, entry);
    if (!is_due(sink, entry, length))
        return;
    int rc = rotator_rotate(sink->path, sink->stream.fd, sink->rotate_count);
    if (rc == 1)
        return;
    if (rc >= 0) {
        refresh(sink, entry);
        if (rc == 0)
            atomic_fetch_add(&sink->totals->rotations, 1);
        if (archive_is_due(sink->archive))
            archive_start(sink->archive);
        return;
    }
    atomic_store(&sink->rotate, now + AFTER_FAILURE_MS);
    write_notice(sink, entry, "cannot rotate %.300s, it grows on: %s", sink->path,
                 strerror_r(-rc, reason, sizeof reason));
}

static bool may_rotate(const struct file_sink *sink, const struct log_entry *entry, size_t length,
                       int64_t now)
{
    return is_due(sink, entry, length) &&
           now >= atomic_load_explicit(&sink->rotate, memory_order_relaxed);
}

static void look_after(struct file_sink *sink, const struct log_entry *entry, size_t length)
{
    int64_t now = now_ms();
    bool look = now >= atomic_load_explicit(&sink->look, memory_order_relaxed);
    if ((!look && !may_rotate(sink, entry, length, now)) ||
        pthread_mutex_trylock(&sink->rotating) != 0)
        return;
    if (look) {
        atomic_store(&sink->look, now + LOOK_MS);
        follow(sink, entry);
        look_after_archive(sink, entry, now);
    }
    if (may_rotate(sink, entry, length, now))
        rotate(sink, entry, length, now);
    pthread_mutex_unlock(&sink->rotating);
}

/* The file's age starts with its first record; a clock that was set back starts it again. */
static void note_birth(struct file_sink *sink, const struct log_entry *entry)
{
    int64_t born = atomic_load_explicit(&sink->born, memory_order_relaxed), now = entry_ms(entry);
    if (born == 0 || born > now)
        atomic_compare_exchange_strong(&sink->born, &born, now);
}

/* ---- the sink ---- */

static ssize_t file_write(void *self, const struct log_entry *entry)
{
    struct file_sink *sink = self;
    struct record record;
    int gone = 0;
    format_entry(sink, entry, &record);
    if (sink->regular) {
        look_after(sink, entry, record.size);
        gone = atomic_load_explicit(&sink->gone, memory_order_relaxed);
        note_birth(sink, entry);
    }
    ssize_t rc = gone ? -gone : write_record(sink, &record);
    record_clear(&record);
    return rc;
}

static void file_close(void *self)
{
    struct file_sink *sink = self;
    archive_free(sink->archive);
    if (sink->stream.fd >= 0)
        close(sink->stream.fd);
    pthread_mutex_destroy(&sink->rotating);
    free(sink->path);
    free(sink);
}

static char *absolute_path(const char *path)
{
    char *absolute = NULL;
    LLMSPELL_CLEANUP_FREE char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);
    if (*path == '/')
        return strdup(path);
    return cwd && asprintf(&absolute, "%s/%s", cwd, path) >= 0 ? absolute : NULL;
}

static int open_error(const char *path, int reason, struct error *ret_error)
{
    const char *cure = reason == ENOENT  ? "; make its folder first"
                       : reason == ELOOP ? "; it is a symbolic link: name the file itself"
                       : reason == EACCES || reason == EROFS || reason == EPERM
                           ? "; choose a folder that you may write to"
                       : reason == ENOSPC ? "; make room, or choose another folder"
                                          : "";
    return error_set(ret_error, LLMSPELL_EIO, "cannot open the log file %s: %s%s", path,
                     strerror(reason), cure);
}

static struct file_sink *sink_new(const struct logger_options *options, struct log_totals *totals)
{
    struct file_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return NULL;
    sink->path = absolute_path(options->file);
    sink->stream.fd = -1;
    sink->format = options->format;
    sink->rotate_bytes = options->rotate_bytes;
    sink->rotate_age_ms = options->rotate_age_ms;
    sink->rotate_max_age_ms = options->rotate_max_age_ms;
    sink->rotate_count = options->rotate_count < ROTATOR_MAX ? options->rotate_count : ROTATOR_MAX;
    sink->totals = totals;
    pthread_mutex_init(&sink->rotating, NULL);
    bool rotates = options->rotate_bytes > 0 || options->rotate_age_ms > 0;
    struct archive_options archive = {.path = sink->path ? sink->path : "",
                                      .count = rotates ? sink->rotate_count : ROTATOR_MAX,
                                      .max_age_ms = options->rotate_max_age_ms,
                                      .compress = options->compress};
    sink->archive = archive_new(&archive);
    if (sink->path && sink->archive)
        return sink;
    file_close(sink);
    return NULL;
}

/* A file that was there goes on: its size and age count. */
static void take_up(struct file_sink *sink)
{
    struct stat facts;
    struct log_entry now = {.level = LOG_INFO};
    clock_gettime(CLOCK_REALTIME, &now.time);
    sink->regular = fstat(sink->stream.fd, &facts) == 0 && S_ISREG(facts.st_mode);
    if (!sink->regular)
        return;
    refresh(sink, &now);
    sink->look = now_ms() + LOOK_MS;
    if (archive_is_due(sink->archive))
        archive_start(sink->archive);
}

static int file_open(const struct logger_options *options, struct log_totals *totals,
                     void **ret_self, struct error *ret_error)
{
    if (!options->file)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "[log] sink names file, but there is no log file; set [log] file");
    struct file_sink *sink = sink_new(options, totals);
    if (!sink)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int fd = rotator_open(sink->path);
    if (fd < 0) {
        file_close(sink);
        return open_error(options->file, -fd, ret_error);
    }
    sink->stream.fd = fd;
    take_up(sink);
    *ret_self = sink;
    return 0;
}

static int file_descriptor(const void *self)
{
    return ((const struct file_sink *)self)->stream.fd;
}

const struct sink_type sink_file = {.name = "file",
                                    .open = file_open,
                                    .write = file_write,
                                    .close = file_close,
                                    .descriptor = file_descriptor};
