/* SPDX-License-Identifier: Apache-2.0
 * The table of rules, and what is done with them before the first value. */
#include "validation.h"

/* Few bytes of a pattern can make 64 KiB of code. */
#define PATTERN_BYTES_MAX ((size_t)64 << 20)
#define ENUM_LONG 32 /* values from which on looking up is quicker than comparing */

typedef bool (*text_fn)(const char *text, size_t size);

static int32_t rule_pattern(struct check *check, const json_t *rule, const json_t *value,
                            char *message);
static int32_t rule_url(struct check *check, const json_t *rule, const json_t *value,
                        char *message);
static int32_t rule_date(struct check *check, const json_t *rule, const json_t *value,
                         char *message);
static int32_t rule_custom(struct check *check, const json_t *rule, const json_t *value,
                           char *message);

/* A rule has a function, or it is a test of a string. */
static const struct kind {
    const char *name;
    rule_fn run;
    text_fn test;
    const char *noun; /* "must be …" */
} kinds[] = {
    {"required", rule_required, NULL, NULL},
    {"type", rule_type, NULL, NULL},
    {"length", rule_length, NULL, NULL},
    {"range", rule_range, NULL, NULL},
    {"pattern", rule_pattern, NULL, NULL},
    {"enum", rule_enum, NULL, NULL},
    {"const", rule_const, NULL, NULL},
    {"email", NULL, is_email, "an e-mail address"},
    {"url", rule_url, NULL, NULL},
    {"uuid", NULL, is_uuid, "a UUID"},
    {"ipv4", NULL, is_ipv4, "an IPv4 address"},
    {"ipv6", NULL, is_ipv6, "an IPv6 address"},
    {"hostname", NULL, is_hostname, "a host name"},
    {"date", rule_date, NULL, NULL},
    {"datetime", NULL, is_datetime, "a date and time of RFC 3339 (2024-05-01T12:00:00Z)"},
    {"phone", NULL, is_phone, "a phone number of E.164 (+49 30 1234567)"},
    {"credit_card", NULL, is_credit_card, "a number of a payment card with a right check digit"},
    {"iban", NULL, is_iban, "an IBAN with the length of its country and right check digits"},
    {"isbn", NULL, is_isbn, "an ISBN of 10 or 13 digits with a right check digit"},
    {"json", NULL, is_json, "JSON text"},
    {"base64", NULL, is_base64, "Base64 text"},
    {"array", rule_array, NULL, NULL},
    {"object", rule_object, NULL, NULL},
    {"custom", rule_custom, NULL, NULL},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int32_t run_kind(struct check *check, const struct kind *kind, const json_t *rule,
                        const json_t *value, char *message)
{
    if (!kind)
        return violated(message, "is under a rule that does not exist");
    if (kind->run)
        return kind->run(check, rule, value, message);
    if (!json_is_string(value))
        return expected(message, "string", value);
    if (kind->test(json_string_value(value), json_string_length(value)))
        return 1;
    return violated(message, "must be %s", kind->noun);
}

int32_t rule_apply(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    return run_kind(check, find_kind(llmspell_string(rule, "type")), rule, value, message);
}

static int32_t rule_custom(struct check *check, const json_t *rule, const json_t *value,
                           char *message)
{
    return run_kind(check, find_kind(llmspell_string(rule, "name")), rule, value, message);
}

static int32_t rule_url(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    (void)check;
    const json_t *schemes = json_object_get(rule, "schemes");
    if (!json_is_string(value))
        return expected(message, "string", value);
    if (is_url(schemes, json_string_value(value), json_string_length(value)))
        return 1;
    LLMSPELL_CLEANUP_FREE char *list =
        schemes ? json_dumps(schemes, JSON_COMPACT) : strdup("[\"http\",\"https\",\"ftp\"]");
    return violated(message, "must be a URL with one of the schemes %.200s", list ? list : "");
}

static int32_t rule_date(struct check *check, const json_t *rule, const json_t *value,
                         char *message)
{
    (void)check;
    const char *format = llmspell_string(rule, "format");
    if (!format)
        format = "%Y-%m-%d";
    if (!json_is_string(value))
        return expected(message, "string", value);
    if (is_date(format, json_string_value(value), json_string_length(value)))
        return 1;
    return violated(message, "must be a date of the calendar in the format %.200s", format);
}

/* ---- patterns ---- */

static int compare_rules(const void *a, const void *b)
{
    const struct compiled *one = a, *other = b;
    uintptr_t x = (uintptr_t)one->rule, y = (uintptr_t)other->rule;
    return (x > y) - (x < y);
}

const struct compiled *find_compiled(const struct check *check, const json_t *rule)
{
    struct compiled key = {.rule = rule};
    return check->compiled_count
               ? bsearch(&key, check->compiled, check->compiled_count, sizeof key, compare_rules)
               : NULL;
}

static int32_t rule_pattern(struct check *check, const json_t *rule, const json_t *value,
                            char *message)
{
    if (!json_is_string(value))
        return expected(message, "string", value);
    const struct compiled *found = find_compiled(check, rule);
    if (!found)
        return llmspell_fail(check->call, LLMSPELL_EFAILED, "a pattern was not compiled");
    int32_t rc = regex_match(&check->guard, found->code, json_string_value(value),
                             json_string_length(value), 0, check->match, found->pointer);
    if (rc != 0)
        return rc;
    return violated(message, "must match the regular expression %.200s",
                    llmspell_string(rule, "regex"));
}

/* An empty one for the rule; NULL without memory. */
static struct compiled *add_compiled(struct check *check, const json_t *rule)
{
    if (check->compiled_count == check->compiled_room) {
        size_t room = check->compiled_room * 2 + 8;
        struct compiled *grown = realloc(check->compiled, room * sizeof *grown);
        if (!grown)
            return NULL;
        check->compiled = grown;
        check->compiled_room = room;
    }
    struct compiled *compiled = &check->compiled[check->compiled_count++];
    *compiled = (struct compiled){.rule = rule};
    return compiled;
}

static int32_t count_bytes(struct check *check, const struct compiled *compiled)
{
    size_t size = 0;
    pcre2_pattern_info(compiled->code, PCRE2_INFO_SIZE, &size);
    check->pattern_bytes += size;
    if (check->pattern_bytes <= PATTERN_BYTES_MAX)
        return 0;
    return llmspell_fail_at(check->call, LLMSPELL_ELIMIT, compiled->pointer,
                            "the patterns of the rules need more than 64 MiB; write shorter ones, "
                            "or fewer at once");
}

static int32_t compile_pattern(struct check *check, const json_t *rule, const struct place *place)
{
    struct place at = {place, "regex", 5};
    struct compiled *compiled = add_compiled(check, rule);
    if (compiled)
        compiled->pointer = place_pointer("/rules", &at);
    if (!compiled || !compiled->pointer)
        return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
    const struct regex_source source = {.pattern = llmspell_string(rule, "regex"),
                                        .size = llmspell_string_length(rule, "regex"),
                                        .for_match = true,
                                        .pointer = compiled->pointer,
                                        .code = LLMSPELL_EINVAL};
    int32_t rc = regex_compile(check->call, &source, &compiled->code);
    return rc < 0 ? rc : count_bytes(check, compiled);
}

static int32_t prepare_enum(struct check *check, const json_t *rule)
{
    const json_t *values = json_object_get(rule, "values");
    if (json_array_size(values) < ENUM_LONG)
        return 0;
    struct compiled *compiled = add_compiled(check, rule);
    if (!compiled)
        return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
    return choices_fill(check, values, &compiled->choices);
}

/* ---- all rules ---- */

const json_t *rules_array(const json_t *rules)
{
    return json_is_object(rules) ? json_object_get(rules, "rules") : rules;
}

static int32_t prepare(struct check *check, const json_t *rules, const struct place *place);

static int32_t check_format(struct check *check, const json_t *rule, const struct place *place)
{
    const char *format = llmspell_string(rule, "format");
    char unknown = format ? date_unknown(format) : '\0';
    if (!unknown)
        return 0;
    struct place at = {place, "format", 6};
    LLMSPELL_CLEANUP_FREE char *pointer = place_pointer("/rules", &at);
    return llmspell_fail_at(check->call, LLMSPELL_EINVAL, pointer,
                            "the format has %%%c, which is not known; %%Y %%y %%m %%d %%e %%j %%b "
                            "%%B %%a %%A %%H %%I %%M %%S %%f %%p %%z %%F %%T %%R %%D %%%% are",
                            unknown);
}

static int32_t prepare_properties(struct check *check, const json_t *rule,
                                  const struct place *place)
{
    struct place properties = {place, "properties", 10};
    const char *name;
    json_t *rules;
    json_object_foreach(json_object_get(rule, "properties"), name, rules)
    {
        struct place at = {&properties, name, strlen(name)};
        int32_t rc = prepare(check, rules, &at);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t prepare_rule(struct check *check, const json_t *rule, const struct place *place)
{
    const json_t *items = json_object_get(rule, "item_rules");
    struct place at = {place, "item_rules", 10};
    if (llmspell_is(rule, "type", "pattern"))
        return compile_pattern(check, rule, place);
    if (llmspell_is(rule, "type", "enum"))
        return prepare_enum(check, rule);
    if (llmspell_is(rule, "type", "date"))
        return check_format(check, rule, place);
    if (llmspell_is(rule, "type", "object"))
        return prepare_properties(check, rule, place);
    return items ? prepare(check, items, &at) : 0;
}

static int32_t prepare(struct check *check, const json_t *rules, const struct place *place)
{
    struct place inner = {place, "rules", 5};
    const struct place *base = json_is_object(rules) ? &inner : place;
    const json_t *array = rules_array(rules);
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct place at = {base, NULL, i};
        int32_t rc = check_step(check);
        if (rc == 0)
            rc = prepare_rule(check, json_array_get(array, i), &at);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t rules_prepare(struct check *check, const json_t *rules)
{
    int32_t rc = prepare(check, rules, NULL);
    if (check->compiled_count)
        qsort(check->compiled, check->compiled_count, sizeof *check->compiled, compare_rules);
    return rc;
}
