/* SPDX-License-Identifier: Apache-2.0
 * unit_converter: converts, compares and lists units of measure. Called by the host's tool registry
 * through llmspell_tool_v1. */
#include "units.h"

#define RESULT_DIGITS 15

/* One side: a value and its unit. */
struct quantity {
    const struct category *category;
    const struct unit *unit;
    mpq_t value; /* in unit */
    mpq_t base;  /* in the base unit of the category */
};

static void quantity_init(struct quantity *quantity)
{
    mpq_inits(quantity->value, quantity->base, NULL);
}

static void quantity_clear(struct quantity *quantity)
{
    mpq_clears(quantity->value, quantity->base, NULL);
}

static int32_t find_unit(struct llmspell_call *call, const json_t *params, const char *key,
                         struct quantity *quantity)
{
    const char *text = llmspell_string(params, key);
    quantity->unit = units_find(text, &quantity->category);
    if (quantity->unit)
        return 0;
    char pointer[16], near[NEAR_MAX];
    snprintf(pointer, sizeof pointer, "/%s", key);
    units_near(text, near);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer, "there is no unit \"%s\"; %s", text,
                            near);
}

static int32_t find_units(struct llmspell_call *call, const json_t *params, struct quantity *from,
                          struct quantity *to)
{
    int32_t rc = find_unit(call, params, "from", from);
    if (rc == 0)
        rc = find_unit(call, params, "to", to);
    if (rc < 0 || from->category == to->category)
        return rc;
    return llmspell_fail_at(
        call, LLMSPELL_EINVAL, "/to", "%s is a unit of %s, %s one of %s: they cannot be converted",
        to->unit->symbol, to->category->name, from->unit->symbol, from->category->name);
}

/* Sets value and base from the parameter key. */
static int32_t read_value(struct llmspell_call *call, const json_t *params, const char *key,
                          struct quantity *quantity)
{
    char pointer[16];
    snprintf(pointer, sizeof pointer, "/%s", key);
    exact_number(json_object_get(params, key), quantity->value);
    if (!exact_to_base(quantity->unit, quantity->value, quantity->base))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer, "0 %s has no finite reciprocal",
                                quantity->unit->symbol);
    if (!quantity->unit->offset || mpq_sgn(quantity->base) >= 0)
        return 0;
    LLMSPELL_CLEANUP_FREE char *shown =
        json_dumps(json_object_get(params, key), JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                            "%s %s is below absolute zero (0 K, -273.15 C, -459.67 F)",
                            shown ? shown : "this", quantity->unit->symbol);
}

static int32_t fail_range(struct llmspell_call *call)
{
    return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/value",
                            "the result is beyond the largest number (1.8e308); use a larger unit");
}

static json_t *rounded_json(mpq_t number)
{
    exact_round(number, RESULT_DIGITS);
    return exact_json(number);
}

static int32_t convert(struct llmspell_call *call, const json_t *params, struct quantity *from,
                       struct quantity *to, json_t **ret_result)
{
    int32_t rc = find_units(call, params, from, to);
    if (rc == 0)
        rc = read_value(call, params, "value", from);
    if (rc < 0)
        return rc;
    if (!exact_from_base(to->unit, from->base, to->value))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/value", "0 %s is no finite value in %s",
                                from->unit->symbol, to->unit->symbol);
    json_t *result = rounded_json(to->value);
    if (!result)
        return fail_range(call);
    const json_t *given = json_object_get(params, "value");
    json_t *value = json_is_integer(given) ? json_incref((json_t *)given) : exact_json(from->value);
    return llmspell_return(call, ret_result,
                           json_pack("{s:o, s:s, s:s, s:o, s:s}", "value", value, "from",
                                     from->unit->symbol, "to", to->unit->symbol, "result", result,
                                     "category", from->category->name));
}

