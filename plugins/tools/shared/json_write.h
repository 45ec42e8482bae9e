/* SPDX-License-Identifier: Apache-2.0
 * Numbers and JSON text as results show them (TOOLS.md 3): doubles in the shortest form that reads
 * back the same, whatever the locale. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_JSON_WRITE_H
#define TOOLS_SHARED_JSON_WRITE_H

#include <jansson.h>

#include "byte_buffer.h"

#define REAL_TEXT_SIZE 32

struct json_style {
    int indent;     /* spaces a level; 0 = compact */
    bool sort_keys; /* by code point */
    bool ascii;     /* \uXXXX for all beyond ASCII */
};

/* A double as a result: an integer if it is whole and at most 2^53, else a real; NaN and the
 * infinities as strings. NULL: out of memory. */
json_t *number_json(double value);

/* The shortest text of a finite double that reads back the same: 2.5, 1e+300, 3. */
void number_text(double value, char text[REAL_TEXT_SIZE]);

/* Appends value as JSON text. Nested deeper than 2048 levels, or a real that JSON has no word for:
 * the buffer fails. */
void json_write(struct byte_buffer *out, const json_t *value, const struct json_style *style);

/* Appends text as a JSON string with its quotes. */
void json_write_string(struct byte_buffer *out, const char *text, size_t size, bool ascii);

#endif
