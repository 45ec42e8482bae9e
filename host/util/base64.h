/* SPDX-License-Identifier: Apache-2.0
 * Base64 of RFC 4648 with padding: how JSON carries bytes. Used by tool/native*.c. */
#ifndef HOST_BASE64_H
#define HOST_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* A new NUL-terminated text that the caller frees, or NULL if out of memory. [any-thread] */
char *base64_encode(const void *bytes, size_t size);

/* How many bytes a text of that length can hold at most. */
static inline size_t base64_room(size_t length)
{
    return length / 4 * 3;
}

/* Decodes into ret_bytes, which has base64_room(length) bytes. False: the text has another letter,
 * lacks its padding, or has bits behind its end that are not zero. [any-thread] */
bool base64_decode(const char *text, size_t length, void *ret_bytes, size_t *ret_size);

#endif
