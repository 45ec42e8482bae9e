/* SPDX-License-Identifier: Apache-2.0
 * A UTF-8 validator (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF). */
#include "util/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the sequence that lead starts, and the bounds of its second byte; 0: not a lead. */
static size_t sequence(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *ret_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* How many bytes at text follow the rules of one sequence, and how many it wants. */
static size_t follow(const unsigned char *text, size_t size, size_t *ret_want)
{
    unsigned char low, high;
    *ret_want = sequence(text[0], &low, &high);
    size_t n = *ret_want > 0;
    while (n > 0 && n < *ret_want && n < size && text[n] >= (n == 1 ? low : 0x80) &&
           text[n] <= (n == 1 ? high : 0xBF))
        n++;
    return n;
}

size_t utf8_valid(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        while (at + sizeof word <= size) { /* plain ASCII, eight at a time */
            memcpy(&word, bytes + at, sizeof word);
            if (word & 0x8080808080808080u)
                break;
            at += sizeof word;
        }
        if (at == size)
            break;
        if (bytes[at] < 0x80) {
            at++;
            continue;
        }
        size_t want, have = follow(bytes + at, size - at, &want);
        if (have == 0 || have < want)
            return at;
        at += want;
    }
    return at;
}

int utf8_is_partial(const char *text, size_t size)
{
    size_t want;
    return size > 0 && size < 4 && follow((const unsigned char *)text, size, &want) == size &&
           size < want;
}

char *utf8_repair(const char *text, size_t size, size_t *ret_size)
{
    char *fixed = malloc(size * 3 + 1);
    size_t used = 0;
    while (fixed && size > 0) {
        size_t good = utf8_valid(text, size);
        memcpy(fixed + used, text, good);
        used += good;
        if (good < size) {
            memcpy(fixed + used, "\xEF\xBF\xBD", 3);
            used += 3;
            good++;
        }
        text += good;
        size -= good;
    }
    if (fixed)
        fixed[used] = '\0';
    if (fixed && ret_size)
        *ret_size = used;
    return fixed;
}
