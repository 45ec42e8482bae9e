/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 as bytes arrive: what is whole, what is wrong. Used by kernel/output.c
 * and wherever text of a plugin becomes JSON. */
#ifndef HOST_UTF8_H
#define HOST_UTF8_H

#include <stddef.h>

/* How many bytes of text are valid UTF-8 from its start on. */
size_t utf8_valid(const char *text, size_t size);

/* A malloc'ed copy with every wrong byte replaced by U+FFFD, NUL-terminated beyond *ret_size bytes
 * (which may be NULL); NULL without memory. */
char *utf8_repair(const char *text, size_t size, size_t *ret_size);

/* True if text (shorter than 4 bytes) may become one code point with more bytes behind it. */
int utf8_is_partial(const char *text, size_t size);

#endif
