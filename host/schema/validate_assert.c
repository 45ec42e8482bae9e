/* SPDX-License-Identifier: Apache-2.0
 * Operations that look at one value alone: type, enum, const, numbers, strings, sizes. Called
 * through struct schema_op by validate.c. */
#include <stdarg.h>
#include <stdio.h>

#include "schema/eval.h"

#define DESCRIPTION_MAX 160
#define NO_NUL "^[^\\u0000]*$" /* usual in manifests, and hard to read as an expression */

/* Appends format to a text of size bytes; false once it is full. */
__attribute__((format(printf, 3, 4))) static bool append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    int written = vsnprintf(text + length, size - length, format, args);
    va_end(args);
    if (written >= 0 && (size_t)written < size - length)
        return true;
    text[length] = '\0';
    return false;
}

/* ", is 5", or nothing if the value must not show up in messages. */
static const char *is_what(const struct schema_eval *eval, const json_t *value, char *text)
{
    char description[DESCRIPTION_MAX - 8];
    text[0] = '\0';
    if (eval->secret)
        return text;
    if (json_is_object(value) || json_is_array(value))
        snprintf(description, sizeof description, "%s", schema_value_kind(value));
    else
        schema_value_describe(value, description, sizeof description);
    snprintf(text, DESCRIPTION_MAX, ", is %s", description);
    return text;
}

static int report_type(struct schema_eval *eval, const struct schema_op *op,
                       const struct schema_site *site)
{
    static const struct {
        unsigned mask;
        const char *name;
    } types[] = {
        {SCHEMA_OBJECTS, "an object"},
        {SCHEMA_ARRAYS, "an array"},
        {SCHEMA_STRINGS, "a string"},
        {SCHEMA_NUMBERS, "a number"},
        {SCHEMA_TYPE(JSON_INTEGER), "an integer"},
        {SCHEMA_BOOLEANS, "a boolean"},
        {SCHEMA_TYPE(JSON_NULL), "null"},
    };
    char wanted[120] = "";
    unsigned left = op->u.type_mask & SCHEMA_ALL;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if ((left & types[i].mask) != types[i].mask)
            continue;
        left &= ~types[i].mask;
        append(wanted, sizeof wanted, "%s%s", wanted[0] ? " or " : "", types[i].name);
    }
    return schema_report(eval, op, site, "must be %s, is %s", wanted,
                         schema_value_kind(site->value));
}

int schema_run_type(struct schema_eval *eval, const struct schema_op *op,
                    const struct schema_site *site)
{
    if (op->u.type_mask & SCHEMA_TYPE(json_typeof(site->value)))
        return 1;
    if ((op->u.type_mask & SCHEMA_INTEGRAL_REALS) && schema_value_is_integer(site->value))
        return 1;
    return eval->quiet ? 0 : report_type(eval, op, site);
}

/* 1 if value is among the choices, 0 if not, or a negative code. */
static int is_choice(const struct schema_choices *choices, const json_t *value)
{
    int equal = 0;
    if (choices->slots) {
        size_t at = schema_value_hash(value, choices->seed) & choices->slot_mask;
        for (; choices->slots[at] && equal == 0; at = (at + 1) & choices->slot_mask)
            equal = schema_value_equal(choices->values[choices->slots[at] - 1], value);
        return equal;
    }
    for (size_t i = 0; i < choices->count && equal == 0; i++)
        equal = schema_value_equal(choices->values[i], value);
    return equal;
}

int schema_run_enum(struct schema_eval *eval, const struct schema_op *op,
                    const struct schema_site *site)
{
    const struct schema_choices *choices = op->u.choices;
    int found = is_choice(choices, site->value);
    if (found != 0 || eval->quiet)
        return found;
    char list[600] = "", one[DESCRIPTION_MAX], is[DESCRIPTION_MAX];
    for (size_t i = 0; i < choices->count; i++) {
        schema_value_describe(choices->values[i], one, sizeof one);
        if (!append(list, sizeof list - 8, "%s%s", i ? ", " : "", one)) {
            append(list, sizeof list, ", …");
            break;
        }
    }
    return schema_report(eval, op, site, "must be one of %s%s", list,
                         is_what(eval, site->value, is));
}

int schema_run_const(struct schema_eval *eval, const struct schema_op *op,
                     const struct schema_site *site)
{
    int equal = schema_value_equal(op->u.choices->values[0], site->value);
    if (equal != 0 || eval->quiet)
        return equal;
    char wanted[DESCRIPTION_MAX], is[DESCRIPTION_MAX];
    schema_value_describe(op->u.choices->values[0], wanted, sizeof wanted);
    return schema_report(eval, op, site, "must be %s%s", wanted, is_what(eval, site->value, is));
}

