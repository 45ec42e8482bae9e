/* SPDX-License-Identifier: Apache-2.0
 * What the sources of data_validation share: one check in progress, places in JSON, the table of
 * rules and the tests of strings. */
#ifndef DATA_VALIDATION_VALIDATION_H
#define DATA_VALIDATION_VALIDATION_H

#include <stdbool.h>

#include <llmspell/schema.h>

#include "../shared/guarded_regex.h"

#define MESSAGE_MAX 400

/* ---- place.c ---- */

/* A step from the root of a value; NULL is the root. */
struct place {
    const struct place *parent;
    const char *key; /* NULL: an element */
    size_t at;       /* length of key, or the index */
};

/* The JSON pointer of a place behind a prefix; malloc'ed, NULL without memory. */
char *place_pointer(const char *prefix, const struct place *place);

/* What a pointer leads to, or NULL. */
json_t *pointer_find(json_t *root, const char *pointer);

/* ---- data_validation.c ---- */

/* Strings and numbers of an enum; NULL where there are none. */
struct choices {
    json_t *strings, *numbers;
};

/* What is made of a rule once, found by the rule: of pattern the code, of a long enum the sets. */
struct compiled {
    const json_t *rule;
    pcre2_code *code;
    char *pointer; /* of the pattern in the parameters, for errors */
    struct choices choices;
};

struct check {
    struct llmspell_call *call;
    const struct llmspell_schema *schemas;
    struct compiled *compiled; /* sorted by rule */
    size_t compiled_count, compiled_room;
    size_t pattern_bytes; /* of all compiled patterns */
    struct regex_guard guard;
    pcre2_match_data *match;
    json_t *errors;
    size_t max_errors;
    bool truncated; /* there is an error more than fits: stop */
    size_t steps;
};

/* Adds {path, rule, message, value}; value NULL or too large: left out. Without room it sets
 * truncated. */
int32_t check_report(struct check *check, const char *path, const char *rule, const char *message,
                     const json_t *value);

/* Every few steps a look at the cancel flag. */
int32_t check_step(struct check *check);

/* ---- rules.c ---- */

/* 1 if value obeys the rule, 0 with a message, or a negative code with the error set. */
typedef int32_t (*rule_fn)(struct check *check, const json_t *rule, const json_t *value,
                           char *message);

/* Applies what a rule says of the value itself, not of what is inside it. */
int32_t rule_apply(struct check *check, const json_t *rule, const json_t *value, char *message);

/* Compiles the patterns of all rules below rules, and looks for what the manifest's schema cannot
 * see. prefix: the pointer of rules. */
int32_t rules_prepare(struct check *check, const json_t *rules);

/* What was made of the rule, or NULL. */
const struct compiled *find_compiled(const struct check *check, const json_t *rule);

/* The array of rules inside both forms. */
const json_t *rules_array(const json_t *rules);

/* ---- choices.c ---- */

/* ret must be cleared, whatever is returned: 0 or a negative code with the error set. */
int32_t choices_fill(struct check *check, const json_t *values, struct choices *ret);
void choices_clear(struct choices *choices);
/* Is value of a kind that can be looked up? */
bool choices_know(const json_t *value);
bool choices_have(const struct choices *choices, const json_t *value);

/* ---- walk.c ---- */

/* Checks value against rules in document order. */
int32_t walk(struct check *check, const json_t *rules, const json_t *value);

/* ---- values.c: rules for more than strings ---- */

const char *value_kind(const json_t *value);
int32_t expected(char *message, const char *kind, const json_t *value);
__attribute__((format(printf, 2, 3))) int32_t violated(char *message, const char *format, ...);
int32_t rule_required(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_type(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_length(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_range(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_enum(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_const(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_array(struct check *check, const json_t *rule, const json_t *value, char *message);
int32_t rule_object(struct check *check, const json_t *rule, const json_t *value, char *message);

/* ---- tests of strings; text is valid UTF-8, may hold NUL ---- */

bool is_email(const char *text, size_t size); /* address.c */
bool is_hostname(const char *text, size_t size);
bool is_ipv4(const char *text, size_t size);
bool is_ipv6(const char *text, size_t size);
bool is_url(const json_t *schemes, const char *text, size_t size);
bool is_phone(const char *text, size_t size); /* numbers.c */
bool is_credit_card(const char *text, size_t size);
bool is_iban(const char *text, size_t size);
bool is_isbn(const char *text, size_t size);
bool is_uuid(const char *text, size_t size);
bool is_base64(const char *text, size_t size);
bool is_datetime(const char *text, size_t size); /* dates.c */
bool is_date(const char *format, const char *text, size_t size);
/* The directive of a format that is not known, or '\0'. */
char date_unknown(const char *format);
bool is_json(const char *text, size_t size); /* json_text.c */

#endif
