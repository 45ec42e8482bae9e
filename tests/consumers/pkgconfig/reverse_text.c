/* SPDX-License-Identifier: Apache-2.0
 * Turns a text around: an example of a tool built with pkg-config. */
#include <llmspell/tool.h>

/* Bytes of the code point that ends before text[end]. */
static size_t letter_before(const char *text, size_t end)
{
    size_t size = 1;
    while (size < end && ((unsigned char)text[end - size] & 0xC0) == 0x80)
        size++;
    return size;
}

static int32_t reverse_text(void *self, struct llmspell_call *call, const json_t *params,
                            json_t **ret_result)
{
    (void)self;
    const char *text = llmspell_string(params, "text");
    size_t size = llmspell_string_length(params, "text"), done = 0;
    LLMSPELL_CLEANUP_FREE char *reversed = malloc(size + 1);
    if (!reversed)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "no memory for %zu bytes", size);
    while (done < size) {
        size_t letter = letter_before(text, size - done);
        memcpy(reversed + done, text + size - done - letter, letter);
        done += letter;
    }
    return llmspell_return(call, ret_result,
                           json_pack("{s:o}", "text", json_stringn(reversed, size)));
}

LLMSPELL_TOOL(.invoke = reverse_text)
