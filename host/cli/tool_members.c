/* SPDX-License-Identifier: Apache-2.0
 * Each member has a line with its type, and its description below. Members of members follow,
 * indented; what has a name in the schema's $defs is described once, at the end. */
#include "cli/tool_members.h"

#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "cli/page.h"
#include "cli/schema_text.h"

#define INDENT 4
#define DEPTH_MAX 6 /* of members in members */

/* Text that grows; text_take ends it. */
struct text {
    FILE *out;
    char *bytes;
    size_t size;
};

static bool text_open(struct text *text)
{
    *text = (struct text){0};
    text->out = open_memstream(&text->bytes, &text->size);
    return text->out != NULL;
}

/* The caller frees it. */
static char *text_take(struct text *text)
{
    fclose(text->out);
    return text->bytes;
}

bool tool_members_is_required(const json_t *parameters, const char *name)
{
    return schema_text_requires(parameters, name);
}

/* ---- one member ---- */

static void write_default(FILE *out, const json_t *schema)
{
    const json_t *value = json_object_get(schema, "default");
    LLMSPELL_CLEANUP_FREE char *text =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (text)
        fprintf(out, "; default %s", text);
}

static void write_names(FILE *out, const char *label, const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        fprintf(out, "%s%s", i ? ", " : label, json_string_value(name));
    }
    fputs(json_array_size(names) > 0 ? "." : "", out);
}

/* "Also read: cp (copy), mv (move)." */
static void write_values(FILE *out, const json_t *values)
{
    const char *other;
    json_t *value;
    bool first = true;
    json_object_foreach((json_t *)values, other, value)
    {
        fprintf(out, "%s%s (%s)", first ? " Also read: " : ", ", other, json_string_value(value));
        first = false;
    }
    fputs(first ? "" : ".", out);
}

/* The description, with what else may be written. */
static char *details(const json_t *schema)
{
    struct text text;
    const char *description = llmspell_string(schema, "description");
    if (!text_open(&text))
        return NULL;
    size_t length = description ? strlen(description) : 0;
    fprintf(text.out, "%s%s", length ? description : "",
            length && !strchr(".:!?", description[length - 1]) ? "." : "");
    write_names(text.out, " Also called ", json_object_get(schema, "x-aliases"));
    write_values(text.out, json_object_get(schema, "x-enum-aliases"));
    if (llmspell_bool(schema, "x-secret", 0))
        fputs(" Its value appears in no message and no log.", text.out);
    if (llmspell_bool(schema, "x-merge", 0))
        fputs(" Its members count as parameters where those are absent.", text.out);
    if (llmspell_bool(schema, "deprecated", 0))
        fputs(" Deprecated.", text.out);
    return text_take(&text);
}

static void print_member(const struct page *page, int indent, const json_t *root, const char *name,
                         const json_t *schema, const char *mark)
{
    struct text text;
    if (!text_open(&text))
        return;
    fprintf(text.out, "%s: %s", name, mark);
    schema_text_type(text.out, root, schema);
    write_default(text.out, schema);
    LLMSPELL_CLEANUP_FREE char *type = text_take(&text);
    LLMSPELL_CLEANUP_FREE char *below = details(schema);
    page_term(page, indent, indent + 2 * INDENT, type, strlen(name) + 1);
    page_text(page, indent + INDENT, below);
}

/* ---- members of members ---- */

static void print_schema(const struct page *page, int indent, const json_t *root,
                         const json_t *schema, int depth);

/* What is inside a member that has no name of its own. */
static void print_inside(const struct page *page, int indent, const json_t *root,
                         const json_t *schema, int depth)
{
    const char *name = NULL;
    while (schema && !name && !json_object_get(schema, "properties") &&
           json_is_object(json_object_get(schema, "items"))) {
        schema = json_object_get(schema, "items");
        schema_text_follow(root, schema, &name);
    }
    if (schema && !name && !json_object_get(schema, "$ref"))
        print_schema(page, indent, root, schema, depth);
}

static void print_members(const struct page *page, int indent, const json_t *root,
                          const json_t *schema, int depth)
{
    const char *name;
    json_t *member;
    json_object_foreach(json_object_get(schema, "properties"), name, member)
    {
        print_member(page, indent, root, name, member,
                     schema_text_requires(schema, name) ? "" : "(optional) ");
        print_inside(page, indent + INDENT, root, member, depth + 1);
    }
    member = json_object_get(schema, "additionalProperties");
    if (json_object_size(member) > 0) {
        print_member(page, indent, root, "any other name", member, "");
        print_inside(page, indent + INDENT, root, member, depth + 1);
    }
}

/* Whether alternatives have members, or say when they hold. */
static bool worth_telling(const json_t *root, const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (llmspell_string(one, "title") || schema_text_has_members(root, one))
            return true;
    }
    return false;
}

/* "exactly one of content, content_base64"; of mere types nothing: the member's line names them. */
static void print_choice(const struct page *page, int indent, const json_t *list)
{
    struct text text;
    LLMSPELL_CLEANUP_JSON json_t *demand = json_pack("{s:O*}", "oneOf", list);
    if (!list || !text_open(&text))
        return;
    bool any = schema_text_demand(text.out, NULL, demand);
    LLMSPELL_CLEANUP_FREE char *line = text_take(&text);
    if (any)
        page_text(page, indent, line);
}

