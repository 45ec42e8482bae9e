/* SPDX-License-Identifier: Apache-2.0
 * The media type of an entry. Used by info.c. */
#ifndef FILE_OPERATIONS_MIME_H
#define FILE_OPERATIONS_MIME_H

#include <sys/stat.h>

/* By kind ("inode/directory"), by the extension of name, by the first bytes; never NULL; static. */
const char *mime_type(int folder, const char *name, const struct stat *st);

#endif
