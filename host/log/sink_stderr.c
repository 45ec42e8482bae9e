/* SPDX-License-Identifier: Apache-2.0
 * The sink stderr: compact, pretty (in colour on a terminal) or JSON. Without self (before a log is
 * open) it is plain. Called by logger.c. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/sink.h"
#include "log/stream.h"

struct stderr_sink {
    enum log_format format;
    bool color;
};

/* There is one stderr in a process. */
static struct stream stream = {.fd = STDERR_FILENO};

void sink_stderr_redirect(int fd)
{
    stream.fd = fd;
}

static int stderr_open(const struct logger_options *options, struct log_totals *totals,
                       void **ret_self, struct error *ret_error)
{
    (void)totals;
    struct stderr_sink *sink = malloc(sizeof *sink);
    if (!sink)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *sink = (struct stderr_sink){.format = options->format, .color = options->color};
    *ret_self = sink;
    return 0;
}

static ssize_t stderr_write(void *self, const struct log_entry *entry)
{
    static const struct stderr_sink plain = {.format = LOG_COMPACT};
    const struct stderr_sink *sink = self ? self : &plain;
    struct record record;
    record_init(&record, entry->level, sink->format, sink->color, &entry->time, entry->source,
                entry->message);
    ssize_t rc = stream_write(&stream, &record);
    record_clear(&record);
    return rc;
}

const struct sink_type sink_stderr = {.name = "stderr",
                                      .open = stderr_open,
                                      .write = stderr_write,
                                      .close = free,
                                      .descriptor = NULL};
