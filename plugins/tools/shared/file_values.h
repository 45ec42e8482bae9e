/* SPDX-License-Identifier: Apache-2.0
 * What tools about files share: UTF-8, names and paths as JSON, times of files. Compiled into each
 * tool that uses it. */
#ifndef TOOLS_SHARED_FILE_VALUES_H
#define TOOLS_SHARED_FILE_VALUES_H

#include <stdbool.h>
#include <time.h>

#include <llmspell/tool.h>

/* How many bytes from the start on are valid UTF-8: no surrogates, nothing overlong. */
size_t utf8_valid_size(const char *data, size_t size);

/* A string for JSON: each byte that is not UTF-8 becomes U+FFFD; with `printable`, control
 * characters as well. NULL if out of memory. */
json_t *clean_text(const char *data, size_t size, bool printable);

/* "folder/name", without a doubled slash; just name for a folder that is "" or ".". malloc'ed. */
char *join_path(const char *folder, const char *name);

/* RFC 3339, UTC, milliseconds only if they are not zero. NULL if out of memory. */
json_t *time_value(const struct timespec *time);

/* Copies path for a message, shortened at a code point boundary. */
#define SHOWN_SIZE 264
void show_path(const char *path, char ret_shown[SHOWN_SIZE]);

#endif
