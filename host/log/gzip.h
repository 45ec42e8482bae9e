/* SPDX-License-Identifier: Apache-2.0
 * Compresses a file into another. Used by archive.c. */
#ifndef HOST_LOG_GZIP_H
#define HOST_LOG_GZIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes what stands in the file `from`, from its beginning, in gzip format to the file `to`, and
 * sees it on the disk. Returns 0, -ECANCELED soon after *stop became true, or -errno. *ret_size:
 * the bytes read. [any-thread] */
int gzip_copy(int from, int to, const atomic_bool *stop, uint64_t *ret_size);

#endif
