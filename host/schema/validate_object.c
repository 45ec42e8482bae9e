/* SPDX-License-Identifier: Apache-2.0
 * Operations on the members of an object. Called through struct schema_op by validate.c. */
#include "schema/eval.h"

/* A member of the instance. */
struct member {
    const char *key;
    size_t length, index;
    const json_t *value;
};

static struct member member_at(void *iterator, size_t index)
{
    return (struct member){json_object_iter_key(iterator), json_object_iter_key_len(iterator),
                           index, json_object_iter_value(iterator)};
}

static int eval_member(struct schema_eval *eval, const struct schema_node *node,
                       const struct schema_site *site, const struct member *member)
{
    struct schema_location location = {site->location, member->key, member->length, member->index};
    return schema_eval_node(eval, node, member->value, &location, NULL);
}

/* Applies the schemas of all patterns that match the name. *known is set if one does. */
static int run_patterns(struct schema_eval *eval, const struct schema_members *members,
                        const struct schema_site *site, const struct member *member, bool *known)
{
    int valid = 1;
    for (size_t i = 0; i < members->pattern_count; i++) {
        const struct schema_pattern_property *pattern = &members->patterns[i];
        int result = schema_eval_match(eval, pattern->code, member->key, member->length);
        if (result == 0)
            continue;
        if (result == 1) {
            *known = true;
            result = eval_member(eval, pattern->node, site, member);
        }
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

/* properties, patternProperties and additionalProperties for one member. */
static int run_member(struct schema_eval *eval, const struct schema_members *members,
                      const struct schema_site *site, const struct member *member)
{
    const struct schema_property *property =
        schema_members_find(members, member->key, member->length, eval->schema->seed);
    bool known = property != NULL;
    int valid = known ? eval_member(eval, property->node, site, member) : 1;
    if (valid < 0 || (valid == 0 && eval->quiet))
        return valid;
    if (members->pattern_count > 0) {
        int result = run_patterns(eval, members, site, member, &known);
        valid = result == 1 ? valid : result;
    }
    if (!known && members->additional) {
        known = true;
        valid = eval_member(eval, members->additional, site, member);
    }
    if (known && site->marks && schema_marks_set(site->marks, member->index) < 0)
        return LLMSPELL_ENOMEM;
    return valid;
}

/* Nobody wants to hear of violations in the order of the members, and a few names are looked for:
 * the usual condition after if. */
static int run_lookups(struct schema_eval *eval, const struct schema_members *members,
                       const struct schema_site *site)
{
    for (size_t i = 0; i < members->property_count; i++) {
        const struct schema_property *property = &members->properties[i];
        struct member member = {property->name, property->length, 0, NULL};
        member.value = json_object_getn(site->value, property->name, property->length);
        int result = member.value ? eval_member(eval, property->node, site, &member) : 1;
        if (result != 1)
            return result;
    }
    return 1;
}

int schema_run_members(struct schema_eval *eval, const struct schema_op *op,
                       const struct schema_site *site)
{
    const struct schema_members *members = op->u.members;
    json_t *object = (json_t *)site->value;
    if (eval->quiet && !site->marks && !members->additional && members->pattern_count == 0 &&
        members->property_count <= json_object_size(object))
        return run_lookups(eval, members, site);
    int valid = 1;
    size_t index = 0;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct member member = member_at(i, index++);
        int result = run_member(eval, members, site, &member);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

int schema_run_property_names(struct schema_eval *eval, const struct schema_op *op,
                              const struct schema_site *site)
{
    json_t *object = (json_t *)site->value;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct member member = member_at(i, 0);
        json_t *name = json_stringn_nocheck(member.key, member.length);
        if (!name)
            return LLMSPELL_ENOMEM;
        int result = schema_eval_quietly(eval, op->u.node, name, NULL);
        json_decref(name);
        if (result == 0)
            return schema_report(eval, op, site, "must not have a member named \"%.100s\"",
                                 member.key);
        if (result < 0)
            return result;
    }
    return 1;
}

/* Reports a member that is not there. */
static int report_missing(struct schema_eval *eval, const struct schema_op *op,
                          const struct schema_site *site, const struct schema_name *name,
                          const struct schema_name *because)
{
    struct schema_location location = {site->location, name->text, name->length, SIZE_MAX};
    if (eval->quiet)
        return 0;
    if (!because)
        return schema_report_at(eval, site->node, &location, op->keyword, "is missing");
    return schema_report_at(eval, site->node, &location, op->keyword,
                            "is missing, and \"%.200s\" needs it", because->text);
}

/* Checks that the members are there. */
static int run_names(struct schema_eval *eval, const struct schema_op *op,
                     const struct schema_site *site, const struct schema_names *names,
                     const struct schema_name *because)
{
    int valid = 1;
    for (size_t i = 0; i < names->count; i++) {
        const struct schema_name *name = &names->names[i];
        if (json_object_getn(site->value, name->text, name->length))
            continue;
        valid = report_missing(eval, op, site, name, because);
        if (valid < 0 || eval->quiet)
            break;
    }
    return valid;
}

int schema_run_required(struct schema_eval *eval, const struct schema_op *op,
                        const struct schema_site *site)
{
    return run_names(eval, op, site, &op->u.names, NULL);
}

int schema_run_dependent_required(struct schema_eval *eval, const struct schema_op *op,
                                  const struct schema_site *site)
{
    int valid = 1;
    for (size_t i = 0; i < op->u.dependencies.count; i++) {
        const struct schema_dependency *dependency = &op->u.dependencies.list[i];
        if (!json_object_getn(site->value, dependency->name.text, dependency->name.length))
            continue;
        int result = run_names(eval, op, site, &dependency->needs, &dependency->name);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

int schema_run_dependent_schemas(struct schema_eval *eval, const struct schema_op *op,
                                 const struct schema_site *site)
{
    int valid = 1;
    for (size_t i = 0; i < op->u.dependencies.count; i++) {
        const struct schema_dependency *dependency = &op->u.dependencies.list[i];
        if (!json_object_getn(site->value, dependency->name.text, dependency->name.length))
            continue;
        int result =
            schema_eval_node(eval, dependency->node, site->value, site->location, site->marks);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}

int schema_run_unevaluated_properties(struct schema_eval *eval, const struct schema_op *op,
                                      const struct schema_site *site)
{
    json_t *object = (json_t *)site->value;
    int valid = 1;
    size_t index = 0;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct member member = member_at(i, index++);
        if (schema_marks_has(site->marks, member.index))
            continue;
        int result = eval_member(eval, op->u.node, site, &member);
        if (result == 1)
            continue;
        valid = result;
        if (result < 0 || eval->quiet)
            break;
    }
    return valid;
}
