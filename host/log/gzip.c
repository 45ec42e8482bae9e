/* SPDX-License-Identifier: Apache-2.0
 * gzip by zlib, in pieces small enough that an end of the process does not wait. */
#include "log/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <llmspell/tool.h>

#define PIECE 65536
#define LEVEL 6
#define GZIP_WINDOW (15 + 16) /* +16: a gzip header, not zlib's */

static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Writes all that zlib can make of its input now. */
static int deflate_piece(z_stream *zip, int flush, unsigned char *out, int to)
{
    do {
        zip->next_out = out;
        zip->avail_out = PIECE;
        if (deflate(zip, flush) == Z_STREAM_ERROR)
            return -EIO;
        int rc = write_all(to, out, PIECE - zip->avail_out);
        if (rc)
            return rc;
    } while (zip->avail_out == 0);
    return 0;
}

static int copy(z_stream *zip, int from, int to, const atomic_bool *stop, unsigned char *buffer,
                uint64_t *size)
{
    for (;;) {
        ssize_t got = read(from, buffer, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (atomic_load(stop))
            return -ECANCELED;
        zip->next_in = buffer;
        zip->avail_in = (unsigned)got;
        *size += (uint64_t)got;
        int rc = deflate_piece(zip, got ? Z_NO_FLUSH : Z_FINISH, buffer + PIECE, to);
        if (rc || got == 0)
            return rc;
    }
}

int gzip_copy(int from, int to, const atomic_bool *stop, uint64_t *ret_size)
{
    LLMSPELL_CLEANUP_FREE unsigned char *buffer = malloc(2 * PIECE);
    z_stream zip = {0};
    uint64_t size = 0;
    if (!buffer ||
        deflateInit2(&zip, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    int rc = copy(&zip, from, to, stop, buffer, &size);
    deflateEnd(&zip);
    if (rc == 0 && fdatasync(to) < 0)
        rc = -errno;
    if (rc == 0)
        *ret_size = size;
    return rc;
}
