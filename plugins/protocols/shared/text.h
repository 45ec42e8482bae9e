/* SPDX-License-Identifier: Apache-2.0
 * A growing byte buffer and the writer of JSON text: Jansson's dumper goes byte by byte through a
 * callback, this one copies whole runs. For plugins that send JSON: compiled into each. */
#ifndef PROTOCOLS_TEXT_H
#define PROTOCOLS_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Nesting that text_add_json writes and scan_json reads; the same as Jansson's. */
#define TEXT_DEPTH_MAX 2048

struct text {
    char *data;      /* not terminated */
    size_t size;     /* bytes used */
    size_t capacity; /* bytes there */
    int heap;        /* data is malloc'ed (else the caller's first buffer) */
    int failed;      /* out of memory or too deep: the text is not complete */
};

/* Starts with a buffer of the caller's, usually on the stack; the heap follows when it is full. */
void text_init(struct text *text, char *buffer, size_t capacity);

/* Frees what is on the heap; the struct can be cleared again. */
void text_clear(struct text *text);

/* Room for size more bytes, or NULL (then failed is set). */
char *text_reserve(struct text *text, size_t size);

void text_add(struct text *text, const void *data, size_t size);
#define text_add_literal(text, literal) text_add((text), (literal), sizeof(literal) - 1)

void text_add_integer(struct text *text, int64_t value);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_add_string(struct text *text, const char *data, size_t size);

/* Any JSON value, compact. Deeper than TEXT_DEPTH_MAX sets failed. */
void text_add_json(struct text *text, const json_t *value);

#endif
