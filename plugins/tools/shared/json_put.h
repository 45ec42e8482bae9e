/* SPDX-License-Identifier: Apache-2.0
 * JSON text with doubles in the shortest form (Jansson writes 17 digits). Compiled into each tool
 * that uses it. */
#ifndef TOOLS_SHARED_JSON_PUT_H
#define TOOLS_SHARED_JSON_PUT_H

#include <stdbool.h>

#include "bounded_text.h"

/* Appends value; indent: spaces a level, 0 = compact; sort: members by code point. The depth of
 * value is that of parsed text: bounded by who made it. */
void json_put(struct bounded_text *out, const json_t *value, size_t indent, bool sort);

void json_put_string(struct bounded_text *out, const char *text, size_t size);

/* The shortest text of a finite double that stays a real: with a point or an exponent. */
void json_put_real(struct bounded_text *out, double value);

/* The members of an object in the order of code points; NULL when out of memory, or if it has
 * none. The caller frees the list, not the keys. */
const char **json_sorted_keys(const json_t *object);

#endif
