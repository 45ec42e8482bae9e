/* SPDX-License-Identifier: Apache-2.0
 * Bytes of a DAP client, in pieces: the first byte says how large these are. What is taken apart
 * whole and what comes in pieces has to be the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A number for all messages that come out, and how it ended. */
static uint64_t take(const uint8_t *data, size_t size, size_t piece)
{
    struct frames frames = {0};
    uint64_t sum = 0;
    int32_t got = 0;
    for (size_t at = 0; at < size && got >= 0; at += piece) {
        size_t n = size - at < piece ? size - at : piece, length;
        char *room = frames_room(&frames, n);
        const char *text, *why;
        if (!room)
            abort();
        memcpy(room, data + at, n);
        frames.used += n;
        while ((got = frames_next(&frames, &text, &length, &why)) == 1) {
            for (size_t i = 0; i < length; i++)
                sum = sum * 31 + (unsigned char)text[i];
            sum = sum * 31 + length + 1;
        }
    }
    frames_clear(&frames);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 && take(data + 1, size - 1, size) != take(data + 1, size - 1, 1 + data[0] % 64))
        abort();
    return 0;
}
