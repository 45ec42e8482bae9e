/* SPDX-License-Identifier: Apache-2.0
 * Numbers as text and as JSON (TOOLS.md 3), whatever the locale. Compiled into each tool that uses
 * it. */
#ifndef TOOLS_SHARED_NUMBER_H
#define TOOLS_SHARED_NUMBER_H

#include <stdbool.h>

#include <llmspell/tool.h>

#define NUMBER_TEXT_MAX 40 /* bytes of the longest text of a double, with its NUL */

/* A JSON integer for a whole value up to 2^53, else the double; "NaN", "Infinity", "-Infinity". */
json_t *number_json(double value);

/* The shortest text that reads back as value: 5, 0.1, 1e+300, NaN, Infinity. Returns its length. */
size_t number_text(double value, char ret_text[NUMBER_TEXT_MAX]);

/* Reads the whole of text as [+-] digits [. digits] [e [+-] digits], with at least one digit before
 * or after the point; correctly rounded, beyond the range Infinity or 0. False if it is none. */
bool number_read(const char *text, size_t size, double *ret_value);

/* Reads the whole of text as [+-] digits. False if it is none or does not fit. */
bool number_read_integer(const char *text, size_t size, json_int_t *ret_value);

#endif
