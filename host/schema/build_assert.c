/* SPDX-License-Identifier: Apache-2.0
 * Builders of the keywords that look at one value: type, enum, const, numbers, sizes, pattern and
 * format. Called through the table of build_keywords.c. */
#include "schema/build.h"

static unsigned type_mask(const json_t *name)
{
    static const struct {
        const char *name;
        unsigned mask;
    } types[] = {
        {"array", SCHEMA_ARRAYS},
        {"boolean", SCHEMA_BOOLEANS},
        {"integer", SCHEMA_TYPE(JSON_INTEGER) | SCHEMA_INTEGRAL_REALS},
        {"null", SCHEMA_TYPE(JSON_NULL)},
        {"number", SCHEMA_NUMBERS},
        {"object", SCHEMA_OBJECTS},
        {"string", SCHEMA_STRINGS},
    };
    const char *text = json_string_value(name);
    for (size_t i = 0; text && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(text, types[i].name) == 0)
            return types[i].mask;
    return 0;
}

int schema_build_type(struct schema_build *build, struct schema_node *node, const char *keyword,
                      const json_t *value)
{
    bool list = json_is_array(value);
    unsigned mask = 0;
    size_t count = list ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        unsigned one = type_mask(list ? json_array_get(value, i) : value);
        if (one == 0 || (mask & one) == one)
            break;
        mask |= one;
        if (i + 1 == count) {
            struct schema_op *op = schema_add_op(build, node, keyword, schema_run_type, SCHEMA_ALL);
            if (op)
                op->u.type_mask = mask;
            return op ? 0 : LLMSPELL_ENOMEM;
        }
    }
    return schema_refuse(build, node, keyword,
                         "must be one of \"array\", \"boolean\", \"integer\", \"null\", "
                         "\"number\", \"object\", \"string\", or an array of different ones");
}

/* A table for enumerations that are too long to be compared one by one. */
static int index_choices(struct schema_build *build, struct schema_choices *choices)
{
    size_t slots = 16;
    while (slots < choices->count * 2)
        slots *= 2;
    choices->seed = build->schema->seed;
    choices->slot_mask = slots - 1;
    choices->slots = schema_arena_array(&build->schema->arena, slots, sizeof *choices->slots);
    if (!choices->slots)
        return schema_refuse_memory(build);
    for (size_t i = 0; i < choices->count; i++) {
        size_t at = schema_value_hash(choices->values[i], choices->seed) & choices->slot_mask;
        while (choices->slots[at])
            at = (at + 1) & choices->slot_mask;
        choices->slots[at] = (uint32_t)(i + 1);
    }
    return 0;
}

int schema_build_choices(struct schema_build *build, struct schema_node *node, const char *keyword,
                         const json_t *value)
{
    bool list = strcmp(keyword, "enum") == 0;
    if (list && !json_is_array(value))
        return schema_refuse(build, node, keyword, "must be an array");
    struct schema_arena *arena = &build->schema->arena;
    struct schema_choices *choices = schema_arena_alloc(arena, sizeof *choices);
    struct schema_op *op =
        schema_add_op(build, node, keyword, list ? schema_run_enum : schema_run_const, SCHEMA_ALL);
    if (!choices || !op)
        return schema_refuse_memory(build);
    choices->count = list ? json_array_size(value) : 1;
    choices->values = schema_arena_array(arena, choices->count, sizeof(json_t *));
    if (!choices->values)
        return schema_refuse_memory(build);
    for (size_t i = 0; i < choices->count; i++)
        choices->values[i] = list ? json_array_get(value, i) : value;
    op->u.choices = choices;
    return choices->count > 8 ? index_choices(build, choices) : 0;
}

static int build_divisor(struct schema_build *build, struct schema_node *node, const char *keyword,
                         const json_t *value)
{
    struct schema_number zero = {.is_integer = true}, number = schema_number_of(value);
    if (schema_number_compare(&number, &zero) <= 0)
        return schema_refuse(build, node, keyword, "must be greater than 0");
    struct schema_op *op =
        schema_add_op(build, node, keyword, schema_run_multiple_of, SCHEMA_NUMBERS);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.divisor.decimal = schema_decimal_of(value);
    op->u.divisor.integer = number.is_integer ? number.integer : 0;
    op->u.divisor.json = value;
    return 0;
}

