/* SPDX-License-Identifier: Apache-2.0
 * UUIDs and ULIDs as text, and what their bits say. Used by uuid_generator.c and generate.c. */
#ifndef UUID_GENERATOR_TEXT_H
#define UUID_GENERATOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 128 bits, most significant byte first, as RFC 9562 lays them out. */
struct id {
    unsigned char bytes[16];
};

enum text_format { TEXT_HYPHENATED, TEXT_SIMPLE, TEXT_URN, TEXT_BRACED, TEXT_ULID };

#define TEXT_MAX 48    /* bytes of the longest form with its NUL */
#define TEXT_REASON 96 /* bytes of a reason with its NUL */

enum text_format text_format_find(const char *name); /* by its name in the manifest */
const char *text_format_name(enum text_format format);

/* Writes id in a format: lower-case hex, or 26 upper-case Crockford characters for a ULID. */
void text_write(const struct id *id, enum text_format format, char ret_text[TEXT_MAX]);

/* Reads any of the five forms in any case. Returns false with the reason, a part of a sentence. */
bool text_read(const char *text, size_t size, struct id *ret_id, enum text_format *ret_format,
               char ret_reason[TEXT_REASON]);

/* The 128 bits as a decimal number. */
void text_integer(const struct id *id, char ret_text[TEXT_MAX]);

int id_version(const struct id *id);         /* the four version bits: 0..15 */
const char *id_variant(const struct id *id); /* "ncs", "rfc9562", "microsoft" or "future" */

/* Milliseconds since 1970 that a v1, v6 or v7 UUID, or a ULID, was made at; false for others. */
bool id_time(const struct id *id, enum text_format format, int64_t *ret_ms);

#endif
