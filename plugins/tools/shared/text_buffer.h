/* SPDX-License-Identifier: Apache-2.0
 * A growing text with a limit, for tools that build their result piece by piece. Compiled into
 * each tool that uses it. */
#ifndef TOOLS_SHARED_TEXT_BUFFER_H
#define TOOLS_SHARED_TEXT_BUFFER_H

#include <stdbool.h>

#include <llmspell/tool.h>

/* The first failure stays in error and later additions do nothing, so that the builder may add
 * without checks and look at error in the end. {.limit = n} = empty. */
struct text_buffer {
    char *data;
    size_t len;
    size_t room;
    size_t limit;  /* bytes */
    int32_t error; /* 0, LLMSPELL_ELIMIT, LLMSPELL_ENOMEM */
};

void text_buffer_add(struct text_buffer *buffer, const char *data, size_t len);
void text_buffer_puts(struct text_buffer *buffer, const char *text);
void text_buffer_putc(struct text_buffer *buffer, char c);
/* The text as a new JSON string; NULL if buffer->error or out of memory. */
json_t *text_buffer_json(const struct text_buffer *buffer);
/* Sets the call's error from buffer->error; 0 if there is none. */
int32_t text_buffer_check(struct llmspell_call *call, const struct text_buffer *buffer);
void text_buffer_free(struct text_buffer *buffer);
#define CLEANUP_TEXT_BUFFER __attribute__((cleanup(text_buffer_free)))

#endif
