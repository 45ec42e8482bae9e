/* SPDX-License-Identifier: Apache-2.0
 * Text that grows, for tools that write formats. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_BYTE_BUFFER_H
#define TOOLS_SHARED_BYTE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed = empty. Once out of memory it stays failed, so that only the end needs a check. */
struct byte_buffer {
    char *data; /* NUL-terminated if anything was added; may hold NUL */
    size_t size, room;
    bool failed;
};

void buffer_add(struct byte_buffer *buffer, const char *text, size_t size);
void buffer_puts(struct byte_buffer *buffer, const char *text);
void buffer_char(struct byte_buffer *buffer, char c);
void buffer_fill(struct byte_buffer *buffer, char c, size_t count);
__attribute__((format(printf, 2, 3))) void buffer_printf(struct byte_buffer *buffer,
                                                         const char *format, ...);
void buffer_clear(struct byte_buffer *buffer); /* frees; the buffer is empty again */

#define CLEANUP_BUFFER __attribute__((cleanup(buffer_clear)))

#endif
