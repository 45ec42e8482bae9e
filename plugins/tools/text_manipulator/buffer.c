/* SPDX-License-Identifier: Apache-2.0
 * The growing text that holds a result, capped at RESULT_MAX bytes before memory is asked for.
 * Used by every operation of text_manipulator. */
#include "text.h"

bool buffer_reserve(struct buffer *buffer, size_t more)
{
    if (buffer->error)
        return false;
    if (more > RESULT_MAX - buffer->len) {
        buffer->error = LLMSPELL_ELIMIT;
        return false;
    }
    size_t want = buffer->len + more;
    if (want <= buffer->room && buffer->data)
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

void buffer_add(struct buffer *buffer, const char *data, size_t len)
{
    if (len == 0 || !buffer_reserve(buffer, len))
        return;
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
}

void buffer_add_text(struct buffer *buffer, struct text text)
{
    buffer_add(buffer, text.data, text.len);
}

void buffer_add_point(struct buffer *buffer, int32_t point)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t len = utf8proc_encode_char(point, bytes);
    if (len > 0)
        buffer_add(buffer, (const char *)bytes, (size_t)len);
}

/* unit × times + separator × (times - 1); SIZE_MAX if that overflows. */
static size_t repeated_size(size_t unit, size_t times, size_t separator)
{
    size_t size;
    if (times == 0)
        return 0;
    if (__builtin_mul_overflow(unit + separator, times, &size))
        return SIZE_MAX;
    return size - separator;
}

void buffer_repeat(struct buffer *buffer, struct text unit, size_t times, struct text separator)
{
    size_t size = repeated_size(unit.len, times, separator.len);
    if (size == 0 || !buffer_reserve(buffer, size))
        return;
    for (size_t i = 0; i < times; i++) {
        if (i)
            buffer_add_text(buffer, separator);
        buffer_add_text(buffer, unit);
    }
}

struct text buffer_text(const struct buffer *buffer)
{
    return (struct text){buffer->data ? buffer->data : "", buffer->len};
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory while changing the text");
}

int32_t buffer_check(struct llmspell_call *call, const struct buffer *buffer)
{
    if (buffer->error == LLMSPELL_ELIMIT)
        return llmspell_fail(call, LLMSPELL_ELIMIT,
                             "the result would have more than %u bytes; ask for less at once",
                             RESULT_MAX);
    return buffer->error ? no_memory(call) : 0;
}
