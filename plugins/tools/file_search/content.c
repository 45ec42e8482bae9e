/* SPDX-License-Identifier: Apache-2.0
 * Reads files, and tells which are text. */
#include "content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../shared/file_values.h"

#define BINARY_BYTES 8192 /* a NUL in so many means that it is no text */

static int32_t read_all(struct content *content, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
        (size_t)st.st_size > content->max_size)
        return 0;
    size_t want = (size_t)st.st_size + 1, size = 0;
    if (want > content->room) {
        size_t room = want < 256u << 10 ? 256u << 10 : want;
        free(content->data);
        content->data = malloc(room);
        content->room = content->data ? room : 0;
        if (!content->data)
            return llmspell_fail(content->call, LLMSPELL_ENOMEM, "out of memory");
    }
    while (size < want) { /* what was appended in the meantime is not read */
        size_t step = want - size < 1u << 20 ? want - size : 1u << 20;
        ssize_t got = read(fd, content->data + size, step);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return 0;
        size += (size_t)got;
        if ((size_t)got < step)
            break;
        int32_t stop = llmspell_cancelled(content->call);
        if (stop < 0)
            return stop;
    }
    content->size = size < want ? size : want - 1;
    return 1;
}

static bool is_ascii(const char *data, size_t size)
{
    unsigned char all = 0;
    size_t at = 0;
    for (; size - at >= 4096; at += 4096) { /* blocks, for the compiler to vectorise */
        unsigned char block = 0;
        for (size_t i = 0; i < 4096; i++)
            block |= (unsigned char)data[at + i];
        if (block & 0x80)
            return false;
    }
    for (; at < size; at++)
        all |= (unsigned char)data[at];
    return !(all & 0x80);
}

/* Whether it is text; *ret_ascii: of ASCII alone. */
static bool is_text(const char *data, size_t size, bool *ret_ascii)
{
    if (memchr(data, '\0', size < BINARY_BYTES ? size : BINARY_BYTES))
        return false;
    *ret_ascii = is_ascii(data, size);
    return *ret_ascii || utf8_valid_size(data, size) == size;
}

/* A byte order mark is no part of the text. */
static void skip_mark(struct content *content)
{
    if (content->size < 3 || memcmp(content->data, "\xEF\xBB\xBF", 3) != 0)
        return;
    content->size -= 3;
    memmove(content->data, content->data + 3, content->size);
}

int32_t content_read(struct content *content, int fd)
{
    int32_t rc = read_all(content, fd);
    if (rc <= 0)
        return rc;
    bool text = is_text(content->data, content->size, &content->ascii);
    skip_mark(content);
    return text;
}

void content_clear(struct content *content)
{
    free(content->data);
}
