/* SPDX-License-Identifier: Apache-2.0
 * UTF-16, in which ODBC hands text over whatever the locale is. */
#include "odbc.h"

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xC0, 0xE0, 0xF0};
    *out++ = (char)(leads[more] | c >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (c >> (6 * more) & 0x3F));
    return out;
}

char *utf16_to_utf8(const SQLWCHAR *text, size_t count, size_t *ret_size)
{
    char *data = malloc(count * 3 + 1);
    char *out = data;
    for (size_t i = 0; data && i < count; i++) {
        uint32_t c = text[i];
        bool high = c >= 0xD800 && c < 0xDC00;
        if (high && i + 1 < count && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)text[++i] - 0xDC00);
        else if (c >= 0xD800 && c < 0xE000)
            c = 0xFFFD;
        out = put_utf8(out, c);
    }
    if (data)
        *out = '\0';
    *ret_size = data ? (size_t)(out - data) : 0;
    return data;
}

/* Of valid UTF-8: how many bytes follow the first one. */
static size_t following(unsigned char lead)
{
    return lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
}

SQLWCHAR *utf16_from_utf8(const char *text, size_t size, size_t *ret_count)
{
    SQLWCHAR *data = malloc((size + 1) * sizeof *data);
    size_t used = 0;
    for (size_t i = 0; data && i < size;) {
        unsigned char lead = (unsigned char)text[i];
        size_t more = following(lead);
        uint32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
        for (i++; more > 0 && i < size; more--, i++)
            c = c << 6 | ((unsigned char)text[i] & 0x3F);
        if (c >= 0x10000) {
            data[used++] = (SQLWCHAR)(0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        data[used++] = (SQLWCHAR)c;
    }
    if (data)
        data[used] = 0;
    *ret_count = used;
    return data;
}
