/* SPDX-License-Identifier: Apache-2.0
 * One file of a rotated log: FILE, FILE.1, FILE.2.gz, … Read by log_tail.c and log_follow.c for
 * `kernel logs`. */
#ifndef HOST_LOG_SOURCE_H
#define HOST_LOG_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOG_SOURCES_MAX 101 /* FILE, and as many as [log] rotate_count allows */

/* Takes what is read; 0 to go on, or negative to stop. */
typedef int (*log_sink)(void *data, const char *bytes, size_t size);

struct log_source {
    int fd; /* -1: none */
    bool packed;
    dev_t device;
    ino_t inode;
    off_t size; /* when it was opened */
};

/* Opens path (number 0), path.N or path.N.gz. 0, or -errno: -ENOENT if there is none. */
int log_source_open(const char *path, unsigned number, struct log_source *ret_source);
void log_source_close(struct log_source *source);
bool log_source_same(const struct log_source *a, const struct log_source *b);

/* Hands bytes of a plain file on, from *offset to end (-1: to where it ends); *offset follows. 0,
 * or what sink returned. */
int log_source_copy(const struct log_source *source, off_t *offset, off_t end, log_sink sink,
                    void *data);

/* The lines of a packed file; the first `skip` of them are left out. *ret_lines (may be NULL): how
 * many there are. sink NULL: only counts. */
int log_source_unpack(const struct log_source *source, uint64_t skip, log_sink sink, void *data,
                      uint64_t *ret_lines);

#endif
