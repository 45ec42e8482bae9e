/* SPDX-License-Identifier: Apache-2.0
 * Rules for values of several types. */
#include "validation.h"

#include <math.h>

#include "../shared/json_change.h"
#include "../shared/text_input.h"

const char *value_kind(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
        [JSON_FALSE] = "boolean",   [JSON_NULL] = "null"};
    return names[json_typeof(value)];
}

/* Message with a whole last character: JSON takes UTF-8 only. */
int32_t violated(char *message, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, MESSAGE_MAX, format, args);
    va_end(args);
    for (size_t size = strlen(message), good; (good = text_valid(message, size)) < size;)
        message[good] = '?';
    return 0;
}

int32_t expected(char *message, const char *kind, const json_t *value)
{
    return violated(message, "expected %s, is %s", kind, value_kind(value));
}

int32_t rule_required(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    (void)check;
    (void)rule;
    if (json_is_null(value))
        return violated(message, "is required, is null");
    if ((json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0))
        return violated(message, "is required, is an empty %s", value_kind(value));
    return 1;
}

static bool is_integral(const json_t *value)
{
    double number = json_real_value(value);
    return json_is_integer(value) || (json_is_real(value) && floor(number) == number);
}

int32_t rule_type(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    const char *wanted = llmspell_string(rule, "expected");
    bool right = strcmp(wanted, "integer") == 0  ? is_integral(value)
                 : strcmp(wanted, "number") == 0 ? json_is_number(value)
                                                 : strcmp(wanted, value_kind(value)) == 0;
    (void)check;
    return right ? 1 : expected(message, wanted, value);
}

int32_t rule_length(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    static const char *const units[] = {
        [JSON_STRING] = "characters", [JSON_ARRAY] = "items", [JSON_OBJECT] = "members"};
    (void)check;
    if (!json_is_string(value) && !json_is_array(value) && !json_is_object(value))
        return expected(message, "string, array or object", value);
    size_t size = json_is_string(value)
                      ? text_points(json_string_value(value), json_string_length(value))
                  : json_is_array(value) ? json_array_size(value)
                                         : json_object_size(value);
    json_int_t length = (json_int_t)size, min = llmspell_integer(rule, "min", 0);
    json_int_t max = llmspell_integer(rule, "max", length);
    const char *unit = units[json_typeof(value)];
    if (length < min)
        return violated(message, "must have at least %lld %s, has %lld", (long long)min, unit,
                        (long long)length);
    if (length > max)
        return violated(message, "must have at most %lld %s, has %lld", (long long)max, unit,
                        (long long)length);
    return 1;
}

/* ---- range ---- */

/* Compares a whole number with a fraction without rounding the first. */
static int compare_mixed(json_int_t whole, double number)
{
    if (number >= 9223372036854775808.0)
        return -1;
    if (number < -9223372036854775808.0)
        return 1;
    double floored = floor(number);
    json_int_t part = (json_int_t)floored;
    if (whole != part)
        return whole < part ? -1 : 1;
    return number > floored ? -1 : 0;
}

static int compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    if (json_is_integer(a))
        return compare_mixed(json_integer_value(a), json_real_value(b));
    if (json_is_integer(b))
        return -compare_mixed(json_integer_value(b), json_real_value(a));
    return (json_real_value(a) > json_real_value(b)) - (json_real_value(a) < json_real_value(b));
}

int32_t rule_range(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    static const struct {
        const char *key, *words;
        int from, to; /* the comparison must lie between */
    } limits[] = {{"min", "at least", 0, 1},
                  {"max", "at most", -1, 0},
                  {"exclusive_min", "greater than", 1, 1},
                  {"exclusive_max", "less than", -1, -1}};
    (void)check;
    if (!json_is_number(value))
        return expected(message, "number", value);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const json_t *limit = json_object_get(rule, limits[i].key);
        int compared = limit ? compare_numbers(value, limit) : limits[i].from;
        if (compared >= limits[i].from && compared <= limits[i].to)
            continue;
        LLMSPELL_CLEANUP_FREE char *wanted = json_dumps(limit, JSON_ENCODE_ANY);
        LLMSPELL_CLEANUP_FREE char *is = json_dumps(value, JSON_ENCODE_ANY);
        return violated(message, "must be %s %s, is %s", limits[i].words, wanted ? wanted : "",
                        is ? is : "");
    }
    return 1;
}

/* ---- equality by value: 1 equals 1.0 ---- */

#define SHOWN_MAX 300

/* The beginning of a value's JSON. */
struct shown {
    char text[SHOWN_MAX + 1];
    size_t used;
};

static int add_shown(const char *bytes, size_t size, void *data)
{
    struct shown *shown = data;
    size_t room = SHOWN_MAX - shown->used, part = size < room ? size : room;
    memcpy(shown->text + shown->used, bytes, part);
    shown->used += part;
    return part < size ? -1 : 0; /* enough: the rest is not even made */
}

static const char *show(const json_t *value, struct shown *shown)
{
    shown->used = 0;
    json_dump_callback(value, add_shown, shown, JSON_COMPACT | JSON_ENCODE_ANY);
    shown->text[shown->used] = '\0';
    return shown->text;
}

int32_t rule_enum(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    const json_t *values = json_object_get(rule, "values");
    const struct compiled *sets = choices_know(value) ? find_compiled(check, rule) : NULL;
    struct shown shown;
    if (sets && choices_have(&sets->choices, value))
        return 1;
    for (size_t i = 0; !sets && i < json_array_size(values); i++) {
        int32_t rc = check_step(check);
        if (rc < 0)
            return rc;
        if (json_same(json_array_get(values, i), value))
            return 1;
    }
    return violated(message, "must be one of %s", show(values, &shown));
}

int32_t rule_const(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    const json_t *wanted = json_object_get(rule, "value");
    struct shown shown;
    (void)check;
    return json_same(wanted, value) ? 1 : violated(message, "must be %s", show(wanted, &shown));
}

/* ---- containers; what is inside is walk.c's ---- */

static int32_t check_unique(struct check *check, const json_t *value, char *message)
{
    LLMSPELL_CLEANUP_JSON json_t *schema = json_pack("{s:b}", "uniqueItems", 1);
    if (!schema)
        return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = check->schemas->check(check->call, schema, value, 0, "/rules", NULL);
    return rc == 0 ? violated(message, "must not have the same item twice") : rc;
}

int32_t rule_array(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    if (!json_is_array(value))
        return expected(message, "array", value);
    json_int_t size = (json_int_t)json_array_size(value);
    json_int_t min = llmspell_integer(rule, "min_items", 0);
    json_int_t max = llmspell_integer(rule, "max_items", size);
    if (size < min)
        return violated(message, "must have at least %lld items, has %lld", (long long)min,
                        (long long)size);
    if (size > max)
        return violated(message, "must have at most %lld items, has %lld", (long long)max,
                        (long long)size);
    return llmspell_bool(rule, "unique", 0) ? check_unique(check, value, message) : 1;
}

int32_t rule_object(struct check *check, const json_t *rule, const json_t *value, char *message)
{
    (void)check;
    (void)rule;
    return json_is_object(value) ? 1 : expected(message, "object", value);
}
