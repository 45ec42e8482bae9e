/* SPDX-License-Identifier: Apache-2.0
 * The log of a process: levels, formats, sinks (stderr, file, syslog, journal), safe from any
 * thread. Secrets are redacted before a record leaves the process. */
#ifndef HOST_LOGGER_H
#define HOST_LOGGER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "util/error.h"

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_COMPACT, LOG_PRETTY, LOG_JSON };

struct logger_options {
    enum log_level level;
    enum log_format format;
    const char *sinks;     /* "file,syslog": of file, stderr, syslog, journal; NULL or "": file if
                              there is one, else stderr */
    const char *file;      /* path, or NULL; parent folder must exist; mode 0640 */
    uint64_t rotate_bytes; /* rename to FILE.1, FILE.2 … when larger; 0 = never */
    unsigned rotate_count; /* rotated files to keep */
    int64_t rotate_age_ms; /* rename when the first record is older; 0 = never */
    int64_t rotate_max_age_ms;  /* remove rotated files that are older; 0 = never */
    bool compress;              /* rotated files become FILE.1.gz … in the background */
    bool color;                 /* stderr only */
    const char *kernel;         /* id: LLMSPELL_KERNEL in the journal; NULL = none */
    const char *syslog_socket;  /* NULL = /dev/log */
    const char *journal_socket; /* NULL = /run/systemd/journal/socket */
};

/* Opens the process's log in place of the one before, while other threads write: the way to reload,
 * too. On failure the log before stays whole. Strings are copied. Errors: EINVAL (a sink of another
 * name, file without a file), EIO with the path, the reason and the cure. [main] */
int logger_open(const struct logger_options *options, struct error *ret_error);

/* Flushes and closes; logging afterwards goes to stderr at level warn. [main] */
void logger_close(void);

/* The descriptor of the log file, for a crash report; stays valid until the next logger_open or
 * logger_close; -1: there is no file. [main] */
int logger_descriptor(void);

void logger_set_level(enum log_level level);
bool logger_enabled(enum log_level level);

/* Level by name ("off", "error", "warn", "info", "debug", "trace"); false if there is none. */
bool log_level_parse(const char *name, enum log_level *ret_level);
const char *log_level_name(enum log_level level);
bool log_format_parse(const char *name, enum log_format *ret_format);

/* From now on no record shows secret, nor its form within JSON text: it reads [redacted]. Fewer
 * than 6 bytes are EINVAL: they would blot out words. Each call wants one logger_unredact. Errors:
 * EINVAL, ENOMEM. [any-thread] */
int logger_redact(const char *secret);
void logger_unredact(const char *secret);

/* Does one of these secrets stand in the text? For what is written elsewhere. */
bool logger_knows_secret(const char *text, size_t size);

/* A record of level error or warn that was logged lately; strings are UTF-8, redacted, cut. */
struct log_recent {
    struct timespec time;
    enum log_level level;
    char source[64], message[512];
};

/* Calls back for the last 16 of them, the oldest first; the callback may log. [any-thread] */
void logger_recent(void (*callback)(void *data, const struct log_recent *record), void *data);

/* Since the process started. */
struct log_counts {
    uint64_t written[LOG_TRACE + 1]; /* records by level */
    uint64_t dropped;                /* records that a sink did not take */
    uint64_t rotations;
    uint64_t bytes; /* that sinks took */
};

void logger_counts(struct log_counts *ret_counts); /* [any-thread] */

/* Writes one record: one write(2) a record, control characters escaped (nobody forges lines),
 * never fails, never blocks on anything but the write. source: "kernel", "plugin:jupyter" …
 * [any-thread] */
__attribute__((format(printf, 3, 4))) void log_write(enum log_level level, const char *source,
                                                     const char *format, ...);

#define log_error(source, ...) log_write(LOG_ERROR, source, __VA_ARGS__)
#define log_warn(source, ...) log_write(LOG_WARN, source, __VA_ARGS__)
#define log_info(source, ...) log_write(LOG_INFO, source, __VA_ARGS__)
#define log_debug(source, ...)                                                                     \
    do {                                                                                           \
        if (logger_enabled(LOG_DEBUG))                                                             \
            log_write(LOG_DEBUG, source, __VA_ARGS__);                                             \
    } while (0)

#endif
