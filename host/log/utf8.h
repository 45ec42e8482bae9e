/* SPDX-License-Identifier: Apache-2.0
 * One UTF-8 sequence at a time (RFC 3629: no overlong forms, no surrogates). Used by the log to
 * escape what is not text, and by the configuration to refuse it. */
#ifndef HOST_UTF8_H
#define HOST_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the valid sequence at text (1 to 4) and its code point, or 0 if there is none. */
static inline size_t utf8_sequence(const unsigned char *text, size_t size, uint32_t *ret_code)
{
    if (size == 0)
        return 0;
    unsigned char lead = text[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 0 || lead > 0xF4 || length > size)
        return 0;
    uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3Fu);
    }
    if ((length == 3 && code < 0x800) || (length == 4 && (code < 0x10000 || code > 0x10FFFF)) ||
        (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return length;
}

/* C0 and C1 control characters and DEL: what may not reach a terminal or a line of a file raw. */
static inline int utf8_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

/* At most max bytes of text, without half a sequence at the end: a precision for "%.*s". */
static inline int utf8_clip(const char *text, size_t max)
{
    size_t length = 0;
    while (length < max && text[length])
        length++;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return (int)length;
}

#endif
