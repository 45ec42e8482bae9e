/* SPDX-License-Identifier: Apache-2.0
 * Lines of standard input for a script's io.read(), where waiting can be interrupted. Used by
 * cmd_run.c. */
#ifndef HOST_LINES_H
#define HOST_LINES_H

#include <stddef.h>

/* Start with {.cancel_fd = …}; lines_clear frees it. */
struct lines {
    char *text; /* what was read, but not taken */
    size_t size, room, scanned;
    int cancel_fd; /* when it becomes readable, waiting ends; -1: none */
};

/* The next line without its newline: 1; 0 at the end of input or without memory; -1 if a signal or
 * cancel_fd ended the wait. *ret_line is borrowed until the next call. [one thread] */
int lines_next(struct lines *lines, const char **ret_line, size_t *ret_size);
void lines_clear(struct lines *lines);

#endif