static int report_number(struct schema_eval *eval, const struct schema_op *op,
                         const struct schema_site *site, const char *condition, const json_t *limit)
{
    char wanted[DESCRIPTION_MAX], is[DESCRIPTION_MAX];
    schema_value_describe(limit, wanted, sizeof wanted);
    return schema_report(eval, op, site, "must be %s %s%s", condition, wanted,
                         is_what(eval, site->value, is));
}

int schema_run_multiple_of(struct schema_eval *eval, const struct schema_op *op,
                           const struct schema_site *site)
{
    const struct schema_divisor *divisor = &op->u.divisor;
    bool multiple =
        divisor->integer && json_is_integer(site->value)
            ? json_integer_value(site->value) % divisor->integer == 0
            : schema_decimal_is_multiple(schema_decimal_of(site->value), divisor->decimal);
    if (multiple || eval->quiet)
        return multiple;
    return report_number(eval, op, site, "a multiple of", divisor->json);
}

/* Compares the value with the limit of op. */
static int compare(const struct schema_op *op, const struct schema_site *site)
{
    struct schema_number number = schema_number_of(site->value);
    return schema_number_compare(&number, &op->u.number);
}

#define RUN_LIMIT(name, relation, condition)                                                       \
    int schema_run_##name(struct schema_eval *eval, const struct schema_op *op,                    \
                          const struct schema_site *site)                                          \
    {                                                                                              \
        if (compare(op, site) relation 0)                                                          \
            return 1;                                                                              \
        if (eval->quiet)                                                                           \
            return 0;                                                                              \
        return report_number(eval, op, site, condition,                                            \
                             json_object_get(site->node->json, op->keyword));                      \
    }

RUN_LIMIT(minimum, >=, "at least")
RUN_LIMIT(maximum, <=, "at most")
RUN_LIMIT(exclusive_minimum, >, "greater than")
RUN_LIMIT(exclusive_maximum, <, "less than")

static size_t count_code_points(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t length = json_string_length(string), count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static int report_size(struct schema_eval *eval, const struct schema_op *op,
                       const struct schema_site *site, const char *condition, const char *unit,
                       size_t size)
{
    return schema_report(eval, op, site, "must have at %s %zu %s%s, has %zu", condition, op->u.size,
                         unit, op->u.size == 1 ? "" : "s", size);
}

int schema_run_min_length(struct schema_eval *eval, const struct schema_op *op,
                          const struct schema_site *site)
{
    size_t bytes = json_string_length(site->value);
    if (bytes / 4 >= op->u.size)
        return 1; /* a code point has at most four bytes */
    size_t count = count_code_points(site->value);
    return count >= op->u.size ? 1 : report_size(eval, op, site, "least", "character", count);
}

int schema_run_max_length(struct schema_eval *eval, const struct schema_op *op,
                          const struct schema_site *site)
{
    if (json_string_length(site->value) <= op->u.size)
        return 1;
    size_t count = count_code_points(site->value);
    return count <= op->u.size ? 1 : report_size(eval, op, site, "most", "character", count);
}

int schema_run_pattern(struct schema_eval *eval, const struct schema_op *op,
                       const struct schema_site *site)
{
    int matches = schema_eval_match(eval, op->u.pattern.code, json_string_value(site->value),
                                    json_string_length(site->value));
    if (matches != 0)
        return matches;
    if (strcmp(op->u.pattern.text, NO_NUL) == 0)
        return schema_report(eval, op, site, "must not hold a NUL character");
    return schema_report(eval, op, site, "must match the regular expression %.300s",
                         op->u.pattern.text);
}

int schema_run_format(struct schema_eval *eval, const struct schema_op *op,
                      const struct schema_site *site)
{
    if (op->u.format.check(json_string_value(site->value), json_string_length(site->value)))
        return 1;
    return schema_report(eval, op, site, "must be a valid %.100s", op->u.format.name);
}

int schema_run_min_items(struct schema_eval *eval, const struct schema_op *op,
                         const struct schema_site *site)
{
    size_t size = json_array_size(site->value);
    return size >= op->u.size ? 1 : report_size(eval, op, site, "least", "item", size);
}

int schema_run_max_items(struct schema_eval *eval, const struct schema_op *op,
                         const struct schema_site *site)
{
    size_t size = json_array_size(site->value);
    return size <= op->u.size ? 1 : report_size(eval, op, site, "most", "item", size);
}

int schema_run_min_properties(struct schema_eval *eval, const struct schema_op *op,
                              const struct schema_site *site)
{
    size_t size = json_object_size(site->value);
    return size >= op->u.size ? 1 : report_size(eval, op, site, "least", "member", size);
}

int schema_run_max_properties(struct schema_eval *eval, const struct schema_op *op,
                              const struct schema_site *site)
{
    size_t size = json_object_size(site->value);
    return size <= op->u.size ? 1 : report_size(eval, op, site, "most", "member", size);
}
