/* SPDX-License-Identifier: Apache-2.0
 * Compiling and matching of translated regular expressions. Called by the builders of pattern and
 * patternProperties and by validate_*.c. */
#include "schema/pattern.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/error.h"

#define PATTERN_BYTES_MAX 65536
#define MATCH_LIMIT 1000000u
#define DEPTH_LIMIT 200000u
#define HEAP_LIMIT_KIB 65536u

static int compile_error(int number, char *message)
{
    PCRE2_UCHAR text[120] = "";
    if (number == PCRE2_ERROR_NOMEMORY || number == 121 /* heap memory failed */)
        return LLMSPELL_ENOMEM;
    pcre2_get_error_message(number, text, sizeof text);
    snprintf(message, SCHEMA_PATTERN_MESSAGE_MAX, "%s", (const char *)text);
    return LLMSPELL_EINVAL;
}

static int compile_translated(const struct schema_pattern_text *text, pcre2_code **ret_code,
                              char *message)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return LLMSPELL_ENOMEM;
    /* [\uD800-\uDFFF] is common in JavaScript; it matches nothing in valid UTF-8. */
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    /* No UCP: \d, \w and \b are ASCII in ECMA-262. */
    uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
                       PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C;
    int number;
    PCRE2_SIZE offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text->bytes, text->length, options, &number, &offset, context);
    pcre2_compile_context_free(context);
    if (!code)
        return compile_error(number, message);
    *ret_code = code;
    return 0;
}

int schema_pattern_compile(const char *pattern, size_t length, pcre2_code **ret_code,
                           char message[SCHEMA_PATTERN_MESSAGE_MAX])
{
    if (length > PATTERN_BYTES_MAX) {
        snprintf(message, SCHEMA_PATTERN_MESSAGE_MAX, "is longer than %d bytes", PATTERN_BYTES_MAX);
        return LLMSPELL_EINVAL;
    }
    struct schema_pattern_text text = {0};
    int status = schema_pattern_translate(pattern, length, &text, message);
    if (status == 0)
        status = compile_translated(&text, ret_code, message);
    free(text.bytes);
    return status;
}

pcre2_match_context *schema_pattern_limits(void)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (limits) {
        pcre2_set_match_limit(limits, MATCH_LIMIT);
        pcre2_set_depth_limit(limits, DEPTH_LIMIT);
        pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    }
    return limits;
}

int schema_pattern_match(const pcre2_code *code, const char *text, size_t length,
                         pcre2_match_data *data, pcre2_match_context *limits)
{
    int result = pcre2_match(code, (PCRE2_SPTR)text, length, 0, 0, data, limits);
    if (result >= 0)
        return 1;
    switch (result) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return LLMSPELL_ELIMIT;
    case PCRE2_ERROR_NOMEMORY:
        return LLMSPELL_ENOMEM;
    default:
        return 0;
    }
}
