/* SPDX-License-Identifier: Apache-2.0
 * The bytes that a runner sends: read as frames in the pieces in which they come, and each as JSON
 * and as an error. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool/frame.h"

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(enum frame_kind kind, const char *text, size_t size)
{
    struct error error = {.message = ""};
    json_t *value = frame_json(text, size);
    if (size > LIMIT)
        abort();
    if (kind == FRAME_ERROR && frame_error(value, &error) >= 0)
        abort();
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2], rc = 0;
    struct frame_reader reader;
    enum frame_kind kind;
    const char *text;
    size_t length, pieces = size > 64 ? 64 : size, sent = 0;
    if (size > LIMIT || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 0;
    frame_reader_init(&reader, ends[0], MSG_DONTWAIT, LIMIT);
    for (size_t i = 0; i < pieces && rc >= 0; i++) {
        size_t until = size * (i + 1) / pieces;
        if (send(ends[1], data + sent, until - sent, MSG_NOSIGNAL) != (ssize_t)(until - sent))
            abort();
        sent = until;
        while ((rc = frame_next(&reader, &kind, &text, &length)) == 1)
            look(kind, text, length);
    }
    frame_reader_clear(&reader);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
