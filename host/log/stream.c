/* SPDX-License-Identifier: Apache-2.0
 * Whole records to a descriptor, over signals, full disks and terminals that do not drain. */
#include "log/stream.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define STALL_MS 1000 /* how long a full terminal or pipe without blocking may take */

/* Writes all bytes. Returns 0 or errno. */
static int write_bytes(struct stream *stream, const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(stream->fd, bytes + done, size - done);
        if (written > 0) {
            done += (size_t)written;
            continue;
        }
        int reason = written == 0 ? EIO : errno;
        struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};
        if (reason == EINTR || (reason == EAGAIN && poll(&ready, 1, STALL_MS) > 0))
            continue;
        if (done > 0)
            atomic_store(&stream->torn, true);
        return reason;
    }
    return 0;
}

ssize_t stream_write(struct stream *stream, const struct record *record)
{
    if (atomic_load(&stream->torn) && write_bytes(stream, "\n", 1) == 0)
        atomic_store(&stream->torn, false);
    int reason = write_bytes(stream, record->text, record->size);
    return reason ? -reason : (ssize_t)record->size;
}
