/* SPDX-License-Identifier: Apache-2.0
 * The log of the process. Writers share a lock that only logger_open and logger_close take alone;
 * rotation swaps the file below the descriptor (rotator.c), so that nobody waits for it. */
#include "log/logger.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/record.h"
#include "log/rotator.h"

#define STALL_MS 1000 /* how long a full terminal or pipe without blocking may take */

/* The one sink of the process: there is nothing else that errors could be reported to. */
static struct {
    pthread_rwlock_t lock;    /* read: use of the sink; write: replacing it */
    pthread_mutex_t rotating; /* held by the one writer that rotates */
    int fd;
    char *path; /* NULL: stderr */
    enum log_format format;
    bool color;
    uint64_t rotate_bytes; /* 0: never */
    unsigned rotate_count;
    atomic_int level;
    atomic_uint_fast64_t size;    /* bytes in the file, about */
    atomic_uint_fast64_t dropped; /* records lost since the last good write */
    atomic_int reason;            /* errno of the last loss */
    atomic_bool torn;             /* the last write ended within a record */
} sink = {.lock = PTHREAD_RWLOCK_INITIALIZER,
          .rotating = PTHREAD_MUTEX_INITIALIZER,
          .fd = STDERR_FILENO,
          .level = LOG_WARN};

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};
static const char *const format_names[] = {"compact", "pretty", "json"};

/* ---- names ---- */

const char *log_level_name(enum log_level level)
{
    return level <= LOG_TRACE ? level_names[level] : "off";
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcasecmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_format_parse(const char *name, enum log_format *ret_format)
{
    for (size_t i = 0; i < sizeof format_names / sizeof *format_names; i++)
        if (strcasecmp(name, format_names[i]) == 0) {
            *ret_format = (enum log_format)i;
            return true;
        }
    return false;
}

void logger_set_level(enum log_level level)
{
    atomic_store_explicit(&sink.level, (int)level, memory_order_relaxed);
}

bool logger_enabled(enum log_level level)
{
    return level != LOG_OFF &&
           (int)level <= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

/* ---- writing; the caller holds sink.lock ---- */

/* Writes all bytes: one write(2), but for signals and full disks. Returns 0 or errno. */
static int write_bytes(const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(sink.fd, bytes + done, size - done);
        if (written > 0) {
            done += (size_t)written;
            continue;
        }
        int reason = written == 0 ? EIO : errno;
        struct pollfd ready = {.fd = sink.fd, .events = POLLOUT};
        if (reason == EINTR || (reason == EAGAIN && poll(&ready, 1, STALL_MS) > 0))
            continue;
        if (done > 0)
            atomic_store(&sink.torn, true);
        return reason;
    }
    return 0;
}

/* A record after half of another one starts on a line of its own. */
static int write_record(const struct record *record)
{
    if (atomic_load(&sink.torn) && write_bytes("\n", 1) == 0)
        atomic_store(&sink.torn, false);
    int reason = write_bytes(record->text, record->size);
    if (!reason)
        atomic_fetch_add(&sink.size, record->size);
    return reason;
}

static void make_record(struct record *record, enum log_level level, const char *source,
                        const char *message)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    record_init(record, level, sink.format, sink.color, &now, source, message);
}

/* A record of the log itself. Returns 0 or errno. */
static int write_notice(const char *message)
{
    struct record record;
    make_record(&record, LOG_WARN, "log", message);
    int reason = write_record(&record);
    record_clear(&record);
    return reason;
}

static void count_loss(uint64_t records, int reason)
{
    atomic_store(&sink.reason, reason);
    atomic_fetch_add(&sink.dropped, records);
}

/* Before the next record: says how many are missing, if the sink takes anything again. */
static void report_losses(void)
{
    uint64_t lost = atomic_exchange(&sink.dropped, 0);
    if (lost == 0)
        return;
    char message[160], reason[64];
    snprintf(message, sizeof message, "%llu record%s lost here: %s", (unsigned long long)lost,
             lost == 1 ? " was" : "s were",
             strerror_r(atomic_load(&sink.reason), reason, sizeof reason));
    int failed = write_notice(message);
    if (failed)
        count_loss(lost, failed);
}

