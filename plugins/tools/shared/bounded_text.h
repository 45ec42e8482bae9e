/* SPDX-License-Identifier: Apache-2.0
 * Text that grows up to a limit. Errors are kept until the end: write on, then ask once. Compiled
 * into each tool that uses it. */
#ifndef TOOLS_SHARED_BOUNDED_TEXT_H
#define TOOLS_SHARED_BOUNDED_TEXT_H

#include <llmspell/tool.h>

struct bounded_text {
    char *text; /* NULL while empty; not NUL-terminated */
    size_t used, room;
    size_t max;    /* bytes */
    int32_t error; /* 0, or why all that came later is lost: no memory, limit, cancelled, timeout */
    const struct llmspell_call *call; /* that may be cancelled; NULL: nobody asks */
    unsigned puts;                    /* since the flag was looked at */
};

void bounded_put(struct bounded_text *buffer, const char *text, size_t size);
void bounded_puts(struct bounded_text *buffer, const char *text);
void bounded_fill(struct bounded_text *buffer, char c, size_t count);
void bounded_text_clear(struct bounded_text *buffer);

static inline void bounded_char(struct bounded_text *buffer, char c)
{
    if (buffer->used < buffer->room)
        buffer->text[buffer->used++] = c;
    else
        bounded_put(buffer, &c, 1);
}

/* 0, or the code to return; sets the error of the call. */
int32_t bounded_text_check(struct llmspell_call *call, const struct bounded_text *buffer);

/* The text as a JSON string; it must be valid UTF-8. */
json_t *bounded_text_json(const struct bounded_text *buffer);

#define CLEANUP_BOUNDED_TEXT __attribute__((cleanup(bounded_text_clear)))

#endif
