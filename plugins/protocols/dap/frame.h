/* SPDX-License-Identifier: Apache-2.0
 * The wire of DAP: "Content-Length: N", further header lines, an empty line, N bytes of JSON. */
#ifndef DAP_FRAME_H
#define DAP_FRAME_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADER_MAX 8192
#define FRAME_MAX (64u << 20) /* bytes of one message */

/* What has come and is not yet taken. Zeroed: nothing. */
struct frames {
    char *data;
    size_t used, room, taken; /* taken: bytes in front that are done with */
};

/* Room for at least `size` more bytes at the end, or NULL: out of memory. */
char *frames_room(struct frames *frames, size_t size);

/* 1: *ret_text is the next whole message (not terminated; borrowed until frames_room); 0: more has
 * to come; EINVAL: this is not DAP, with the reason in *ret_why. */
int32_t frames_next(struct frames *frames, const char **ret_text, size_t *ret_size,
                    const char **ret_why);

void frames_clear(struct frames *frames);

/* The frame of a message: malloc'ed, or NULL: out of memory. */
char *frame_encode(const json_t *message, size_t *ret_size);

#endif
