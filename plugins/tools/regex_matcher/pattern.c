/* SPDX-License-Identifier: Apache-2.0
 * The pattern of a call: its flags and names. */
#include "regex.h"

#include "../shared/text_input.h"

static const struct flag {
    char letter;
    uint32_t option;
} flags[] = {
    {'i', PCRE2_CASELESS},
    {'m', PCRE2_MULTILINE},
    {'s', PCRE2_DOTALL},
    {'x', PCRE2_EXTENDED},
    {'u', 0},
    {'U', PCRE2_UNGREEDY},
    {'g', 0},
};
#define FLAG_COUNT (sizeof flags / sizeof *flags)

static size_t find_flag(char letter)
{
    size_t i = 0;
    while (i < FLAG_COUNT && flags[i].letter != letter)
        i++;
    return i;
}

int32_t pattern_flags(struct llmspell_call *call, const json_t *params, uint32_t *ret_options)
{
    const char *text = llmspell_string(params, "flags");
    size_t size = llmspell_string_length(params, "flags");
    uint32_t options = 0;
    unsigned seen = 0;
    for (size_t i = 0; i < size; i++) {
        size_t flag = find_flag(text[i]);
        if (flag == FLAG_COUNT)
            return llmspell_fail_at(call, LLMSPELL_EINVAL, "/flags",
                                    "\"%.80s\" has an unknown flag at offset %zu; the flags are i, "
                                    "m, s, x, u, U and g",
                                    text, text_points(text, i));
        if (seen & 1u << flag)
            return llmspell_fail_at(call, LLMSPELL_EINVAL, "/flags",
                                    "\"%.80s\" has the flag %c twice; give it once", text, text[i]);
        seen |= 1u << flag;
        options |= flags[flag].option;
    }
    *ret_options = options;
    return 0;
}

int32_t pattern_compile(struct llmspell_call *call, const json_t *params, int purpose,
                        struct pattern *ret_pattern)
{
    struct regex_source source = {.pattern = llmspell_string(params, "pattern"),
                                  .size = llmspell_string_length(params, "pattern"),
                                  .for_match = purpose == PATTERN_FOR_SEARCH,
                                  .pointer = "/pattern",
                                  .code = LLMSPELL_EPARSE};
    int32_t rc = pattern_flags(call, params, &source.options);
    if (rc == 0)
        rc = regex_compile(call, &source, &ret_pattern->code);
    if (rc < 0)
        return rc;
    const pcre2_code *code = ret_pattern->code;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &ret_pattern->group_count);
    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &ret_pattern->name_count);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &ret_pattern->name_entry);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &ret_pattern->names);
    return 0;
}

void pattern_clear(struct pattern *pattern)
{
    pcre2_code_free(pattern->code);
}

const char *pattern_name(const struct pattern *pattern, uint32_t i, uint32_t *ret_group)
{
    const unsigned char *row = pattern->names + (size_t)i * pattern->name_entry;
    *ret_group = (uint32_t)row[0] << 8 | row[1];
    return (const char *)row + 2;
}
