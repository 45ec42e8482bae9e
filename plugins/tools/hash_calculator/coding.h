/* SPDX-License-Identifier: Apache-2.0
 * Bytes as text: hex, Base64 and Base64url, both ways. Used by hash_calculator.c. */
#ifndef HASH_CALCULATOR_CODING_H
#define HASH_CALCULATOR_CODING_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum coding { CODING_UTF8, CODING_HEX, CODING_BASE64, CODING_BASE64URL };

/* By its name in the manifest; "utf8" for NULL and for anything else. */
enum coding coding_find(const char *name);
const char *coding_title(enum coding coding); /* "Base64", for messages */
const char *coding_rule(enum coding coding);  /* "it is of A-Z …", what to do about an error */

/* Hex in lower case, Base64 padded, Base64url not; a new JSON string, NULL if memory is out. */
json_t *coding_encode(enum coding coding, const unsigned char *bytes, size_t size);

/* *ret_bytes is malloc'ed, never NULL. Hex takes both cases and nothing else between; Base64 takes
 * missing padding and ASCII white space. EPARSE with *ret_offset, the first wrong character (in
 * code points); ENOMEM. */
int32_t coding_decode(enum coding coding, const char *text, size_t size, unsigned char **ret_bytes,
                      size_t *ret_size, size_t *ret_offset);

#endif
