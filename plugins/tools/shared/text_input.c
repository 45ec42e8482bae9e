/* SPDX-License-Identifier: Apache-2.0
 * Loading and checking of text for tools. */
#include "text_input.h"

#include <llmspell/fs.h>

/* The length of the valid sequence at p, or 0. */
static size_t sequence(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*p < forms[i].first_low || *p > forms[i].first_high)
            continue;
        size_t length = forms[i].length;
        if (length > left ||
            (length > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high)))
            return 0;
        for (size_t k = 2; k < length; k++)
            if ((p[k] & 0xC0) != 0x80)
                return 0;
        return length;
    }
    return 0;
}

size_t text_valid(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        size_t length = bytes[at] < 0x80 ? 1 : sequence(bytes + at, size - at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

size_t text_points(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static int32_t load_file(struct llmspell_call *call, const char *path, const char *key,
                         uint64_t max, struct text_input *ret)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/%s", key);
    int32_t rc = llmspell_fs_read(call, path, pointer, max, &ret->owned, &ret->size);
    if (rc < 0)
        return rc;
    size_t valid = text_valid(ret->owned, ret->size);
    if (valid < ret->size)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, pointer,
                                "%s is not UTF-8 at byte %zu; convert it first", path, valid);
    ret->data = ret->owned;
    if (ret->size >= 3 && memcmp(ret->owned, "\xEF\xBB\xBF", 3) == 0) {
        ret->data += 3;
        ret->size -= 3;
    }
    return 0;
}

int32_t text_input_load(struct llmspell_call *call, const json_t *params, const char *inline_key,
                        const char *path_key, uint64_t max, struct text_input *ret)
{
    const char *text = llmspell_string(params, inline_key);
    if (!text)
        return load_file(call, llmspell_string(params, path_key), path_key, max, ret);
    ret->data = text;
    ret->size = llmspell_string_length(params, inline_key);
    return 0;
}

void text_input_clear(struct text_input *input)
{
    free(input->owned);
}
