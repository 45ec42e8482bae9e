/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648, with padding) for blobs among the parameters and cells. */
#include "task.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_write(const void *data, size_t size)
{
    const unsigned char *in = data;
    char *text = malloc((size + 2) / 3 * 4 + 1);
    char *out = text;
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        unsigned group = (unsigned)in[i] << 16 | (n > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                         (n > 2 ? (unsigned)in[i + 2] : 0);
        *out++ = letters[group >> 18];
        *out++ = letters[group >> 12 & 63];
        *out++ = n > 1 ? letters[group >> 6 & 63] : '=';
        *out++ = n > 2 ? letters[group & 63] : '=';
    }
    *out = '\0';
    return text;
}

/* Four letters → up to three bytes; how many, or 0. */
static size_t read_group(const char *text, bool last, unsigned char out[3])
{
    unsigned group = 0;
    size_t n = 4;
    while (last && n > 2 && text[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        const char *letter = text[i] ? strchr(letters, text[i]) : NULL;
        if (!letter)
            return 0;
        group |= (unsigned)(letter - letters) << (18 - 6 * i);
    }
    out[0] = (unsigned char)(group >> 16);
    out[1] = (unsigned char)(group >> 8);
    out[2] = (unsigned char)group;
    return n - 1;
}

char *base64_read(const char *text, size_t size, size_t *ret_size)
{
    char *data = malloc(size / 4 * 3 + 1);
    size_t used = 0;
    *ret_size = size % 4 == 0 ? 0 : SIZE_MAX;
    for (size_t i = 0; data && *ret_size != SIZE_MAX && i < size; i += 4) {
        unsigned char group[3];
        size_t n = read_group(text + i, i + 4 == size, group);
        memcpy(data + used, group, n);
        used += n;
        *ret_size = n ? used : SIZE_MAX;
    }
    return data;
}