static void rotate(void)
{
    uint64_t size = 0;
    int rc = rotator_rotate(sink.path, sink.fd, sink.rotate_count, &size);
    if (rc <= 0)
        atomic_store(&sink.size, rc == 0 ? size : 0); /* after a failure: again a limit later */
    if (rc >= 0)
        return;
    char message[512], reason[64];
    snprintf(message, sizeof message, "cannot rotate %.300s, it grows on: %s", sink.path,
             strerror_r(-rc, reason, sizeof reason));
    int failed = write_notice(message);
    if (failed)
        count_loss(1, failed);
}

static bool is_due(size_t length)
{
    uint64_t size = atomic_load(&sink.size);
    return sink.rotate_bytes > 0 && size > 0 && size + length > sink.rotate_bytes;
}

static void write_message(enum log_level level, const char *source, const char *message)
{
    struct record record;
    pthread_rwlock_rdlock(&sink.lock);
    make_record(&record, level, source, message);
    if (is_due(record.size) && pthread_mutex_trylock(&sink.rotating) == 0) {
        if (is_due(record.size)) /* nobody else did it between the two questions */
            rotate();
        pthread_mutex_unlock(&sink.rotating);
    }
    report_losses();
    int failed = write_record(&record);
    if (failed)
        count_loss(1, failed);
    record_clear(&record);
    pthread_rwlock_unlock(&sink.lock);
}

void log_write(enum log_level level, const char *source, const char *format, ...)
{
    if (!logger_enabled(level))
        return;
    int saved = errno;
    char small[RECORD_SMALL / 2], *large = NULL;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(small, sizeof small, format, args);
    if (length >= (int)sizeof small && vasprintf(&large, format, again) < 0)
        large = NULL;
    va_end(again);
    va_end(args);
    write_message(level, source,
                  length < 0 ? "(a message that cannot be formatted)"
                  : large    ? large
                             : small);
    free(large);
    errno = saved;
}

/* ---- opening and closing ---- */

static char *absolute_path(const char *path)
{
    char *absolute = NULL, *cwd = *path == '/' ? NULL : getcwd(NULL, 0);
    if (*path == '/')
        absolute = strdup(path);
    else if (!cwd || asprintf(&absolute, "%s/%s", cwd, path) < 0)
        absolute = NULL;
    free(cwd);
    return absolute;
}

static int open_error(const char *path, int reason, struct error *ret_error)
{
    const char *cure = reason == ENOENT   ? "; make its folder first"
                       : reason == ELOOP  ? "; it is a symbolic link: name the file itself"
                       : reason == EACCES ? "; choose a folder that you may write to"
                                          : "";
    return error_set(ret_error, LLMSPELL_EIO, "cannot open the log file %s: %s%s", path,
                     strerror(reason), cure);
}

/* Closes the sink and makes it stderr. The caller holds sink.lock alone. */
static void close_sink(void)
{
    report_losses();
    if (sink.path)
        close(sink.fd);
    free(sink.path);
    sink.path = NULL;
    sink.fd = STDERR_FILENO;
    sink.format = LOG_COMPACT;
    sink.color = false;
    sink.rotate_bytes = 0;
    atomic_store(&sink.size, 0);
    atomic_store(&sink.dropped, 0);
    atomic_store(&sink.torn, false);
}

int logger_open(const struct logger_options *options, struct error *ret_error)
{
    char *path = NULL;
    int fd = STDERR_FILENO;
    struct stat facts = {0};
    if (options->file) {
        path = absolute_path(options->file);
        fd = path ? rotator_open(path) : -ENOMEM;
        if (fd < 0) {
            free(path);
            return open_error(options->file, -fd, ret_error);
        }
    }
    bool regular = path && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
    pthread_rwlock_wrlock(&sink.lock);
    close_sink();
    sink.fd = fd;
    sink.path = path;
    sink.format = options->format;
    sink.color = options->color && !path;
    sink.rotate_bytes = regular ? options->rotate_bytes : 0;
    sink.rotate_count = options->rotate_count;
    atomic_store(&sink.size, (uint64_t)facts.st_size);
    pthread_rwlock_unlock(&sink.lock);
    logger_set_level(options->level);
    return 0;
}

void logger_close(void)
{
    pthread_rwlock_wrlock(&sink.lock);
    close_sink();
    pthread_rwlock_unlock(&sink.lock);
    logger_set_level(LOG_WARN);
}
