/* SPDX-License-Identifier: Apache-2.0
 * A buffer over descriptor 0: stdio could not be polled. */
#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

/* Reads more: 1, 0 at the end, -1 if interrupted. */
static int fill(struct lines *lines)
{
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = lines->cancel_fd, .events = POLLIN}};
    if (lines->room - lines->size < CHUNK) {
        size_t room = lines->room * 2 + CHUNK;
        char *grown = realloc(lines->text, room);
        if (!grown)
            return 0;
        lines->text = grown;
        lines->room = room;
    }
    if (poll(fds, 2, -1) < 0 || fds[1].revents)
        return -1;
    ssize_t n = read(STDIN_FILENO, lines->text + lines->size, lines->room - lines->size);
    if (n < 0 && errno == EINTR)
        return -1;
    lines->size += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Drops the line that the last call handed out. */
static void drop(struct lines *lines)
{
    if (lines->scanned == 0)
        return;
    lines->size -= lines->scanned;
    memmove(lines->text, lines->text + lines->scanned, lines->size);
    lines->scanned = 0;
}

int lines_next(struct lines *lines, const char **ret_line, size_t *ret_size)
{
    size_t looked = 0;
    const char *newline = NULL;
    int rc = 1;
    drop(lines);
    while (rc == 1) {
        if (lines->size > looked)
            newline = memchr(lines->text + looked, '\n', lines->size - looked);
        if (newline)
            break;
        looked = lines->size;
        rc = fill(lines);
    }
    if (rc < 0 || lines->size == 0)
        return rc;
    *ret_line = lines->text;
    *ret_size = newline ? (size_t)(newline - lines->text) : lines->size;
    lines->scanned = *ret_size + (newline != NULL);
    return 1;
}

void lines_clear(struct lines *lines)
{
    free(lines->text);
    lines->text = NULL;
}
