/* SPDX-License-Identifier: Apache-2.0
 * The forms that manifests are written in; what is put otherwise is told by descriptions. */
#include "cli/schema_text.h"

#include <string.h>

#include <llmspell/tool.h>

#define DEPTH 4 /* of arrays in arrays, and of references */

const json_t *schema_text_follow(const json_t *root, const json_t *schema, const char **ret_name)
{
    static const char prefix[] = "#/$defs/";
    *ret_name = NULL;
    for (int i = 0; i < DEPTH; i++) {
        const char *ref = llmspell_string(schema, "$ref");
        if (!ref || strncmp(ref, prefix, sizeof prefix - 1) != 0)
            break;
        const json_t *target =
            json_object_get(json_object_get(root, "$defs"), ref + sizeof prefix - 1);
        if (!target)
            break;
        *ret_name = ref + sizeof prefix - 1;
        schema = target;
    }
    return schema;
}

bool schema_text_has_members(const json_t *root, const json_t *schema)
{
    const char *name;
    for (int i = 0; i < DEPTH; i++) {
        schema = schema_text_follow(root, schema, &name);
        if (json_object_size(json_object_get(schema, "properties")) > 0 ||
            json_object_get(schema, "oneOf") || json_object_get(schema, "anyOf"))
            return true;
        schema = json_object_get(schema, "items");
    }
    return false;
}

bool schema_text_requires(const json_t *schema, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(schema, "required"), i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), name) == 0)
            return true;
    }
    return false;
}

/* ---- types ---- */

/* A text that can be read as it is: none that is empty, or blanks and control characters alone. */
static bool is_plain(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && text[strspn(text, " \t\r\n\v\f")] != '\0';
}

static void write_value(FILE *out, const json_t *value)
{
    LLMSPELL_CLEANUP_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    fputs(is_plain(value) ? json_string_value(value) : text ? text : "", out);
}

static void write_list(FILE *out, const json_t *list, const char *between, const char *last)
{
    size_t i, count = json_array_size(list);
    json_t *item;
    json_array_foreach(list, i, item)
    {
        fputs(i == 0 ? "" : i + 1 == count ? last : between, out);
        write_value(out, item);
    }
}

static void write_number(FILE *out, const json_t *number)
{
    LLMSPELL_CLEANUP_FREE char *text =
        json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    fputs(text ? text : "", out);
}

/* "1 to 5 items", "at least 2", "at most 7 characters", behind the lead; or nothing. */
struct bounds {
    const char *low, *high, *unit;
};

static const struct bounds bounds_of_number = {"minimum", "maximum", ""};
static const struct bounds bounds_of_string = {"minLength", "maxLength", "characters"};
static const struct bounds bounds_of_array = {"minItems", "maxItems", "items"};
static const struct bounds bounds_of_object = {"minProperties", "maxProperties", "members"};

static void write_bounds(FILE *out, const char *lead, const json_t *schema,
                         const struct bounds *bounds)
{
    const json_t *from = json_object_get(schema, bounds->low);
    const json_t *to = json_object_get(schema, bounds->high);
    const char *unit = bounds->unit;
    if (json_is_integer(from) && json_integer_value(from) == 0 && *unit)
        from = NULL;
    if (!from && !to)
        return;
    fputs(lead, out);
    if (from && to && json_equal((json_t *)from, (json_t *)to)) {
        fputs("exactly ", out);
        from = NULL;
    } else if (from && !to) {
        fputs("at least ", out);
    } else if (to && !from) {
        fputs("at most ", out);
    }
    if (from)
        write_number(out, from);
    fputs(from && to ? " to " : "", out);
    if (to)
        write_number(out, to);
    bool one = json_is_integer(to ? to : from) && json_integer_value(to ? to : from) == 1;
    int letters = (int)strlen(unit) - (one && *unit);
    fprintf(out, "%s%.*s", *unit ? " " : "", letters, unit);
}

static void write_exclusive(FILE *out, const json_t *schema)
{
    const json_t *above = json_object_get(schema, "exclusiveMinimum");
    const json_t *below = json_object_get(schema, "exclusiveMaximum");
    if (above) {
        fputs(", more than ", out);
        write_number(out, above);
    }
    if (below) {
        fputs(", less than ", out);
        write_number(out, below);
    }
}

static void write_type(FILE *out, const json_t *root, const json_t *schema, int depth);

static void write_choices(FILE *out, const json_t *root, const json_t *list, int depth)
{
    size_t i;
    json_t *choice;
    json_array_foreach(list, i, choice)
    {
        fputs(i ? " or " : "", out);
        write_type(out, root, choice, depth + 1);
    }
}

/* "string", "array of integer", "integer|null" */
static void write_kind(FILE *out, const json_t *root, const json_t *schema, int depth)
{
    const json_t *type = json_object_get(schema, "type"), *items = json_object_get(schema, "items");
    if (json_is_array(type))
        write_list(out, type, " or ", " or ");
    else
        fputs(json_is_string(type) ? json_string_value(type) : "any value", out);
    if (json_is_object(items) && json_object_size(items) > 0 && depth < DEPTH) {
        fputs(" of ", out);
        write_type(out, root, items, depth + 1);
    }
}

