/* SPDX-License-Identifier: Apache-2.0
 * Pictures as base64 in parameters and results (RFC 4648). */
#include "qr_code.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json_t *base64_json(const char *data, size_t size)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        unsigned bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < have ? (unsigned char)data[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            buffer_char(&text, k <= have ? ALPHABET[bits >> (18 - 6 * k) & 63] : '=');
    }
    return text.failed ? NULL : json_stringn_nocheck(text.data ? text.data : "", text.size);
}

/* -1: no digit. */
static int digit(char c)
{
    const char *at = c ? strchr(ALPHABET, c) : NULL;
    return at ? (int)(at - ALPHABET) : -1;
}

static int32_t fail_at_offset(const struct job *job, const char *pointer, size_t offset)
{
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, pointer,
                            "%s is not base64 with padding: it goes wrong at offset %zu",
                            pointer + 1, offset);
}

int32_t base64_read(const struct job *job, const char *text, size_t length, const char *pointer,
                    struct byte_buffer *out)
{
    unsigned bits = 0;
    size_t digits = 0, padding = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            continue;
        int value = digit(text[i]);
        if (text[i] == '=' ? digits % 4 < 2 || ++padding > 2 : value < 0 || padding > 0)
            return fail_at_offset(job, pointer, i);
        bits = bits << 6 | (value < 0 ? 0u : (unsigned)value);
        if (++digits % 4 != 0)
            continue;
        for (size_t k = 0; k < 3 - padding; k++)
            buffer_char(out, (char)(bits >> (16 - 8 * k) & 0xFF));
    }
    unsigned spare = padding == 2 ? 0xFFFF : padding == 1 ? 0xFF : 0;
    if (digits % 4 != 0 || (bits & spare))
        return fail_at_offset(job, pointer, length);
    return out->failed ? job_no_memory(job) : 0;
}
