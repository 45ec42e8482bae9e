/* SPDX-License-Identifier: Apache-2.0
 * Where the loader would find a library, without loading it. Used by plugin/check_libraries.c. */
#ifndef HOST_LIBRARIES_H
#define HOST_LIBRARIES_H

#include "plugin/elf.h"

/* The file that the DT_NEEDED entry name of from (a file at path) leads to: run path, then
 * LD_LIBRARY_PATH, the loader's cache, its folders. The caller frees it; NULL: not found. */
char *library_find(const char *name, const struct elf *from, const char *path);

#endif