/* Is value of one side, in the unit of the other, what the other side is? */
static bool shows_as(const struct quantity *one, const struct quantity *other)
{
    mpq_t shown, expected;
    mpq_inits(shown, expected, NULL);
    bool same = exact_from_base(other->unit, one->base, shown);
    mpq_set(expected, other->value);
    exact_round(shown, RESULT_DIGITS);
    exact_round(expected, RESULT_DIGITS);
    same = same && mpq_equal(shown, expected) != 0;
    mpq_clears(shown, expected, NULL);
    return same;
}

/* Equal is what convert would show so, in the one unit or the other: with 15 digits. */
static int32_t compare(struct llmspell_call *call, const json_t *params, struct quantity *from,
                       struct quantity *to, json_t **ret_result)
{
    int32_t rc = find_units(call, params, from, to);
    if (rc == 0)
        rc = read_value(call, params, "value", from);
    if (rc == 0)
        rc = read_value(call, params, "other", to);
    if (rc < 0)
        return rc;
    bool equal = shows_as(from, to) || shows_as(to, from);
    if (!exact_from_base(from->unit, to->base, to->value))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/other", "0 %s is no finite value in %s",
                                to->unit->symbol, from->unit->symbol);
    exact_round(from->value, RESULT_DIGITS);
    exact_round(to->value, RESULT_DIGITS);
    int order = equal ? 0 : mpq_cmp(from->value, to->value);
    if (equal)
        mpq_set_ui(from->value, 0, 1);
    else
        mpq_sub(from->value, from->value, to->value);
    json_t *difference = rounded_json(from->value);
    if (!difference)
        return fail_range(call);
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:b, s:b, s:o}", "equal", order == 0, "less",
                                     order<0, "greater", order> 0, "difference_in_from",
                                     difference));
}

/* ---- list ---- */

/* 0, or -1 if memory is out. */
static int add_names(json_t *list, const char *names)
{
    for (const char *at = names; at && *at;) {
        size_t length = strcspn(at, "|");
        if (json_array_append_new(list, json_stringn(at, length)) != 0)
            return -1;
        at += length + (at[length] == '|');
    }
    return 0;
}

static json_t *names_json(const struct unit *unit)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    if (add_names(list, unit->names) < 0 || add_names(list, unit->others) < 0)
        return NULL;
    return llmspell_steal_json(&list);
}

static json_t *unit_json(const struct unit *unit)
{
    mpq_t factor;
    mpq_init(factor);
    exact_factor(unit, factor);
    json_t *number = exact_json(factor);
    mpq_clear(factor);
    return json_pack("{s:s, s:o, s:o}", "symbol", unit->symbol, "names", names_json(unit), "factor",
                     number);
}

static json_t *category_json(const struct category *category)
{
    LLMSPELL_CLEANUP_JSON json_t *units = json_array();
    for (size_t i = 0; i < category->count; i++)
        if (json_array_append_new(units, unit_json(&category->units[i])) != 0)
            return NULL;
    return json_pack("{s:s, s:s, s:O}", "name", category->name, "base", category->units[0].symbol,
                     "units", units);
}

static int32_t list(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    const char *only = llmspell_string(params, "category");
    LLMSPELL_CLEANUP_JSON json_t *categories = json_array();
    for (size_t i = 0; i < units_category_count; i++) {
        if (only && strcmp(only, units_categories[i].name) != 0)
            continue;
        if (json_array_append_new(categories, category_json(&units_categories[i])) != 0)
            return llmspell_return(call, ret_result, NULL);
    }
    return llmspell_return(call, ret_result, json_pack("{s:O}", "categories", categories));
}

static int32_t unit_converter_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                     json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "list"))
        return list(call, params, ret_result);
    struct quantity from, to;
    quantity_init(&from);
    quantity_init(&to);
    int32_t rc = llmspell_is(params, "operation", "compare")
                     ? compare(call, params, &from, &to, ret_result)
                     : convert(call, params, &from, &to, ret_result);
    quantity_clear(&from);
    quantity_clear(&to);
    return rc;
}

LLMSPELL_TOOL(.invoke = unit_converter_invoke)
