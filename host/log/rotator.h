/* SPDX-License-Identifier: Apache-2.0
 * Rotation of a log file by rename, under the same descriptor number. Used by logger.c. */
#ifndef HOST_ROTATOR_H
#define HOST_ROTATOR_H

#include <stdint.h>

/* Opens a log file for appending: O_APPEND|O_CREAT|O_NOFOLLOW|O_CLOEXEC, mode 0640. Never waits for
 * the reader of a FIFO. Returns the descriptor or -errno. [any-thread] */
int rotator_open(const char *path);

/* Renames path to path.1, path.1 to path.2 … (count kept; 0: the file is emptied) and puts a new
 * file at path under the number fd: writers go on with fd meanwhile and lose nothing. If path is
 * not fd's file any more (somebody else rotated), fd only moves to the file that is there. Only one
 * process rotates at a time. Returns 0, 1 if another process is about to, or -errno: fd then is as
 * it was. *ret_size: the size of fd's file afterwards. One thread at a time. */
int rotator_rotate(const char *path, int fd, unsigned count, uint64_t *ret_size);

#endif
