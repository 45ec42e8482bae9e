/* SPDX-License-Identifier: Apache-2.0
 * Whole text files that a command installs (units, kernelspecs): is it there already, make its
 * folders, put it in place at once. */
#ifndef HOST_TEXTFILE_H
#define HOST_TEXTFILE_H

#include <sys/types.h>

#include "util/error.h"

enum textfile_state { TEXTFILE_ABSENT, TEXTFILE_SAME, TEXTFILE_OTHER };

/* What is at path. Anything but a regular file with this text is TEXTFILE_OTHER, a link and what
 * cannot be read, too. */
enum textfile_state textfile_compare(const char *path, const char *text);

/* Makes the folders above path, mode 0755. EPERM, EIO: the message names the folder. */
int textfile_make_folders(const char *path, struct error *ret_error);

/* Puts text at path through a temporary file beside it; what was there is replaced, a link is not
 * followed. The folder must be there. EPERM, EIO. */
int textfile_write(const char *path, const char *text, mode_t mode, struct error *ret_error);

/* The same with bytes that are no text. */
int textfile_write_bytes(const char *path, const void *bytes, size_t size, mode_t mode,
                         struct error *ret_error);

#endif
