/* SPDX-License-Identifier: Apache-2.0
 * Builders of the keywords that apply subschemas to the same value or to elements of an array.
 * Called through the table of build_keywords.c. */
#include "schema/build.h"

int schema_build_single(struct schema_build *build, struct schema_node *node, const char *keyword,
                        const json_t *value)
{
    struct schema_node *child;
    return schema_build_child(build, node, keyword, NULL, value, &child);
}

/* Subschemas that only references apply. */
int schema_build_definitions(struct schema_build *build, struct schema_node *node,
                             const char *keyword, const json_t *value)
{
    if (!json_is_object(value))
        return schema_refuse(build, node, keyword, "must be an object");
    json_t *object = (json_t *)value;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct schema_name name = {json_object_iter_key(i), json_object_iter_key_len(i)};
        struct schema_node *child;
        int status =
            schema_build_child(build, node, keyword, &name, json_object_iter_value(i), &child);
        if (status < 0)
            return status;
    }
    return 0;
}

int schema_build_logic(struct schema_build *build, struct schema_node *node, const char *keyword,
                       const json_t *value)
{
    bool all = strcmp(keyword, "allOf") == 0, negation = strcmp(keyword, "not") == 0;
    schema_run_fn run = all                             ? schema_run_all_of
                        : negation                      ? schema_run_negation
                        : strcmp(keyword, "anyOf") == 0 ? schema_run_any_of
                                                        : schema_run_one_of;
    struct schema_op *op = schema_add_op(build, node, keyword, run, SCHEMA_ALL);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->unconditional = all;
    if (negation)
        return schema_build_child(build, node, keyword, NULL, value, &op->u.node);
    return schema_build_children(build, node, keyword, value, &op->u.children);
}

/* A subschema under a keyword that may be absent (*ret_child stays NULL). */
static int build_optional(struct schema_build *build, struct schema_node *node, const char *keyword,
                          struct schema_node **ret_child)
{
    const json_t *json = json_object_get(node->json, keyword);
    return json ? schema_build_child(build, node, keyword, NULL, json, ret_child) : 0;
}

int schema_build_condition(struct schema_build *build, struct schema_node *node,
                           const char *keyword, const json_t *value)
{
    struct schema_condition condition = {0};
    (void)keyword;
    (void)value;
    int status = build_optional(build, node, "if", &condition.condition);
    if (status == 0)
        status = build_optional(build, node, "then", &condition.positive);
    if (status == 0)
        status = build_optional(build, node, "else", &condition.negative);
    if (status < 0 || !condition.condition)
        return status;
    struct schema_op *op = schema_add_op(build, node, "if", schema_run_condition, SCHEMA_ALL);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.condition = condition;
    return 0;
}

int schema_build_elements(struct schema_build *build, struct schema_node *node, const char *keyword,
                          const json_t *value)
{
    (void)value;
    struct schema_elements *elements = schema_arena_alloc(&build->schema->arena, sizeof *elements);
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_elements, SCHEMA_ARRAYS);
    if (!elements || !op)
        return schema_refuse_memory(build);
    op->u.elements = elements;
    const json_t *prefix = json_object_get(node->json, "prefixItems");
    int status =
        prefix ? schema_build_children(build, node, "prefixItems", prefix, &elements->prefix) : 0;
    return status < 0 ? status : build_optional(build, node, "items", &elements->rest);
}

static int read_optional_size(struct schema_build *build, struct schema_node *node,
                              const char *keyword, size_t *ret_size)
{
    const json_t *value = json_object_get(node->json, keyword);
    return value ? schema_read_size(build, node, keyword, value, ret_size) : 0;
}

int schema_build_contains(struct schema_build *build, struct schema_node *node, const char *keyword,
                          const json_t *value)
{
    struct schema_contains contains = {.least = 1, .most = SIZE_MAX};
    (void)keyword;
    (void)value;
    int status = read_optional_size(build, node, "minContains", &contains.least);
    if (status == 0)
        status = read_optional_size(build, node, "maxContains", &contains.most);
    if (status == 0)
        status = build_optional(build, node, "contains", &contains.node);
    if (status < 0 || !contains.node)
        return status;
    contains.has_least = json_object_get(node->json, "minContains") != NULL;
    struct schema_op *op =
        schema_add_op(build, node, "contains", schema_run_contains, SCHEMA_ARRAYS);
    if (!op)
        return LLMSPELL_ENOMEM;
    op->u.contains = contains;
    return 0;
}

int schema_build_unevaluated(struct schema_build *build, struct schema_node *node,
                             const char *keyword, const json_t *value)
{
    bool items = strcmp(keyword, "unevaluatedItems") == 0;
    unsigned types = items ? SCHEMA_ARRAYS : SCHEMA_OBJECTS;
    struct schema_op *op = schema_add_op(
        build, node, keyword,
        items ? schema_run_unevaluated_items : schema_run_unevaluated_properties, types);
    if (!op)
        return LLMSPELL_ENOMEM;
    node->unevaluated = (uint8_t)(node->unevaluated | types);
    return schema_build_child(build, node, keyword, NULL, value, &op->u.node);
}
