/* SPDX-License-Identifier: Apache-2.0
 * The names of a log file and of its rotated ones: opening, renaming, and the two locks that let
 * several processes share them. Used by sink_file.c and archive.c.
 *
 * flock, shared, by whoever writes a file: nobody compresses it meanwhile. An OFD lock on the first
 * byte of the file that has the name now: whoever holds it alone may rename the rotated ones. */
#ifndef HOST_LOG_ROTATOR_H
#define HOST_LOG_ROTATOR_H

#include <stdbool.h>
#include <stdint.h>

#define ROTATOR_MAX 100 /* the highest number of a rotated file */
#define ROTATOR_MOVED 2

/* Opens a log file for appending: O_APPEND|O_CREAT|O_NOFOLLOW|O_CLOEXEC, mode 0640. Never waits for
 * the reader of a FIFO. Returns the descriptor or -errno. [any-thread] */
int rotator_open(const char *path);

/* Renames path to path.1, path.1 to path.2, path.1.gz to path.2.gz … (count kept; 0: the file is
 * emptied) and puts a new file at path under the number fd: writers go on with fd meanwhile and
 * lose nothing. Returns 0; ROTATOR_MOVED if path is not fd's file any more (somebody else rotated):
 * fd only moves to the file that is there; 1 if another process is about to; or -errno: fd then is
 * as it was. One thread at a time. */
int rotator_rotate(const char *path, int fd, unsigned count);

/* Moves fd to the file at path (a new one if it is gone), if that is another than fd's. Returns 0
 * if it is not, ROTATOR_MOVED, or -errno. One thread at a time. */
int rotator_follow(const char *path, int fd);

/* Is the file at path the one behind fd? */
bool rotator_is_same(const char *path, int fd);

/* path.number, or path.number.gz; allocated, NULL without memory. */
char *rotator_name(const char *path, unsigned number, bool gz);

/* Takes the lock on the names, for a moment. Returns a descriptor that holds it until it is closed,
 * or -errno: EAGAIN if somebody rotates, ENOENT if there is no file at path. */
int rotator_lock(const char *path);

#endif
