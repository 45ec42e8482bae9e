/* SPDX-License-Identifier: Apache-2.0
 * Compact JSON text with numbers in their shortest form (Jansson prints 1.1 as
 * 1.1000000000000001). Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_JSON_TEXT_H
#define TOOLS_SHARED_JSON_TEXT_H

#include "text_buffer.h"

/* Adds value; sorted: members by code point, else in their order. Whole doubles up to 2^53 are
 * written as integers. Values come from checked parameters: they are not deeply nested. */
void json_text_add(struct text_buffer *out, const json_t *value, bool sorted);
/* Adds the inside of a JSON string: escaped, without the quotes. */
void json_text_escape(struct text_buffer *out, const char *text, size_t size);

#endif
