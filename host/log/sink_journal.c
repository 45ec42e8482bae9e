/* SPDX-License-Identifier: Apache-2.0
 * The sink journal: systemd's native protocol, fields in a datagram, or in a sealed memory file if
 * they do not fit in one. Own code, since libsystemd loads seven more libraries. Called by
 * logger.c. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/datagram.h"
#include "log/sink.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define FIELDS 4
#define PARTS (5 * FIELDS + 1)

struct journal_sink {
    struct datagram datagram;
    char *kernel; /* NULL: none */
};

/* The parts of a message: five for a field, at most. */
struct fields {
    struct iovec parts[PARTS];
    int count;
    size_t size;
    uint64_t lengths[FIELDS];
    unsigned used;
};

static void add(struct fields *fields, const void *bytes, size_t size)
{
    fields->parts[fields->count++] =
        (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    fields->size += size;
}

/* NAME=value, or the form with a length that takes values with line ends. */
static void add_field(struct fields *fields, const char *name, const char *value)
{
    size_t length = strlen(value);
    uint64_t *binary = &fields->lengths[fields->used++];
    add(fields, name, strlen(name));
    if (memchr(value, '\n', length)) {
        *binary = htole64(length);
        add(fields, "\n", 1);
        add(fields, binary, sizeof *binary);
    } else
        add(fields, "=", 1);
    add(fields, value, length);
    add(fields, "\n", 1);
}

static void journal_close(void *self)
{
    struct journal_sink *sink = self;
    datagram_close(&sink->datagram);
    free(sink->kernel);
    free(sink);
}

static int journal_open(const struct logger_options *options, struct log_totals *totals,
                        void **ret_self, struct error *ret_error)
{
    (void)totals;
    const char *path = options->journal_socket ? options->journal_socket : JOURNAL_SOCKET;
    struct journal_sink *sink = calloc(1, sizeof *sink);
    int rc = sink ? datagram_open(&sink->datagram, path) : -ENOMEM;
    if (rc) {
        free(sink);
        return error_set(ret_error, LLMSPELL_EIO,
                         "cannot open the log sink journal at %s: %s; systemd-journald must run, "
                         "or take journal out of [log] sink",
                         path, strerror(-rc));
    }
    sink->kernel = options->kernel ? strdup(options->kernel) : NULL;
    *ret_self = sink;
    return 0;
}

/* Too large for the socket: journald reads a memory file that nobody can change any more. */
static int send_memory(struct journal_sink *sink, const struct fields *fields)
{
    LLMSPELL_CLEANUP_CLOSE int fd = memfd_create("llmspell-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (writev(fd, fields->parts, fields->count) != (ssize_t)fields->size)
        return -EIO;
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return -errno;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return datagram_send(&sink->datagram, &message);
}

static ssize_t journal_write(void *self, const struct log_entry *entry)
{
    struct journal_sink *sink = self;
    struct fields fields = {.count = 0};
    char priority[64];
    snprintf(priority, sizeof priority, "PRIORITY=%d\nSYSLOG_IDENTIFIER=" SINK_IDENT "\n",
             sink_severity(entry->level));
    add(&fields, priority, strlen(priority));
    add_field(&fields, "MESSAGE", entry->message);
    add_field(&fields, "LLMSPELL_SOURCE", entry->source);
    if (sink->kernel)
        add_field(&fields, "LLMSPELL_KERNEL", sink->kernel);
    struct msghdr message = {.msg_iov = fields.parts, .msg_iovlen = (size_t)fields.count};
    int rc = datagram_send(&sink->datagram, &message);
    if (rc == -EMSGSIZE || rc == -ENOBUFS)
        rc = send_memory(sink, &fields);
    return rc ? rc : (ssize_t)fields.size;
}

const struct sink_type sink_journal = {.name = "journal",
                                       .open = journal_open,
                                       .write = journal_write,
                                       .close = journal_close,
                                       .descriptor = NULL};
