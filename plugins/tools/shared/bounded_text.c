/* SPDX-License-Identifier: Apache-2.0
 * Text that grows up to a limit. */
#include "bounded_text.h"

#define CANCEL_EVERY 16384u /* pieces of text */

/* Makes room for size more bytes; 0 or the error that is kept. */
static int32_t reserve(struct bounded_text *buffer, size_t size)
{
    if (buffer->error == 0 && buffer->call && ++buffer->puts % CANCEL_EVERY == 0)
        buffer->error = llmspell_cancelled(buffer->call);
    if (buffer->error < 0)
        return buffer->error;
    if (size > buffer->max - buffer->used)
        return buffer->error = LLMSPELL_ELIMIT;
    if (size <= buffer->room - buffer->used)
        return 0;
    size_t room = (buffer->used + size) * 2;
    if (room < 256)
        room = 256;
    if (room > buffer->max)
        room = buffer->max;
    char *grown = realloc(buffer->text, room);
    if (!grown)
        return buffer->error = LLMSPELL_ENOMEM;
    buffer->text = grown;
    buffer->room = room;
    return 0;
}

void bounded_put(struct bounded_text *buffer, const char *text, size_t size)
{
    if (size == 0 || reserve(buffer, size) < 0)
        return;
    memcpy(buffer->text + buffer->used, text, size);
    buffer->used += size;
}

void bounded_puts(struct bounded_text *buffer, const char *text)
{
    bounded_put(buffer, text, strlen(text));
}

void bounded_fill(struct bounded_text *buffer, char c, size_t count)
{
    if (count == 0 || reserve(buffer, count) < 0)
        return;
    memset(buffer->text + buffer->used, c, count);
    buffer->used += count;
}

void bounded_text_clear(struct bounded_text *buffer)
{
    free(buffer->text);
    *buffer = (struct bounded_text){.max = buffer->max, .call = buffer->call};
}

int32_t bounded_text_check(struct llmspell_call *call, const struct bounded_text *buffer)
{
    if (buffer->error == LLMSPELL_ELIMIT)
        return llmspell_fail(call, LLMSPELL_ELIMIT, "the output is larger than %zu MiB",
                             buffer->max >> 20);
    if (buffer->error == LLMSPELL_ENOMEM)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    return buffer->error;
}

json_t *bounded_text_json(const struct bounded_text *buffer)
{
    return json_stringn_nocheck(buffer->used ? buffer->text : "", buffer->used);
}
