/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 in one call. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "util/regex.h"

#include <pcre2.h>
#include <string.h>

int regex_search(const char *pattern, const char *text, struct error *ret_error)
{
    int code;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = pattern ? pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                                   PCRE2_UTF, &code, &offset, NULL)
                                   : NULL;
    if (!compiled)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%s is no regular expression (at character %zu)",
                         pattern ? pattern : "what is not a string", (size_t)offset);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(compiled, NULL);
    int rc = data ? pcre2_match(compiled, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL)
                  : PCRE2_ERROR_NOMEMORY;
    pcre2_match_data_free(data);
    pcre2_code_free(compiled);
    if (rc == PCRE2_ERROR_NOMATCH)
        return 0;
    return rc >= 0 ? 1
                   : error_set(ret_error, LLMSPELL_EFAILED, "%s cannot be looked for (PCRE2 %d)",
                               pattern, rc);
}
