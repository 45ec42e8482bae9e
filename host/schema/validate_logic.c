/* SPDX-License-Identifier: Apache-2.0
 * Operations that apply subschemas to the same value: $ref, allOf, anyOf, oneOf, not, if. Called
 * through struct schema_op by validate.c. */
#include <stdio.h>

#include "schema/eval.h"

/* The outermost resource on the way here that has the dynamic anchor decides. */
static const struct schema_node *dynamic_target(const struct schema_eval *eval,
                                                const struct schema_reference *reference)
{
    const struct schema_node *target = reference->target;
    for (const struct schema_scope *scope = eval->scope; scope; scope = scope->outer)
        for (const struct schema_dynamic_anchor *anchor = scope->resource->anchors; anchor;
             anchor = anchor->next)
            if (strcmp(anchor->name, reference->anchor) == 0)
                target = anchor->node;
    return target;
}

int schema_run_reference(struct schema_eval *eval, const struct schema_op *op,
                         const struct schema_site *site)
{
    const struct schema_reference *reference = &op->u.reference;
    const struct schema_node *target =
        reference->anchor ? dynamic_target(eval, reference) : reference->target;
    if (target->never)
        return schema_report(eval, op, site, "is not allowed");
    return schema_eval_node(eval, target, site->value, site->location, site->marks);
}

int schema_run_all_of(struct schema_eval *eval, const struct schema_op *op,
                      const struct schema_site *site)
{
    int valid = 1;
    for (size_t i = 0; i < op->u.children.count; i++) {
        int result = schema_eval_node(eval, op->u.children.nodes[i], site->value, site->location,
                                      site->marks);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

/* "must have … \"a\"" is clearer where each branch only requires one member. Writes the list of
 * those members; false if a branch says anything else. */
static bool list_required(const struct schema_children *branches, char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < branches->count; i++) {
        const json_t *names = json_object_get(branches->nodes[i]->json, "required");
        const char *name = json_string_value(json_array_get(names, 0));
        if (json_object_size(branches->nodes[i]->json) != 1 || json_array_size(names) != 1 || !name)
            return false;
        int written = snprintf(text + length, size - length, "%s\"%s\"", i ? ", " : "", name);
        if (written < 0 || (size_t)written >= size - length)
            return false;
        length += (size_t)written;
    }
    return true;
}

static int report_none(struct schema_eval *eval, const struct schema_op *op,
                       const struct schema_site *site, const char *how_many)
{
    char names[400];
    if (eval->quiet)
        return 0;
    if (json_is_object(site->value) && list_required(&op->u.children, names, sizeof names))
        return schema_report(eval, op, site, "must have %s of the members %s", how_many, names);
    return schema_report(eval, op, site, "must match %s of the %zu schemas of %s, matches none",
                         how_many, op->u.children.count, op->keyword);
}

int schema_run_any_of(struct schema_eval *eval, const struct schema_op *op,
                      const struct schema_site *site)
{
    int found = 0;
    for (size_t i = 0; i < op->u.children.count; i++) {
        int result = schema_eval_branch(eval, op->u.children.nodes[i], site);
        if (result < 0 || (result == 1 && !site->marks))
            return result;
        found |= result; /* all annotations are wanted: go on */
    }
    return found ? 1 : report_none(eval, op, site, "at least one");
}

static int report_two(struct schema_eval *eval, const struct schema_op *op,
                      const struct schema_site *site, size_t first, size_t second)
{
    char names[400];
    if (eval->quiet)
        return 0;
    if (list_required(&op->u.children, names, sizeof names))
        return schema_report(eval, op, site, "must have only one of the members %s", names);
    return schema_report(eval, op, site,
                         "must match exactly one of the %zu schemas of oneOf, matches both "
                         "number %zu and number %zu",
                         op->u.children.count, first, second);
}

int schema_run_one_of(struct schema_eval *eval, const struct schema_op *op,
                      const struct schema_site *site)
{
    size_t count = op->u.children.count, found = count;
    for (size_t i = 0; i < count; i++) {
        int result = schema_eval_branch(eval, op->u.children.nodes[i], site);
        if (result < 0)
            return result;
        if (result == 1 && found < count)
            return report_two(eval, op, site, found, i);
        if (result == 1)
            found = i;
    }
    return found < count ? 1 : report_none(eval, op, site, "exactly one");
}

/* "must not have both" where the schema of not only requires members. */
static bool list_forbidden(const json_t *schema, char *text, size_t size)
{
    const json_t *names = json_object_get(schema, "required");
    size_t length = 0, count = json_array_size(names);
    if (json_object_size(schema) != 1 || count == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        int written = snprintf(text + length, size - length, "%s\"%s\"", i ? ", " : "", name);
        if (written < 0 || (size_t)written >= size - length)
            return false;
        length += (size_t)written;
    }
    return true;
}

static int report_negation(struct schema_eval *eval, const struct schema_op *op,
                           const struct schema_site *site)
{
    char names[400];
    const json_t *schema = op->u.node->json;
    if (eval->quiet)
        return 0;
    if (!json_is_object(site->value) || !list_forbidden(schema, names, sizeof names))
        return schema_report(eval, op, site, "must not match the schema of not");
    if (json_array_size(json_object_get(schema, "required")) == 1)
        return schema_report(eval, op, site, "must not have the member %s here", names);
    return schema_report(eval, op, site, "must not have all of the members %s", names);
}

int schema_run_negation(struct schema_eval *eval, const struct schema_op *op,
                        const struct schema_site *site)
{
    int result = schema_eval_quietly(eval, op->u.node, site->value, NULL);
    if (result < 0)
        return result;
    return result == 0 ? 1 : report_negation(eval, op, site);
}

int schema_run_condition(struct schema_eval *eval, const struct schema_op *op,
                         const struct schema_site *site)
{
    const struct schema_condition *condition = &op->u.condition;
    if (!condition->positive && !condition->negative && !site->marks)
        return 1;
    int result = schema_eval_branch(eval, condition->condition, site);
    if (result < 0)
        return result;
    const struct schema_node *next = result == 1 ? condition->positive : condition->negative;
    if (!next)
        return 1;
    return schema_eval_node(eval, next, site->value, site->location, site->marks);
}
