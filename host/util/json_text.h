/* SPDX-License-Identifier: Apache-2.0
 * JSON text as we print it: doubles in the shortest form that reads back the same (Jansson prints
 * 17 digits), compact or indented. Used by the commands. */
#ifndef HOST_JSON_TEXT_H
#define HOST_JSON_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* The shortest decimal text of a finite double that reads back as the same (32 bytes of buffer);
 * always with a point or an exponent, so that it stays a real. */
void json_real_text(double value, char *buffer);

/* Writes a value; indent: spaces a level, 0 = compact. Nested deeper than 512: writes null. */
void json_text_write(FILE *out, const json_t *value, int indent);

#endif
