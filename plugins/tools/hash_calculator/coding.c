/* SPDX-License-Identifier: Apache-2.0
 * The codings of coding.h. Everything before a wrong character is ASCII, so that its byte index is
 * its offset in code points. */
#include "coding.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

static const char *const NAMES[] = {"utf8", "hex", "base64", "base64url"};
static const char *const TITLES[] = {"text", "hex", "Base64", "Base64url"};
static const char *const RULES[] = {
    "", "each byte is two of 0-9 and a-f, with nothing between",
    "it is of A-Z a-z 0-9 + / and ends with =", "it is of A-Z a-z 0-9 - and _"};

enum coding coding_find(const char *name)
{
    for (unsigned i = CODING_HEX; name && i <= CODING_BASE64URL; i++)
        if (strcmp(NAMES[i], name) == 0)
            return (enum coding)i;
    return CODING_UTF8;
}

const char *coding_title(enum coding coding)
{
    return TITLES[coding];
}

const char *coding_rule(enum coding coding)
{
    return RULES[coding];
}

static char sextet_character(unsigned value, bool url)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (value < 62)
        return alphabet[value];
    if (value == 62)
        return url ? '-' : '+';
    return url ? '_' : '/';
}

static size_t encode_base64(char *text, const unsigned char *bytes, size_t size, bool url)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        unsigned group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < n ? bytes[i + k] : 0u);
        for (unsigned k = 0; k <= n; k++)
            text[used++] = sextet_character(group >> (18 - 6 * k) & 63u, url);
        for (size_t k = n; !url && k < 3; k++)
            text[used++] = '=';
    }
    return used;
}

static size_t encode_hex(char *text, const unsigned char *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return size * 2;
}

json_t *coding_encode(enum coding coding, const unsigned char *bytes, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc(size * 2 + 4);
    if (!text)
        return NULL;
    size_t used = coding == CODING_HEX
                      ? encode_hex(text, bytes, size)
                      : encode_base64(text, bytes, size, coding == CODING_BASE64URL);
    return json_stringn_nocheck(text, used);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int32_t decode_hex(const char *text, size_t size, unsigned char *bytes, size_t *ret_size,
                          size_t *ret_offset)
{
    for (size_t i = 0; i < size; i++) {
        int value = hex_value(text[i]);
        *ret_offset = i;
        if (value < 0)
            return LLMSPELL_EPARSE;
        bytes[i / 2] = (unsigned char)(i % 2 ? bytes[i / 2] | value : value << 4);
    }
    *ret_offset = size;
    *ret_size = size / 2;
    return size % 2 ? LLMSPELL_EPARSE : 0;
}

static int sextet_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

/* A group of less than four sextets at the end; bits that hold no byte must be zero. */
static int32_t decode_tail(unsigned group, unsigned sextets, unsigned char *bytes, size_t *used)
{
    if (sextets == 0)
        return 0;
    unsigned spare = sextets == 2 ? 4 : 2;
    if (sextets == 1 || (group & ((1u << spare) - 1)))
        return LLMSPELL_EPARSE;
    for (unsigned left = sextets * 6 - spare; left > 0; left -= 8)
        bytes[(*used)++] = (unsigned char)(group >> spare >> (left - 8));
    return 0;
}

static int32_t decode_base64(const char *text, size_t size, bool url, unsigned char *bytes,
                             size_t *ret_size, size_t *ret_offset)
{
    unsigned group = 0, sextets = 0, pads = 0;
    size_t used = 0, last = 0;
    for (size_t i = 0; i < size; i++) {
        *ret_offset = i;
        if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r'))
            continue;
        int value = sextet_value(text[i], url);
        if (text[i] == '=' && sextets >= 2 && sextets + ++pads <= 4)
            continue;
        if (value < 0 || pads)
            return LLMSPELL_EPARSE;
        last = i;
        group = group << 6 | (unsigned)value;
        if (++sextets < 4)
            continue;
        for (unsigned shift = 24; shift > 0; shift -= 8)
            bytes[used++] = (unsigned char)(group >> (shift - 8));
        group = sextets = 0;
    }
    *ret_offset = last;
    int32_t rc = decode_tail(group, sextets, bytes, &used);
    *ret_size = used;
    return rc;
}

int32_t coding_decode(enum coding coding, const char *text, size_t size, unsigned char **ret_bytes,
                      size_t *ret_size, size_t *ret_offset)
{
    LLMSPELL_CLEANUP_FREE unsigned char *bytes = malloc(size + 3);
    if (!bytes)
        return LLMSPELL_ENOMEM;
    int32_t rc = 0;
    if (coding == CODING_UTF8) {
        memcpy(bytes, text, size);
        *ret_size = size;
    } else if (coding == CODING_HEX) {
        rc = decode_hex(text, size, bytes, ret_size, ret_offset);
    } else {
        rc = decode_base64(text, size, coding == CODING_BASE64URL, bytes, ret_size, ret_offset);
    }
    if (rc < 0)
        return rc;
    *ret_bytes = bytes;
    bytes = NULL;
    return 0;
}
