/* SPDX-License-Identifier: Apache-2.0
 * The growing text of text_buffer.h; the limit is checked before memory is asked for. */
#include "text_buffer.h"

static bool reserve(struct text_buffer *buffer, size_t more)
{
    if (buffer->error)
        return false;
    if (buffer->len > buffer->limit || more > buffer->limit - buffer->len) {
        buffer->error = LLMSPELL_ELIMIT;
        return false;
    }
    size_t want = buffer->len + more;
    if (want <= buffer->room)
        return true;
    size_t room = buffer->room * 2 > want ? buffer->room * 2 : want;
    if (room < 64)
        room = 64;
    char *grown = realloc(buffer->data, room);
    if (!grown) {
        buffer->error = LLMSPELL_ENOMEM;
        return false;
    }
    buffer->data = grown;
    buffer->room = room;
    return true;
}

void text_buffer_add(struct text_buffer *buffer, const char *data, size_t len)
{
    if (len == 0 || !reserve(buffer, len))
        return;
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
}

void text_buffer_puts(struct text_buffer *buffer, const char *text)
{
    text_buffer_add(buffer, text, strlen(text));
}

void text_buffer_putc(struct text_buffer *buffer, char c)
{
    text_buffer_add(buffer, &c, 1);
}

json_t *text_buffer_json(const struct text_buffer *buffer)
{
    if (buffer->error)
        return NULL;
    return json_stringn(buffer->data ? buffer->data : "", buffer->len);
}

int32_t text_buffer_check(struct llmspell_call *call, const struct text_buffer *buffer)
{
    if (buffer->error == LLMSPELL_ELIMIT)
        return llmspell_fail(call, LLMSPELL_ELIMIT,
                             "the result would have more than %zu bytes; ask for less at once",
                             buffer->limit);
    return buffer->error ? llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory") : 0;
}

void text_buffer_free(struct text_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct text_buffer){0};
}
