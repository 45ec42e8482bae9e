/* SPDX-License-Identifier: Apache-2.0
 * A piece of borrowed bytes, and the two byte-run questions that both directions of JSON text ask
 * (text.c when writing, scan.c when reading). */
#ifndef PROTOCOLS_SPAN_H
#define PROTOCOLS_SPAN_H

#include <stddef.h>

struct span {
    const char *data; /* borrowed; not terminated */
    size_t size;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})

/* How many of the first bytes can stand in a JSON string as they are: ASCII from space on, but
 * neither '"' nor '\'. [any-thread] */
size_t span_plain(const char *data, size_t size);

/* The length (2 to 4) of the well-formed UTF-8 sequence at data, 0 if there is none; ASCII is not
 * for this function. [any-thread] */
size_t span_utf8(const char *data, size_t size);

/* 1 if span holds exactly text. [any-thread] */
int span_is(struct span span, const char *text);

#endif
