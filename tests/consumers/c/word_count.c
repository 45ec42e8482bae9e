/* SPDX-License-Identifier: Apache-2.0
 * Counts words: an example of a tool in C, built against the installed SDK. */
#include <llmspell/tool.h>

#define BLANKS " \t\r\n"

static int32_t word_count(void *self, struct llmspell_call *call, const json_t *params,
                          json_t **ret_result)
{
    (void)self;
    const char *text = llmspell_string(params, "text"), *longest = "";
    size_t least = (size_t)llmspell_integer(params, "min_length", 1), longest_size = 0;
    json_int_t count = 0;
    if (strlen(text) != llmspell_string_length(params, "text"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/text", "the text holds a NUL at byte %zu",
                                strlen(text));
    for (const char *word = text + strspn(text, BLANKS); *word; word += strspn(word, BLANKS)) {
        size_t size = strcspn(word, BLANKS);
        count += size >= least;
        if (size > longest_size) {
            longest = word;
            longest_size = size;
        }
        word += size;
    }
    return llmspell_return(
        call, ret_result,
        json_pack("{s:I, s:s%}", "words", count, "longest", longest, longest_size));
}

LLMSPELL_TOOL(.invoke = word_count)
