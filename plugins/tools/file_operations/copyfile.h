/* SPDX-License-Identifier: Apache-2.0
 * Copying one entry, and all of a folder. Used by copy.c and move.c. */
#ifndef FILE_OPERATIONS_COPYFILE_H
#define FILE_OPERATIONS_COPYFILE_H

#include <limits.h>

#include "tree.h"

struct copy_options {
    bool replace;  /* what stands at the target may go */
    bool preserve; /* owner, times and all mode bits, as a move between file systems needs */
    bool sync;     /* fsync each file */
};

struct copy_target {
    int folder;
    const char *name;
    const struct copy_options *options;
};

/* Copies the open regular file in, or the file or link from/name, to the target, atomically. shown:
 * the source for messages. Adds its bytes to *bytes. */
int32_t copy_regular(const struct job *job, int in, const struct copy_target *target,
                     const char *shown, uint64_t *bytes);
int32_t copy_entry(const struct job *job, int from, const char *name,
                   const struct copy_target *target, const char *shown, uint64_t *bytes);

/* Mode (and owner and times) of st for fd. 0 or a positive errno. */
int copy_attributes(int fd, const struct stat *st, bool preserve);

/* copy.c: makes the folder source anew, whole or not at all. st: of source; size is added to. */
int32_t copy_folder(const struct job *job, int source, const struct stat *st,
                    const struct copy_target *target, struct tree_size *size);

/* The result of copy and move. */
json_t *copy_result(const struct job *job, const struct tree_size *size);

#endif
