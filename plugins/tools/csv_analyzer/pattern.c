/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions of callers over fields, with bounds on time and memory. Called by where.c and
 * rules.c. */
#include "../shared/guarded_regex.h"

#include "analyzer.h"

#define MATCH_LIMIT 100000u /* steps of a field; some ten milliseconds */

struct pattern {
    struct regex_guard guard;
    pcre2_code *code;
    pcre2_match_data *data;
    char pointer[POINTER_MAX];
};

static int32_t prepare(struct llmspell_call *call, const char *text, size_t size,
                       struct pattern *pattern)
{
    struct regex_source source = {.pattern = text,
                                  .size = size,
                                  .for_match = true,
                                  .pointer = pattern->pointer,
                                  .code = LLMSPELL_EPARSE};
    int32_t rc = regex_compile(call, &source, &pattern->code);
    if (rc == 0)
        rc = regex_guard_init(&pattern->guard, call, MATCH_LIMIT);
    if (rc < 0)
        return rc;
    pattern->data = pcre2_match_data_create(1, NULL);
    return pattern->data ? 0 : no_memory(call);
}

int32_t pattern_new(struct llmspell_call *call, const char *text, size_t size, const char *pointer,
                    struct pattern **ret)
{
    struct pattern *pattern = calloc(1, sizeof *pattern);
    if (!pattern)
        return no_memory(call);
    snprintf(pattern->pointer, sizeof pattern->pointer, "%s", pointer);
    int32_t rc = prepare(call, text, size, pattern);
    if (rc < 0)
        pattern_free(pattern);
    else
        *ret = pattern;
    return rc;
}

int32_t pattern_test(struct pattern *pattern, const char *text, size_t size)
{
    return regex_match(&pattern->guard, pattern->code, text ? text : "", size, 0, pattern->data,
                       pattern->pointer);
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    regex_guard_clear(&pattern->guard);
    pcre2_match_data_free(pattern->data);
    pcre2_code_free(pattern->code);
    free(pattern);
}
