/* SPDX-License-Identifier: Apache-2.0
 * The sink syslog: RFC 3164 datagrams to /dev/log, facility daemon. Not libc's syslog(): that one
 * blocks while syslogd does not drain, and is silent if there is none. Called by logger.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/datagram.h"
#include "log/record.h"
#include "log/sink.h"
#include "log/utf8.h"

#define SYSLOG_SOCKET "/dev/log"
#define FACILITY_DAEMON (3 << 3)
#define SYSLOG_MAX 8192 /* bytes of a datagram; what common daemons take */

struct syslog_sink {
    struct datagram datagram;
    enum log_format format;
};

int sink_severity(enum log_level level)
{
    static const int severities[] = {7, 3, 4, 6, 7, 7};
    return severities[level];
}

static int syslog_open(const struct logger_options *options, struct log_totals *totals,
                       void **ret_self, struct error *ret_error)
{
    (void)totals;
    const char *path = options->syslog_socket ? options->syslog_socket : SYSLOG_SOCKET;
    struct syslog_sink *sink = malloc(sizeof *sink);
    int rc = sink ? datagram_open(&sink->datagram, path) : -ENOMEM;
    if (rc) {
        free(sink);
        return error_set(ret_error, LLMSPELL_EIO,
                         "cannot open the log sink syslog at %s: %s; start a syslog daemon, or "
                         "take syslog out of [log] sink",
                         path, strerror(-rc));
    }
    sink->format = options->format;
    *ret_self = sink;
    return 0;
}

/* "<30>Nov  2 17:43:13 llmspell[17162]: ": local time, as the RFC wants. */
static int format_head(const struct log_entry *entry, char *text, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm local = {0};
    localtime_r(&entry->time.tv_sec, &local);
    return snprintf(text, size, "<%d>%.3s %2d %02d:%02d:%02d " SINK_IDENT "[%d]: ",
                    FACILITY_DAEMON | sink_severity(entry->level), months + 3 * local.tm_mon,
                    local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, (int)getpid());
}

static ssize_t syslog_write(void *self, const struct log_entry *entry)
{
    struct syslog_sink *sink = self;
    struct record record;
    char head[96];
    int length = format_head(entry, head, sizeof head);
    record_init(&record, entry->level, sink->format, false, &entry->time, entry->source,
                entry->message);
    record.text[record.size - 1] = '\0'; /* the line's end */
    char *body = record.text + record.body;
    struct iovec parts[] = {
        {.iov_base = head, .iov_len = (size_t)length},
        {.iov_base = body, .iov_len = (size_t)utf8_clip(body, SYSLOG_MAX - (size_t)length)}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int rc = datagram_send(&sink->datagram, &message);
    record_clear(&record);
    return rc ? rc : (ssize_t)(parts[0].iov_len + parts[1].iov_len);
}

static void syslog_close(void *self)
{
    struct syslog_sink *sink = self;
    datagram_close(&sink->datagram);
    free(sink);
}

const struct sink_type sink_syslog = {.name = "syslog",
                                      .open = syslog_open,
                                      .write = syslog_write,
                                      .close = syslog_close,
                                      .descriptor = NULL};
