/* SPDX-License-Identifier: Apache-2.0
 * The text of a file, read whole into a buffer that the next file takes over. */
#ifndef FILE_SEARCH_CONTENT_H
#define FILE_SEARCH_CONTENT_H

#include <stdbool.h>

#include <llmspell/tool.h>

struct content {
    struct llmspell_call *call;
    size_t max_size; /* of a file that is read */
    char *data;      /* until the next one is read */
    size_t room, size;
    bool ascii; /* of characters below 128 alone */
};

/* Reads an open file. 1; 0 if it is to be skipped: no regular file, too large, not readable, no
 * text in UTF-8; or a negative code. */
int32_t content_read(struct content *content, int fd);
void content_clear(struct content *content);

#endif
