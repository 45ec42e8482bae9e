/* SPDX-License-Identifier: Apache-2.0
 * The log of the process: levels, options, the set of sinks. Writers share a lock that is taken
 * alone only to replace the sinks; what a sink cannot take is counted and told once it can. */
#include "log/logger.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "log/recent.h"
#include "log/record.h"
#include "log/redact.h"
#include "log/sink.h"

static const struct sink_type *const types[] = {&sink_file, &sink_stderr, &sink_syslog,
                                                &sink_journal};
#define TYPES (sizeof types / sizeof *types)

struct sink {
    const struct sink_type *type;
    void *self;
    atomic_uint_fast64_t dropped; /* records lost since the last good write */
    atomic_int reason;            /* errno of the last loss */
};

struct sink_set {
    struct sink sinks[TYPES];
    size_t count;
};

static struct sink_set plain_stderr = {.sinks = {{.type = &sink_stderr}}, .count = 1};

/* The one log of the process: there is nothing else that errors could be reported to. */
static struct {
    pthread_rwlock_t lock; /* read: writing records; write: replacing sinks or secrets */
    struct sink_set *set;
    struct redactor redactor;
    struct recent recent;
    struct log_totals totals;
    atomic_int level;
} logger = {.lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP, /* writers never starve */
            .set = &plain_stderr,
            .recent = RECENT_INIT,
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

int logger_descriptor(void)
{
    int fd = -1;
    pthread_rwlock_rdlock(&logger.lock);
    for (size_t i = 0; i < logger.set->count && fd < 0; i++)
        if (logger.set->sinks[i].type->descriptor)
            fd = logger.set->sinks[i].type->descriptor(logger.set->sinks[i].self);
    pthread_rwlock_unlock(&logger.lock);
    return fd;
}

void logger_set_level(enum log_level level)
{
    atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

bool logger_enabled(enum log_level level)
{
    return level != LOG_OFF &&
           (int)level <= atomic_load_explicit(&logger.level, memory_order_relaxed);
}

/* ---- writing; the caller holds logger.lock ---- */

static void add_total(atomic_uint_fast64_t *total, uint64_t number)
{
    atomic_fetch_add_explicit(total, number, memory_order_relaxed);
}

/* Before the next record: says how many are missing, if the sink takes anything again. */
static void report_losses(struct sink *sink, const struct timespec *now)
{
    if (atomic_load_explicit(&sink->dropped, memory_order_relaxed) == 0)
        return;
    uint64_t lost = atomic_exchange(&sink->dropped, 0);
    if (lost == 0)
        return;
    char message[160], reason[64];
    snprintf(message, sizeof message, "%llu record%s lost here: %s", (unsigned long long)lost,
             lost == 1 ? " was" : "s were",
             strerror_r(atomic_load(&sink->reason), reason, sizeof reason));
    struct log_entry notice = {
        .level = LOG_WARN, .time = *now, .source = "log", .message = message};
    ssize_t rc = sink->type->write(sink->self, &notice);
    if (rc >= 0)
        return;
    atomic_store(&sink->reason, (int)-rc);
    atomic_fetch_add(&sink->dropped, lost);
}

static void write_to(struct sink *sink, const struct log_entry *entry)
{
    report_losses(sink, &entry->time);
    ssize_t rc = sink->type->write(sink->self, entry);
    if (rc >= 0) {
        add_total(&logger.totals.bytes, (uint64_t)rc);
        return;
    }
    atomic_store(&sink->reason, (int)-rc);
    atomic_fetch_add(&sink->dropped, 1);
    add_total(&logger.totals.dropped, 1);
}

static void write_message(enum log_level level, const char *source, const char *message)
{
    pthread_rwlock_rdlock(&logger.lock);
    char *clean = redactor_apply(&logger.redactor, message);
    struct log_entry entry = {.level = level, .source = source, .message = clean ? clean : message};
    clock_gettime(CLOCK_REALTIME, &entry.time);
    for (size_t i = 0; i < logger.set->count; i++)
        write_to(&logger.set->sinks[i], &entry);
    if (level <= LOG_WARN)
        recent_add(&logger.recent, level, &entry.time, source, entry.message);
    pthread_rwlock_unlock(&logger.lock);
    add_total(&logger.totals.written[level], 1);
    redactor_release(clean);
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

static void set_free(struct sink_set *set)
{
    struct timespec now;
    if (set == &plain_stderr)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < set->count; i++) {
        report_losses(&set->sinks[i], &now);
        set->sinks[i].type->close(set->sinks[i].self);
    }
    free(set);
}

/* Nobody waits for the old sinks to be closed. */
static void replace_set(struct sink_set *set)
{
    pthread_rwlock_wrlock(&logger.lock);
    struct sink_set *before = logger.set;
    logger.set = set;
    pthread_rwlock_unlock(&logger.lock);
    set_free(before);
}

static const struct sink_type *find_type(const char *name, size_t length)
{
    for (size_t i = 0; i < TYPES; i++)
        if (strlen(types[i]->name) == length && strncasecmp(types[i]->name, name, length) == 0)
            return types[i];
    return NULL;
}

static int add_sink(struct sink_set *set, const char *name, size_t length,
                    const struct logger_options *options, struct error *ret_error)
{
    const struct sink_type *type = find_type(name, length);
    if (!type)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "[log] sink: there is no sink \"%.*s\"; choose from file, stderr, syslog, "
                         "journal",
                         (int)length, name);
    for (size_t i = 0; i < set->count; i++)
        if (set->sinks[i].type == type)
            return 0;
    void *self = NULL;
    int rc = type->open(options, &logger.totals, &self, ret_error);
    if (rc == 0)
        set->sinks[set->count++] = (struct sink){.type = type, .self = self};
    return rc;
}

static int open_sinks(struct sink_set *set, const struct logger_options *options,
                      struct error *ret_error)
{
    static const char blanks[] = ", \t\n";
    const char *at = options->sinks ? options->sinks + strspn(options->sinks, blanks) : "";
    if (!*at)
        at = options->file ? "file" : "stderr";
    int rc = 0;
    while (*at && !rc) {
        size_t length = strcspn(at, blanks);
        rc = add_sink(set, at, length, options, ret_error);
        at += length;
        at += strspn(at, blanks);
    }
    return rc;
}

int logger_open(const struct logger_options *options, struct error *ret_error)
{
    struct sink_set *set = calloc(1, sizeof *set);
    if (!set)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = open_sinks(set, options, ret_error);
    if (rc) {
        set_free(set);
        return rc;
    }
    replace_set(set);
    logger_set_level(options->level);
    return 0;
}

void logger_close(void)
{
    replace_set(&plain_stderr);
    logger_set_level(LOG_WARN);
}

void logger_redirect_stderr(int fd)
{
    pthread_rwlock_wrlock(&logger.lock);
    sink_stderr_redirect(fd);
    pthread_rwlock_unlock(&logger.lock);
}

/* ---- secrets and figures ---- */

int logger_redact(const char *secret)
{
    pthread_rwlock_wrlock(&logger.lock);
    int rc = redactor_add(&logger.redactor, secret);
    pthread_rwlock_unlock(&logger.lock);
    return rc;
}

void logger_unredact(const char *secret)
{
    pthread_rwlock_wrlock(&logger.lock);
    redactor_remove(&logger.redactor, secret);
    pthread_rwlock_unlock(&logger.lock);
}

bool logger_knows_secret(const char *text, size_t size)
{
    pthread_rwlock_rdlock(&logger.lock);
    bool found = redactor_finds(&logger.redactor, text, size);
    pthread_rwlock_unlock(&logger.lock);
    return found;
}

void logger_recent(void (*callback)(void *data, const struct log_recent *record), void *data)
{
    struct log_recent records[RECENT_MAX];
    unsigned count = recent_copy(&logger.recent, records);
    for (unsigned i = 0; i < count; i++)
        callback(data, &records[i]);
}

void logger_counts(struct log_counts *ret_counts)
{
    for (size_t i = 0; i <= LOG_TRACE; i++)
        ret_counts->written[i] = atomic_load(&logger.totals.written[i]);
    ret_counts->dropped = atomic_load(&logger.totals.dropped);
    ret_counts->rotations = atomic_load(&logger.totals.rotations);
    ret_counts->bytes = atomic_load(&logger.totals.bytes);
}