static void write_type(FILE *out, const json_t *root, const json_t *schema, int depth)
{
    const char *name;
    const json_t *target = schema_text_follow(root, schema, &name);
    const json_t *values = json_object_get(target, "enum"),
                 *constant = json_object_get(target, "const");
    const json_t *choices = json_object_get(target, "anyOf");
    if (!choices)
        choices = json_object_get(target, "oneOf");
    if (name && schema_text_has_members(root, target)) {
        fputs(name, out);
    } else if (values) {
        fputs(json_array_size(values) > 2 ? "one of " : "", out);
        write_list(out, values, ", ", json_array_size(values) > 2 ? ", " : " or ");
    } else if (constant) {
        write_value(out, constant);
    } else if (choices && !json_object_get(target, "type") && depth < DEPTH) {
        write_choices(out, root, choices, depth);
    } else {
        write_kind(out, root, target, depth);
        write_bounds(out, ", ", target, &bounds_of_number);
        write_exclusive(out, target);
        write_bounds(out, ", ", target, &bounds_of_string);
        write_bounds(out, ", ", target, &bounds_of_array);
        write_bounds(out, ", ", target, &bounds_of_object);
    }
}

void schema_text_type(FILE *out, const json_t *root, const json_t *schema)
{
    write_type(out, root, schema, 0);
}

/* ---- conditions ---- */

static void write_and(FILE *out, bool *any)
{
    fputs(*any ? " and " : "", out);
    *any = true;
}

static void write_member_condition(FILE *out, const char *name, const json_t *schema)
{
    const json_t *values = json_object_get(schema, "enum");
    fprintf(out, "%s is ", name);
    if (values)
        write_list(out, values, ", ", " or ");
    else if (json_object_get(schema, "const"))
        write_value(out, json_object_get(schema, "const"));
    else
        fputs(llmspell_string(schema, "type") ? llmspell_string(schema, "type") : "as described",
              out);
}

static void write_condition(FILE *out, const json_t *schema, int depth);

static void write_alternatives(FILE *out, const json_t *list, int depth)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        fputs(i == 0 ? "" : depth == 0 ? ", or " : " or ", out);
        write_condition(out, one, depth + 1);
    }
}

static void write_condition(FILE *out, const json_t *schema, int depth)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *any_of = json_object_get(schema, "anyOf"), *none = json_object_get(schema, "not");
    const char *name;
    json_t *member;
    bool any = false;
    if (depth > DEPTH)
        return;
    json_object_foreach(json_object_get(schema, "properties"), name, member)
    {
        write_and(out, &any);
        write_member_condition(out, name, member);
    }
    if (json_array_size(required) > 0) {
        write_and(out, &any);
        write_list(out, required, ", ", " and ");
        fputs(json_array_size(required) > 1 ? " are given" : " is given", out);
    }
    if (any_of) {
        write_and(out, &any);
        write_alternatives(out, any_of, depth);
    }
    if (none) {
        fputs(any ? " unless " : "not ", out);
        write_condition(out, none, depth + 1);
    }
}

void schema_text_condition(FILE *out, const json_t *schema)
{
    write_condition(out, schema, 0);
}

/* ---- demands ---- */

static void write_semicolon(FILE *out, bool *any)
{
    fputs(*any ? "; " : "", out);
    *any = true;
}

/* "exactly one of input, path" */
static void write_one_of(FILE *out, const char *how, const json_t *list)
{
    size_t i;
    json_t *one;
    fputs(how, out);
    json_array_foreach(list, i, one)
    {
        fputs(i ? ", " : " ", out);
        write_list(out, json_object_get(one, "required"), " with ", " with ");
    }
}

/* Whether all of the list speak of `required` alone. */
static bool only_required(const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (json_object_size(one) != 1 || !json_object_get(one, "required"))
            return false;
    }
    return json_array_size(list) > 0;
}

static void demand_members(FILE *out, const json_t *root, const json_t *members, bool *any)
{
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)members, name, member)
    {
        if (json_is_object(member) && !json_object_get(member, "type") &&
            !json_object_get(member, "enum") && !json_object_get(member, "minimum") &&
            !json_object_get(member, "maximum"))
            continue;
        write_semicolon(out, any);
        fprintf(out, "%s %s ", name, json_is_false(member) ? "is not" : "is");
        if (json_is_false(member))
            fputs("allowed", out);
        else if (json_object_get(member, "type") || json_object_get(member, "enum"))
            write_type(out, root, member, 0);
        else
            write_bounds(out, "", member, &bounds_of_number);
    }
}

static void demand_absence(FILE *out, const json_t *none, bool *any)
{
    const json_t *required = json_object_get(none, "required");
    const json_t *any_of = json_object_get(none, "anyOf");
    if (json_array_size(required) > 1) {
        write_semicolon(out, any);
        write_list(out, required, ", ", " and ");
        fputs(" exclude each other", out);
    } else if (only_required(any_of)) {
        write_semicolon(out, any);
        write_one_of(out, "none of", any_of);
    }
}

static bool write_demand(FILE *out, const json_t *root, const json_t *schema, int depth)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *one_of = json_object_get(schema, "oneOf");
    const json_t *any_of = json_object_get(schema, "anyOf");
    bool any = false;
    size_t i;
    json_t *part;
    if (json_array_size(required) > 0) {
        write_semicolon(out, &any);
        write_list(out, required, ", ", " and ");
        fputs(json_array_size(required) > 1 ? " are needed" : " is needed", out);
    }
    if (only_required(one_of)) {
        write_semicolon(out, &any);
        write_one_of(out, "exactly one of", one_of);
    }
    if (only_required(any_of)) {
        write_semicolon(out, &any);
        write_one_of(out, "at least one of", any_of);
    }
    demand_members(out, root, json_object_get(schema, "properties"), &any);
    demand_absence(out, json_object_get(schema, "not"), &any);
    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        if (depth >= DEPTH || json_object_get(part, "if"))
            continue;
        fputs(any ? "; " : "", out);
        any |= write_demand(out, root, part, depth + 1);
    }
    return any;
}

bool schema_text_demand(FILE *out, const json_t *root, const json_t *schema)
{
    return write_demand(out, root, schema, 0);
}
