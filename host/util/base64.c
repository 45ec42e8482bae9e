/* SPDX-License-Identifier: Apache-2.0
 * Base64: strict, so that each sequence of bytes has one text. */
#include "util/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t size)
{
    const unsigned char *in = bytes;
    char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0u);
        *out++ = LETTERS[group >> 18];
        *out++ = LETTERS[group >> 12 & 63];
        *out++ = left > 1 ? LETTERS[group >> 6 & 63] : '=';
        *out++ = left > 2 ? LETTERS[group & 63] : '=';
    }
    *out = '\0';
    return text;
}

static int digit_of(char c)
{
    const char *found = c ? strchr(LETTERS, c) : NULL;
    return found ? (int)(found - LETTERS) : -1;
}

bool base64_decode(const char *text, size_t length, void *ret_bytes, size_t *ret_size)
{
    unsigned char *out = ret_bytes;
    size_t size = 0;
    if (length % 4 != 0)
        return false;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t group = 0;
        size_t digits = 4;
        if (i + 4 == length && text[i + 3] == '=')
            digits = text[i + 2] == '=' ? 2 : 3;
        for (size_t k = 0; k < 4; k++) {
            int digit = k < digits ? digit_of(text[i + k]) : 0;
            if (digit < 0)
                return false;
            group = group << 6 | (uint32_t)digit;
        }
        if ((digits == 2 && (group & 0xFFFF)) || (digits == 3 && (group & 0xFF)))
            return false;
        for (size_t k = 0; k + 1 < digits; k++)
            out[size++] = (unsigned char)(group >> (16 - 8 * k));
    }
    *ret_size = size;
    return true;
}
