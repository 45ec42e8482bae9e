/* SPDX-License-Identifier: Apache-2.0
 * The log of a process: levels, formats, one sink (stderr or a file), safe from any thread. */
#ifndef HOST_LOGGER_H
#define HOST_LOGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

enum log_level { LOG_OFF, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_COMPACT, LOG_PRETTY, LOG_JSON };

struct logger_options {
    enum log_level level;
    enum log_format format;
    const char *file;      /* path, or NULL for stderr; parent folder must exist; mode 0640 */
    uint64_t rotate_bytes; /* rename to FILE.1, FILE.2 … when larger; 0 = never */
    unsigned rotate_count; /* rotated files to keep */
    bool color;            /* stderr only */
};

/* Opens the process's log (replaces the one before). Errors: EIO with path and strerror. [main] */
int logger_open(const struct logger_options *options, struct error *ret_error);

/* Flushes and closes; logging afterwards goes to stderr at level warn. [main] */
void logger_close(void);

void logger_set_level(enum log_level level);
bool logger_enabled(enum log_level level);

/* Level by name ("off", "error", "warn", "info", "debug", "trace"); false if there is none. */
bool log_level_parse(const char *name, enum log_level *ret_level);
const char *log_level_name(enum log_level level);
bool log_format_parse(const char *name, enum log_format *ret_format);

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
