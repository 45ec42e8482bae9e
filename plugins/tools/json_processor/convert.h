/* SPDX-License-Identifier: Apache-2.0
 * Values of Jansson and of jq, both ways. Used by engine.c. */
#ifndef JSON_PROCESSOR_CONVERT_H
#define JSON_PROCESSOR_CONVERT_H

#include <jansson.h>
#include <jv.h>

#define CONVERT_DEPTH_MAX 500

/* jq has doubles only: integers beyond 2^53 lose digits (as jq 1.6 itself). */
jv convert_to_jq(const json_t *value);

enum convert_trouble { CONVERT_OK, CONVERT_DEEP, CONVERT_NUL };

/* Consumes value. NULL: *ret_trouble is CONVERT_DEEP (nested deeper than CONVERT_DEPTH_MAX),
 * CONVERT_NUL (a name holds U+0000, which Jansson cannot write), or CONVERT_OK (no memory). */
json_t *convert_from_jq(jv value, enum convert_trouble *ret_trouble);

#endif
