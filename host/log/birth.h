/* SPDX-License-Identifier: Apache-2.0
 * How old the first record of a log file is. Used by sink_file.c. */
#ifndef HOST_LOG_BIRTH_H
#define HOST_LOG_BIRTH_H

#include <stdint.h>

/* The time in the first record of the log file at path, which must be the one behind fd; without
 * one (another text, not readable) the file's time of birth, else of its last change. Milliseconds
 * since the epoch; 0 if nothing is known. [any-thread] */
int64_t birth_of_log(const char *path, int fd);

#endif
