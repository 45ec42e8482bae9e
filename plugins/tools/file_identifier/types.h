/* SPDX-License-Identifier: Apache-2.0
 * Media types and the extensions that go with them. */
#ifndef FILE_IDENTIFIER_TYPES_H
#define FILE_IDENTIFIER_TYPES_H

#include <jansson.h>
#include <stdbool.h>

/* True for types whose content is text, whatever they are called. */
bool type_is_text(const char *mime);

/* True if the two are one type under two names (application/x-gzip is application/gzip), or
 * `wanted` covers `mime` ("image/" and a star). Parameters behind ";" do not count. */
bool type_covers(const char *wanted, const char *mime);

/* The extension of the last component, without the dot; NULL if there is none. */
const char *path_extension(const char *path);

/* Adds the extensions that the table knows for mime to the array. False: out of memory. */
bool type_add_extensions(const char *mime, json_t *extensions);

enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN };

/* Whether content of this type may have this extension. extensions: those known for mime. */
enum fit type_fits_extension(const char *mime, const json_t *extensions, const char *extension);

#endif
