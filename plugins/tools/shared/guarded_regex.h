/* SPDX-License-Identifier: Apache-2.0
 * PCRE2 for patterns of callers: compiled with clear errors, matched under limits, and ended when
 * the call is cancelled. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_GUARDED_REGEX_H
#define TOOLS_SHARED_GUARDED_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>

#include <llmspell/tool.h>

#define REGEX_MATCH_LIMIT 1000000 /* steps from one place in the text, where nobody says more */

/* Compiles with UTF, UCP, without \C, and with the given further options. Verbs at the start that
 * change limits are refused. for_match: with places where a match can be ended; a pattern that is
 * only looked at does without. parse_error, or the code given, at pointer. */
struct regex_source {
    const char *pattern;
    size_t size;
    uint32_t options;
    bool for_match;
    const char *pointer; /* of the parameter, for errors */
    int32_t code;        /* of errors: LLMSPELL_EPARSE or LLMSPELL_EINVAL */
};
int32_t regex_compile(struct llmspell_call *call, const struct regex_source *source,
                      pcre2_code **ret_code);

/* Limits and the look at the cancel flag; for one thread. */
struct regex_guard {
    struct llmspell_call *call;
    pcre2_match_context *context;
    size_t text_size;           /* of the running match, for the progress */
    size_t last_position, work; /* of the callout */
    int32_t stopped;            /* code of a cancelled call */
};
int32_t regex_guard_init(struct regex_guard *guard, struct llmspell_call *call,
                         uint32_t match_limit);
void regex_guard_clear(struct regex_guard *guard);
#define CLEANUP_REGEX_GUARD __attribute__((cleanup(regex_guard_clear)))

/* Matches code on text (valid UTF-8) from byte `at` on: 1 with the spans in data, 0, or a negative
 * code with the error set: limit_exceeded at pointer. */
int32_t regex_match(struct regex_guard *guard, const pcre2_code *code, const char *text,
                    size_t size, size_t at, pcre2_match_data *data, const char *pointer);

#endif
