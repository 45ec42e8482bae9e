/* SPDX-License-Identifier: Apache-2.0
 * The patterns of history_request: * (any text), ? (one character), [abc], [a-z], [^abc]. */
#ifndef HOST_HISTORY_GLOB_H
#define HOST_HISTORY_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Does the whole text fit? Case counts. Takes at most about pattern × text steps. */
bool history_glob(const char *pattern, size_t pattern_size, const char *text, size_t text_size);

#endif
