/* SPDX-License-Identifier: Apache-2.0
 * Schemas that compile and yet do not mean what their author meant: mistyped keywords, limits that
 * nothing can hold, keywords of another type, defaults that do not fit. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "plugin/check.h"
#include "schema/schema.h"
#include "util/near.h"

#define DEPTH_MAX 32
#define POINTER_MAX 400

/* Which types a keyword is about: the first letters of their names, "" for all. */
static const struct keyword {
    const char *name, *types;
} KEYWORDS[] = {
    {"$schema", ""},
    {"$id", ""},
    {"$anchor", ""},
    {"$ref", ""},
    {"$dynamicRef", ""},
    {"$dynamicAnchor", ""},
    {"$defs", ""},
    {"definitions", ""},
    {"$comment", ""},
    {"$vocabulary", ""},
    {"title", ""},
    {"description", ""},
    {"default", ""},
    {"deprecated", ""},
    {"readOnly", ""},
    {"writeOnly", ""},
    {"examples", ""},
    {"type", ""},
    {"enum", ""},
    {"const", ""},
    {"multipleOf", "in"},
    {"minimum", "in"},
    {"maximum", "in"},
    {"exclusiveMinimum", "in"},
    {"exclusiveMaximum", "in"},
    {"minLength", "s"},
    {"maxLength", "s"},
    {"pattern", "s"},
    {"format", ""},
    {"contentEncoding", "s"},
    {"contentMediaType", "s"},
    {"contentSchema", "s"},
    {"minItems", "a"},
    {"maxItems", "a"},
    {"uniqueItems", "a"},
    {"contains", "a"},
    {"minContains", "a"},
    {"maxContains", "a"},
    {"items", "a"},
    {"prefixItems", "a"},
    {"unevaluatedItems", "a"},
    {"properties", "o"},
    {"patternProperties", "o"},
    {"additionalProperties", "o"},
    {"unevaluatedProperties", "o"},
    {"propertyNames", "o"},
    {"required", "o"},
    {"minProperties", "o"},
    {"maxProperties", "o"},
    {"dependentRequired", "o"},
    {"dependentSchemas", "o"},
    {"allOf", ""},
    {"anyOf", ""},
    {"oneOf", ""},
    {"not", ""},
    {"if", ""},
    {"then", ""},
    {"else", ""},
};

#define KEYWORD_COUNT (sizeof KEYWORDS / sizeof KEYWORDS[0])

static const struct keyword *find_keyword(const char *name)
{
    size_t i = 0;
    while (i < KEYWORD_COUNT && strcmp(KEYWORDS[i].name, name) != 0)
        i++;
    return i < KEYWORD_COUNT ? &KEYWORDS[i] : NULL;
}

static void check_keyword(struct check *check, const char *pointer, const char *name,
                          const char *type)
{
    const struct keyword *keyword = find_keyword(name);
    if (!keyword && strncmp(name, "x-", 2) != 0) {
        struct near nearest = {.word = name};
        for (size_t i = 0; i < KEYWORD_COUNT; i++)
            near_offer(&nearest, KEYWORDS[i].name);
        check_find_at(check, CHECK_WARNING, pointer,
                      "%s: JSON Schema knows no keyword \"%s\", so it has no effect%s%s%s", pointer,
                      name, nearest.best ? "; did you mean \"" : "",
                      nearest.best ? nearest.best : "", nearest.best ? "\"?" : "");
    }
    if (keyword && *keyword->types && type && !strchr(keyword->types, *type))
        check_find_at(check, CHECK_WARNING, pointer,
                      "%s: \"%s\" says nothing about a value of type %s", pointer, name, type);
}

