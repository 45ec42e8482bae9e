/* SPDX-License-Identifier: Apache-2.0
 * The line of a JSON text on which a value stands, for messages about manifests. */
#ifndef HOST_JSON_LINE_H
#define HOST_JSON_LINE_H

#include <stddef.h>

/* The line (from 1 on) of the value at a JSON pointer in a valid JSON text; of a member, the line
 * of its key; of what is not there, that of the object or array that should hold it. [any-thread]
 */
int json_line(const char *text, size_t size, const char *pointer);

#endif
