/* SPDX-License-Identifier: Apache-2.0
 * Opening and reading one log file. */
#include "cli/log_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <llmspell/tool.h>

#define BLOCK 65536

static int open_regular(const char *path, struct log_source *source)
{
    struct stat facts;
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (source->fd < 0)
        return -errno;
    if (fstat(source->fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        log_source_close(source);
        return -EINVAL;
    }
    source->device = facts.st_dev;
    source->inode = facts.st_ino;
    source->size = facts.st_size;
    return 0;
}

int log_source_open(const char *path, unsigned number, struct log_source *ret_source)
{
    LLMSPELL_CLEANUP_FREE char *name = NULL;
    struct log_source source = {.fd = -1};
    if (asprintf(&name, "%s.%u.gz", path, number) < 0)
        return -ENOMEM;
    size_t plain = strlen(name) - strlen(".gz");
    if (number > 0)
        name[plain] = '\0';
    int rc = open_regular(number > 0 ? name : path, &source);
    if (rc == -ENOENT && number > 0) {
        name[plain] = '.';
        source.packed = true;
        rc = open_regular(name, &source);
    }
    if (rc == 0)
        *ret_source = source;
    return rc;
}

void log_source_close(struct log_source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
}

bool log_source_same(const struct log_source *a, const struct log_source *b)
{
    return a->device == b->device && a->inode == b->inode;
}

int log_source_copy(const struct log_source *source, off_t *offset, off_t end, log_sink sink,
                    void *data)
{
    char block[BLOCK];
    while (end < 0 || *offset < end) {
        size_t want = end >= 0 && end - *offset < BLOCK ? (size_t)(end - *offset) : BLOCK;
        ssize_t n = pread(source->fd, block, want, *offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        int rc = sink(data, block, (size_t)n);
        if (rc < 0)
            return rc;
        *offset += n;
    }
    return 0;
}

/* Hands on what of a block lies behind the first `skip` lines; counts lines in *seen. */
static int hand_on(const char *block, size_t size, uint64_t skip, log_sink sink, void *data,
                   uint64_t *seen)
{
    const char *at = block, *end = block + size;
    while (at < end && *seen < skip) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        *seen += newline != NULL;
        at = newline ? newline + 1 : end;
    }
    const char *from = at;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        ++*seen;
        at++;
    }
    return sink && from < end ? sink(data, from, (size_t)(end - from)) : 0;
}

int log_source_unpack(const struct log_source *source, uint64_t skip, log_sink sink, void *data,
                      uint64_t *ret_lines)
{
    char block[BLOCK];
    uint64_t seen = 0;
    int n, rc = 0, last = '\n';
    int fd = fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
    gzFile file = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? gzdopen(fd, "rb") : NULL;
    if (!file && fd >= 0)
        close(fd);
    /* a damaged file counts as far as it can be read */
    while (file && rc == 0 && (n = gzread(file, block, sizeof block)) > 0) {
        rc = hand_on(block, (size_t)n, skip, sink, data, &seen);
        last = block[n - 1];
    }
    if (file)
        gzclose(file);
    if (ret_lines)
        *ret_lines = seen + (last != '\n');
    return rc;
}