int schema_build_number(struct schema_build *build, struct schema_node *node, const char *keyword,
                        const json_t *value)
{
    if (!json_is_number(value))
        return schema_refuse(build, node, keyword, "must be a number");
    if (strcmp(keyword, "multipleOf") == 0)
        return build_divisor(build, node, keyword, value);
    schema_run_fn run = strcmp(keyword, "minimum") == 0            ? schema_run_minimum
                        : strcmp(keyword, "maximum") == 0          ? schema_run_maximum
                        : strcmp(keyword, "exclusiveMinimum") == 0 ? schema_run_exclusive_minimum
                                                                   : schema_run_exclusive_maximum;
    struct schema_op *op = schema_add_op(build, node, keyword, run, SCHEMA_NUMBERS);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.number = schema_number_of(value);
    return 0;
}

int schema_read_size(struct schema_build *build, const struct schema_node *node,
                     const char *keyword, const json_t *value, size_t *ret_size)
{
    double real = json_number_value(value);
    if (!schema_value_is_integer(value) || real < 0)
        return schema_refuse(build, node, keyword, "must be a whole number that is not negative");
    if (json_is_integer(value))
        *ret_size = (size_t)json_integer_value(value);
    else
        *ret_size = real < 9e18 ? (size_t)real : SIZE_MAX;
    return 0;
}

int schema_build_size(struct schema_build *build, struct schema_node *node, const char *keyword,
                      const json_t *value)
{
    static const struct {
        const char *keyword;
        schema_run_fn run;
        unsigned types;
    } sizes[] = {
        {"minLength", schema_run_min_length, SCHEMA_STRINGS},
        {"maxLength", schema_run_max_length, SCHEMA_STRINGS},
        {"minItems", schema_run_min_items, SCHEMA_ARRAYS},
        {"maxItems", schema_run_max_items, SCHEMA_ARRAYS},
        {"minProperties", schema_run_min_properties, SCHEMA_OBJECTS},
        {"maxProperties", schema_run_max_properties, SCHEMA_OBJECTS},
    };
    size_t size = 0, row = 0;
    int status = schema_read_size(build, node, keyword, value, &size);
    if (status < 0)
        return status;
    while (strcmp(sizes[row].keyword, keyword) != 0)
        row++;
    struct schema_op *op =
        schema_add_op(build, node, sizes[row].keyword, sizes[row].run, sizes[row].types);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.size = size;
    return 0;
}

int schema_build_unique(struct schema_build *build, struct schema_node *node, const char *keyword,
                        const json_t *value)
{
    if (!json_is_boolean(value))
        return schema_refuse(build, node, keyword, "must be true or false");
    if (json_is_false(value))
        return 0;
    return schema_add_op(build, node, keyword, schema_run_unique_items, SCHEMA_ARRAYS)
               ? 0
               : LLMSPELL_ENOMEM;
}

int schema_read_pattern(struct schema_build *build, const struct schema_node *node,
                        const char *keyword, const char *text, size_t length, pcre2_code **ret_code)
{
    char message[SCHEMA_PATTERN_MESSAGE_MAX] = "";
    int status = schema_pattern_compile(text, length, ret_code, message);
    if (status == LLMSPELL_ENOMEM)
        return schema_refuse_memory(build);
    if (status < 0)
        return schema_refuse(build, node, keyword, "\"%.200s\" is no regular expression: %s", text,
                             message);
    return schema_keep_code(build, *ret_code);
}

int schema_build_pattern(struct schema_build *build, struct schema_node *node, const char *keyword,
                         const json_t *value)
{
    if (!json_is_string(value))
        return schema_refuse(build, node, keyword, "must be a string");
    pcre2_code *code = NULL;
    int status = schema_read_pattern(build, node, keyword, json_string_value(value),
                                     json_string_length(value), &code);
    if (status < 0)
        return status;
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_pattern, SCHEMA_STRINGS);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.pattern.code = code;
    op->u.pattern.text = json_string_value(value);
    return 0;
}

int schema_build_format(struct schema_build *build, struct schema_node *node, const char *keyword,
                        const json_t *value)
{
    if (!json_is_string(value))
        return schema_refuse(build, node, keyword, "must be a string");
    schema_format_fn check = schema_format_find(json_string_value(value));
    if (!(build->schema->flags & SCHEMA_CHECK_FORMATS) || !check)
        return 0;
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_format, SCHEMA_STRINGS);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.format.check = check;
    op->u.format.name = json_string_value(value);
    return 0;
}
