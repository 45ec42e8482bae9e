/* SPDX-License-Identifier: Apache-2.0
 * Takes frames of DAP apart and puts them together (frame.h). */
#include "frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <llmspell/error.h>

char *frames_room(struct frames *frames, size_t size)
{
    if (frames->taken) {
        frames->used -= frames->taken;
        memmove(frames->data, frames->data + frames->taken, frames->used);
        frames->taken = 0;
    }
    if (frames->room - frames->used >= size)
        return frames->data + frames->used;
    size_t room = frames->room ? frames->room * 2 : 4096;
    while (room - frames->used < size)
        room *= 2;
    char *grown = realloc(frames->data, room);
    if (!grown)
        return NULL;
    frames->data = grown;
    frames->room = room;
    return grown + frames->used;
}

void frames_clear(struct frames *frames)
{
    free(frames->data);
    *frames = (struct frames){0};
}

/* The end of the header, behind its empty line, with or without carriage returns; 0: not there. */
static size_t header_size(const char *text, size_t size)
{
    const char *at = text, *end = text + size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        size_t length = (size_t)(newline - at);
        if (length == 0 || (length == 1 && *at == '\r'))
            return (size_t)(newline + 1 - text);
        at = newline + 1;
    }
    return 0;
}

/* Digits between blanks; -1: anything else, or too large. */
static long long read_length(const char *at, const char *end)
{
    long long length = -1;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        length = (length < 0 ? 0 : length) * 10 + (*at - '0');
        if (length > FRAME_MAX)
            return -1;
    }
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at == end ? length : -1;
}

/* The Content-Length of a header; -1: none that is usable. Other lines do not matter. */
static long long find_length(const char *text, size_t size)
{
    static const char NAME[] = "content-length:";
    const char *at = text, *end = text + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if ((size_t)(stop - at) > sizeof NAME - 1 && strncasecmp(at, NAME, sizeof NAME - 1) == 0)
            return read_length(at + sizeof NAME - 1, stop);
        at = stop + 1;
    }
    return -1;
}

int32_t frames_next(struct frames *frames, const char **ret_text, size_t *ret_size,
                    const char **ret_why)
{
    const char *text = frames->data + frames->taken;
    size_t size = frames->used - frames->taken;
    if (size == 0)
        return 0;
    size_t header = header_size(text, size < FRAME_HEADER_MAX ? size : FRAME_HEADER_MAX);
    if (header == 0 && size >= FRAME_HEADER_MAX) {
        *ret_why = "its header does not end within 8192 bytes";
        return LLMSPELL_EINVAL;
    }
    if (header == 0)
        return 0;
    long long length = find_length(text, header);
    if (length < 0) {
        *ret_why = "its header has no Content-Length between 0 and 67108864";
        return LLMSPELL_EINVAL;
    }
    if (size - header < (size_t)length)
        return 0;
    *ret_text = text + header;
    *ret_size = (size_t)length;
    frames->taken += header + (size_t)length;
    return 1;
}

char *frame_encode(const json_t *message, size_t *ret_size)
{
    char header[48];
    size_t body = json_dumpb(message, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    int length = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", body);
    char *frame = body ? malloc((size_t)length + body) : NULL;
    if (!frame)
        return NULL;
    memcpy(frame, header, (size_t)length);
    json_dumpb(message, frame + length, body, JSON_COMPACT | JSON_ENCODE_ANY);
    *ret_size = (size_t)length + body;
    return frame;
}