/* A lower limit above the upper one: no value fits. */
static void check_limits(struct check *check, const char *pointer, const json_t *schema)
{
    static const char *const pairs[][2] = {{"minimum", "maximum"},
                                           {"minLength", "maxLength"},
                                           {"minItems", "maxItems"},
                                           {"minProperties", "maxProperties"},
                                           {"minContains", "maxContains"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const json_t *low = json_object_get(schema, pairs[i][0]);
        const json_t *high = json_object_get(schema, pairs[i][1]);
        if (low && high && json_number_value(low) > json_number_value(high))
            check_find_at(check, CHECK_ERROR, pointer, "%s: %s is above %s, so no value fits",
                          pointer, pairs[i][0], pairs[i][1]);
    }
}

/* A schema that stands alone, without references to what lies around it. */
static void check_default(struct check *check, const char *pointer, const json_t *schema)
{
    struct error error;
    struct schema *compiled = NULL;
    const json_t *value = json_object_get(schema, "default");
    if (!value || schema_compile(schema, SCHEMA_CHECK_FORMATS, &compiled, &error) < 0)
        return;
    if (schema_check(compiled, value, &error) == 0)
        check_find_at(check, CHECK_ERROR, pointer, "%s: the default does not fit: %s", pointer,
                      error.message);
    schema_free(compiled);
}

static void check_required(struct check *check, const char *pointer, const json_t *schema)
{
    const json_t *properties = json_object_get(schema, "properties");
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(schema, "required"), i, name)
    {
        const char *key = json_string_value(name);
        const json_t *property = key ? json_object_get(properties, key) : NULL;
        if (!property && json_is_false(json_object_get(schema, "additionalProperties")) &&
            !json_object_get(schema, "patternProperties"))
            check_find_at(check, CHECK_ERROR, pointer,
                          "%s: \"%s\" is required, but no property is called so and no other one "
                          "is allowed: no value fits",
                          pointer, key ? key : "");
        if (json_object_get(property, "default"))
            check_find_at(check, CHECK_WARNING, pointer,
                          "%s: \"%s\" is required and has a default, which is never used", pointer,
                          key);
    }
}

static void walk(struct check *check, const char *pointer, const json_t *schema, int depth);

static void walk_members(struct check *check, const char *pointer, const char *keyword,
                         const json_t *members, int depth)
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)members, key, member)
    {
        char below[POINTER_MAX];
        snprintf(below, sizeof below, "%s/%s/%s", pointer, keyword, key);
        walk(check, below, member, depth + 1);
    }
}

static void walk_parts(struct check *check, const char *pointer, const json_t *schema, int depth)
{
    static const char *const maps[] = {"properties", "patternProperties", "$defs", "definitions",
                                       "dependentSchemas"};
    static const char *const lists[] = {"allOf", "anyOf", "oneOf", "prefixItems"};
    static const char *const singles[] = {
        "items", "additionalProperties", "contains", "not", "if", "then", "else"};
    char below[POINTER_MAX];
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
        walk_members(check, pointer, maps[i], json_object_get(schema, maps[i]), depth);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        size_t k;
        json_t *item;
        json_array_foreach(json_object_get(schema, lists[i]), k, item)
        {
            snprintf(below, sizeof below, "%s/%s/%zu", pointer, lists[i], k);
            walk(check, below, item, depth + 1);
        }
    }
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        snprintf(below, sizeof below, "%s/%s", pointer, singles[i]);
        walk(check, below, json_object_get(schema, singles[i]), depth + 1);
    }
}

static void walk(struct check *check, const char *pointer, const json_t *schema, int depth)
{
    const char *key, *type = llmspell_string(schema, "type");
    json_t *value;
    if (depth > DEPTH_MAX || !json_is_object(schema))
        return;
    json_object_foreach((json_t *)schema, key, value)
    {
        check_keyword(check, pointer, key, type);
    }
    check_limits(check, pointer, schema);
    check_default(check, pointer, schema);
    check_required(check, pointer, schema);
    walk_parts(check, pointer, schema, depth);
}

/* What callers of a tool see first: each parameter says what it is for, and typos are refused. */
static void check_parameters(struct check *check, const char *pointer, const json_t *schema)
{
    const char *name;
    json_t *property;
    if (!json_object_get(schema, "additionalProperties") &&
        !json_object_get(schema, "unevaluatedProperties"))
        check_find_at(check, CHECK_WARNING, pointer,
                      "%s: without \"additionalProperties\": false, a mistyped parameter is "
                      "silently ignored",
                      pointer);
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        char below[POINTER_MAX];
        snprintf(below, sizeof below, "%s/properties/%s", pointer, name);
        if (json_is_object(property) && !json_object_get(property, "description") &&
            !json_object_get(property, "$ref"))
            check_find_at(check, CHECK_WARNING, below,
                          "%s: it has no description; `tool info` and models show it", below);
    }
}

void check_schema(struct check *check, const char *pointer, const json_t *schema)
{
    walk(check, pointer, schema, 0);
    if (strcmp(pointer, "/parameters") == 0)
        check_parameters(check, pointer, schema);
}
