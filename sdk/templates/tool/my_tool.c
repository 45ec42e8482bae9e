/* SPDX-License-Identifier: Apache-2.0
 * my_tool: counts how often a word occurs in a text. Replace this with what your tool does; what a
 * caller may send and what comes back stands in my_tool.json alone. */
#include <ctype.h>
#include <strings.h>

#include <llmspell/tool.h>

static int same(const char *a, const char *b, size_t size, int ignore_case)
{
    return ignore_case ? strncasecmp(a, b, size) == 0 : strncmp(a, b, size) == 0;
}

/* Letters, digits, '_' and all bytes of UTF-8 letters make a word. */
static int is_letter(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* The host calls this with params that fit the schema "parameters": "text" and "word" are there,
 * "ignore_case" has its default. It may run in several threads at once: keep no static data. */
static int32_t my_tool_invoke(void *self, struct llmspell_call *call, const json_t *params,
                              json_t **ret_result)
{
    (void)self;                                         /* what an open function would have made */
    const char *text = llmspell_string(params, "text"); /* borrowed: do not free it */
    const char *word = llmspell_string(params, "word");
    int ignore_case = llmspell_bool(params, "ignore_case", 1);
    size_t size = strlen(word);
    json_int_t words = 0, count = 0;

    /* What a schema cannot say is checked here. An error is one sentence for people and the JSON
     * pointer of the parameter to blame; the return ends the call. */
    for (const char *at = word; *at; at++)
        if (!is_letter(*at))
            return llmspell_fail_at(call, LLMSPELL_EINVAL, "/word",
                                    "a word has letters, digits and _ only, not '%c'", *at);

    while (*text) {
        size_t length = 0;
        while (is_letter(text[length]))
            length++;
        words += length > 0;
        count += length == size && same(text, word, size, ignore_case);
        text += length > 0 ? length : 1;

        /* A loop that may take long asks whether the caller still waits. */
        int32_t stop = words % 4096 == 0 ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
    }

    /* The result must fit the schema "result". llmspell_return hands it over to the host. */
    return llmspell_return(call, ret_result,
                           json_pack("{s:I, s:I}", "count", count, "words", words));
}

LLMSPELL_TOOL(.invoke = my_tool_invoke)
