/* SPDX-License-Identifier: Apache-2.0
 * Reads the manifest out of a plugin file without loading it: the ELF note of plugin.h, found
 * through the program headers with one or two preads. Used by catalog.c and loader.c. */
#ifndef HOST_NOTE_H
#define HOST_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "util/error.h"

/* Which file it was: a changed file has another stamp. */
struct note_stamp {
    dev_t device;
    ino_t inode;
    int64_t mtime_ns;
    off_t size;
    mode_t mode;
};

struct note_stamp note_stamp_of(const struct stat *st);
bool note_stamp_equal(const struct note_stamp *a, const struct note_stamp *b);

/* The same file, though its bytes may have changed. */
bool note_stamp_same_file(const struct note_stamp *a, const struct note_stamp *b);

/* Reads the manifest text of path. *ret_text: malloc'ed, NUL-terminated beyond *ret_size bytes, the
 * caller frees it. *ret_stamp is filled as soon as the file could be opened, also on errors:
 * EIO (open, read), EREFUSED (not an ELF shared object of this machine, no note, a note that is
 * cut, empty, or over LLMSPELL_NOTE_MAX). [any-thread] */
int note_read(const char *path, char **ret_text, size_t *ret_size, struct note_stamp *ret_stamp,
              struct error *ret_error);

/* Finds the manifest in the bytes of a PT_NOTE segment: 1 and the span, 0 if there is none, or
 * EREFUSED if an entry reaches beyond the segment. [any-thread] */
int note_find(const unsigned char *segment, size_t size, size_t alignment,
              const unsigned char **ret_text, size_t *ret_size);

#endif
