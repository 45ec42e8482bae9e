/* SPDX-License-Identifier: Apache-2.0
 * Base64 of binary input and output (RFC 4648; white space is skipped). */
#include "converter.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int sextet(char c)
{
    const char *at = c ? strchr(ALPHABET, c) : NULL;
    return at ? (int)(at - ALPHABET) : -1;
}

static int32_t fail_base64(struct llmspell_call *call, size_t offset)
{
    return llmspell_fail_at(call, LLMSPELL_EPARSE, "/input_base64",
                            "the text is not Base64 at offset %zu", offset);
}

int32_t base64_decode(struct llmspell_call *call, const char *text, size_t size, char **ret_data,
                      size_t *ret_size)
{
    LLMSPELL_CLEANUP_FREE char *data = malloc(size / 4 * 3 + 4);
    size_t used = 0, count = 0, pads = 0;
    unsigned bits = 0;
    if (!data)
        return no_memory(call);
    for (size_t i = 0; i < size; i++) {
        if (text[i] && strchr(" \t\r\n", text[i]))
            continue;
        int value = sextet(text[i]);
        pads += text[i] == '=';
        if ((value < 0 && text[i] != '=') || (value >= 0 && pads) || pads > 2)
            return fail_base64(call, i);
        if (value < 0)
            continue;
        bits = bits << 6 | (unsigned)value;
        if (++count % 4 != 1)
            data[used++] = (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xFF);
    }
    /* one character alone is no byte; bits that are left over must be 0 */
    unsigned rest = count % 4 == 2 ? bits & 15 : count % 4 == 3 ? bits & 3 : 0;
    if (count % 4 == 1 || rest || (pads && (count + pads) % 4))
        return fail_base64(call, size);
    data[used] = '\0';
    *ret_data = data;
    *ret_size = used;
    data = NULL;
    return 0;
}

json_t *base64_json(const char *data, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc((size + 2) / 3 * 4 + 1);
    size_t used = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = (unsigned char)data[i];
        bits = bits << 8 | (i + 1 < size ? (unsigned char)data[i + 1] : 0);
        bits = bits << 8 | (i + 2 < size ? (unsigned char)data[i + 2] : 0);
        text[used++] = ALPHABET[bits >> 18];
        text[used++] = ALPHABET[bits >> 12 & 63];
        text[used++] = i + 1 < size ? ALPHABET[bits >> 6 & 63] : '=';
        text[used++] = i + 2 < size ? ALPHABET[bits & 63] : '=';
    }
    return json_stringn(text, used);
}