/* Each with its title. */
static void print_alternatives(const struct page *page, int indent, const json_t *root,
                               const json_t *list, int depth)
{
    size_t i;
    json_t *one;
    if (!worth_telling(root, list)) {
        print_choice(page, indent, list);
        return;
    }
    json_array_foreach(list, i, one)
    {
        struct text text;
        const char *title = llmspell_string(one, "title"), *name;
        const json_t *schema = schema_text_follow(root, one, &name);
        if (!text_open(&text))
            return;
        fprintf(text.out, "%s%s%s", i ? "or" : "either", title ? ", for " : "", title ? title : "");
        bool members = json_object_get(schema, "properties") != NULL;
        fputs(members || title ? ":" : " ", text.out);
        if (!members && !schema_text_demand(text.out, root, schema))
            schema_text_type(text.out, root, one);
        LLMSPELL_CLEANUP_FREE char *line = text_take(&text);
        page_text(page, indent, line);
        if (members)
            print_schema(page, indent + INDENT, root, schema, depth + 1);
    }
}

static void print_schema(const struct page *page, int indent, const json_t *root,
                         const json_t *schema, int depth)
{
    if (depth > DEPTH_MAX)
        return;
    print_members(page, indent, root, schema, depth);
    print_alternatives(page, indent, root, json_object_get(schema, "oneOf"), depth);
    print_alternatives(page, indent, root, json_object_get(schema, "anyOf"), depth);
}

static void print_definitions(const struct page *page, const json_t *root)
{
    const char *name;
    json_t *schema;
    json_object_foreach(json_object_get(root, "$defs"), name, schema)
    {
        if (!schema_text_has_members(root, schema))
            continue;
        struct text text;
        if (!text_open(&text))
            return;
        fprintf(text.out, "where %s is ", name);
        schema_text_type(text.out, NULL, schema);
        LLMSPELL_CLEANUP_FREE char *line = text_take(&text);
        page_text(page, INDENT, line);
        page_text(page, 2 * INDENT, llmspell_string(schema, "description"));
        print_inside(page, 2 * INDENT, root, schema, 1);
    }
}

/* ---- parameters ---- */

static void print_demand(const struct page *page, const json_t *root, const char *word,
                         const json_t *condition, const json_t *demand)
{
    struct text head, body;
    if (!demand || !text_open(&body))
        return;
    bool any = schema_text_demand(body.out, root, demand);
    LLMSPELL_CLEANUP_FREE char *needs = text_take(&body);
    if (!any || !text_open(&head))
        return;
    if (condition) {
        fprintf(head.out, "%s ", word);
        schema_text_condition(head.out, condition);
        fputs(": ", head.out);
    }
    fputs(needs, head.out);
    LLMSPELL_CLEANUP_FREE char *line = text_take(&head);
    page_text(page, INDENT, line);
}

/* What the whole object demands beyond single members. */
static json_t *general_part(const json_t *parameters)
{
    json_t *part = json_copy((json_t *)parameters);
    for (size_t i = 0; i < 3; i++) {
        static const char *const elsewhere[] = {"properties", "required", "allOf"};
        json_object_del(part, elsewhere[i]);
    }
    return part;
}

static void print_dependents(const struct page *page, const json_t *parameters)
{
    const char *name;
    json_t *others;
    json_object_foreach(json_object_get(parameters, "dependentRequired"), name, others)
    {
        LLMSPELL_CLEANUP_JSON json_t *condition = json_pack("{s:[s]}", "required", name);
        LLMSPELL_CLEANUP_JSON json_t *demand = json_pack("{s:O}", "required", others);
        print_demand(page, parameters, "if", condition, demand);
    }
}

static void print_demands(const struct page *page, const json_t *parameters)
{
    LLMSPELL_CLEANUP_JSON json_t *general = general_part(parameters);
    size_t i;
    json_t *part;
    print_demand(page, parameters, "", NULL, general);
    print_dependents(page, parameters);
    json_array_foreach(json_object_get(parameters, "allOf"), i, part)
    {
        const json_t *condition = json_object_get(part, "if");
        if (!condition)
            print_demand(page, parameters, "", NULL, part);
        print_demand(page, parameters, "if", condition, json_object_get(part, "then"));
        print_demand(page, parameters, "unless", condition, json_object_get(part, "else"));
    }
}

void tool_members_print_parameters(const struct page *page, const json_t *parameters)
{
    const char *name;
    json_t *schema;
    page_heading(page, "PARAMETERS");
    json_object_foreach(json_object_get(parameters, "properties"), name, schema)
    {
        print_member(page, INDENT, parameters, name, schema,
                     schema_text_requires(parameters, name) ? "(required) " : "");
        print_inside(page, 2 * INDENT, parameters, schema, 1);
    }
    print_definitions(page, parameters);
    if (json_object_size(json_object_get(parameters, "properties")) == 0)
        page_text(page, INDENT, "none");
    if (json_object_get(parameters, "allOf") || json_object_get(parameters, "oneOf") ||
        json_object_get(parameters, "anyOf") || json_object_get(parameters, "not") ||
        json_object_get(parameters, "dependentRequired")) {
        page_heading(page, "WHAT NEEDS WHAT");
        print_demands(page, parameters);
    }
}

/* ---- the result ---- */

void tool_members_print_result(const struct page *page, const json_t *schema)
{
    if (!schema)
        return;
    page_heading(page, "RESULT");
    page_text(page, INDENT, llmspell_string(schema, "description"));
    if (json_object_get(schema, "properties") || json_object_get(schema, "oneOf") ||
        json_object_get(schema, "anyOf"))
        print_schema(page, INDENT, schema, schema, 0);
    else
        print_member(page, INDENT, schema, "result:", schema, "");
    print_definitions(page, schema);
}
