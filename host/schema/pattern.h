/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions of ECMA-262 (as with its flag u) on PCRE2. Called for pattern,
 * patternProperties and the format regex. Private to host/schema. */
#ifndef SCHEMA_PATTERN_H
#define SCHEMA_PATTERN_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stddef.h>

#define SCHEMA_PATTERN_MESSAGE_MAX 160

/* A text that grows; failed is set once memory ran out. */
struct schema_pattern_text {
    char *bytes;
    size_t length, capacity;
    bool failed;
};

/* Rewrites an ECMA-262 expression for PCRE2. Returns 0, LLMSPELL_EINVAL with a message, or
 * LLMSPELL_ENOMEM. The caller frees out->bytes, also on failure. */
int schema_pattern_translate(const char *pattern, size_t length, struct schema_pattern_text *out,
                             char message[SCHEMA_PATTERN_MESSAGE_MAX]);

/* Rewrites the inside of \p{…}; in_class says that brackets stand around it already. Returns false
 * if there is no such property. */
bool schema_pattern_property(const char *name, size_t length, bool negated, bool in_class,
                             struct schema_pattern_text *out);

void schema_pattern_append(struct schema_pattern_text *out, const char *bytes, size_t length);

/* Translates and compiles. Returns as schema_pattern_translate. */
int schema_pattern_compile(const char *pattern, size_t length, pcre2_code **ret_code,
                           char message[SCHEMA_PATTERN_MESSAGE_MAX]);

/* Limits of one match, or NULL if out of memory. */
pcre2_match_context *schema_pattern_limits(void);

/* 1 if the expression matches somewhere in text, 0 if not, LLMSPELL_ELIMIT or LLMSPELL_ENOMEM.
 * Text that is not UTF-8 does not match. */
int schema_pattern_match(const pcre2_code *code, const char *text, size_t length,
                         pcre2_match_data *data, pcre2_match_context *limits);

#endif
