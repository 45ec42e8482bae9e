/* SPDX-License-Identifier: Apache-2.0
 * Byte runs of JSON strings, 8 or 16 bytes at a time: megabytes of code and output go through here.
 */
#include "span.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The high bit of each byte of word that must not stand plainly in a JSON string. False alarms are
 * possible, but only above a true one. */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH('"');
    uint64_t slash = word ^ EACH('\\');
    uint64_t low = (word - EACH(0x20)) & ~word;
    uint64_t zero = ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash);
    return (low | zero | word) & EACH(0x80);
}

#ifdef __SSE2__
/* The same of 16 bytes, one bit each; compared as signed numbers, those from 0x80 on are low. */
static unsigned special_of_16(const char *data)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)data);
    __m128i special = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(special);
}
#endif

size_t span_plain(const char *data, size_t size)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; size - i >= 16; i += 16) {
        unsigned special = special_of_16(data + i);
        if (special)
            return i + (size_t)__builtin_ctz(special);
    }
#endif
    for (; size - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        uint64_t special = special_bytes(le64toh(word));
        if (special)
            return i + (size_t)__builtin_ctzll(special) / 8;
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
