/* SPDX-License-Identifier: Apache-2.0
 * Byte runs of JSON strings, eight bytes at a time: megabytes of code and output go through here.
 */
#include "span.h"

#include <stdint.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte of word that must not stand plainly in a JSON string (false alarms are
 * possible above a true one; the byte loop decides). */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH('"');
    uint64_t slash = word ^ EACH('\\');
    uint64_t low = (word - EACH(0x20)) & ~word;
    uint64_t zero = ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash);
    return (low | zero | word) & EACH(0x80);
}

size_t span_plain(const char *data, size_t size)
{
    size_t i = 0;
    for (; size - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        if (special_bytes(word))
            break;
    }
    for (; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return i;
}

static int continues(const unsigned char *bytes, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return 1;
}

size_t span_utf8(const char *data, size_t size)
{
    const unsigned char *b = (const unsigned char *)data;
    if (size >= 2 && b[0] >= 0xC2 && b[0] <= 0xDF)
        return continues(b, 2) ? 2 : 0;
    if (size >= 3 && b[0] >= 0xE0 && b[0] <= 0xEF) {
        int overlong = b[0] == 0xE0 && b[1] < 0xA0;
        int surrogate = b[0] == 0xED && b[1] > 0x9F;
        return !overlong && !surrogate && continues(b, 3) ? 3 : 0;
    }
    if (size >= 4 && b[0] >= 0xF0 && b[0] <= 0xF4) {
        int overlong = b[0] == 0xF0 && b[1] < 0x90;
        int beyond = b[0] == 0xF4 && b[1] > 0x8F;
        return !overlong && !beyond && continues(b, 4) ? 4 : 0;
    }
    return 0;
}

int span_is(struct span span, const char *text)
{
    size_t size = strlen(text);
    return span.size == size && memcmp(span.data, text, size) == 0;
}
