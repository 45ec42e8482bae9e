/* SPDX-License-Identifier: Apache-2.0
 * Builders of the keywords about the members of an object. Called through the table of
 * build_keywords.c. */
#include "schema/build.h"

static int index_properties(struct schema_build *build, struct schema_members *members)
{
    size_t slots = 4;
    while (slots < members->property_count * 2)
        slots *= 2;
    members->slot_mask = slots - 1;
    members->slots = schema_arena_array(&build->schema->arena, slots, sizeof *members->slots);
    if (!members->slots)
        return schema_refuse_memory(build);
    for (size_t i = 0; i < members->property_count; i++) {
        size_t at = members->properties[i].hash & members->slot_mask;
        while (members->slots[at])
            at = (at + 1) & members->slot_mask;
        members->slots[at] = (uint32_t)(i + 1);
    }
    return 0;
}

static int build_properties(struct schema_build *build, struct schema_node *node,
                            struct schema_members *members)
{
    json_t *object = json_object_get(node->json, "properties");
    if (!object)
        return 0;
    if (!json_is_object(object))
        return schema_refuse(build, node, "properties", "must be an object");
    members->properties = schema_arena_array(&build->schema->arena, json_object_size(object),
                                             sizeof *members->properties);
    if (!members->properties)
        return schema_refuse_memory(build);
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct schema_name name = {json_object_iter_key(i), json_object_iter_key_len(i)};
        struct schema_property *property = &members->properties[members->property_count++];
        property->name = name.text;
        property->length = name.length;
        property->hash = schema_hash_bytes(name.text, name.length, build->schema->seed);
        int status = schema_build_child(build, node, "properties", &name, json_object_iter_value(i),
                                        &property->node);
        if (status < 0)
            return status;
    }
    return index_properties(build, members);
}

static int build_patterns(struct schema_build *build, struct schema_node *node,
                          struct schema_members *members)
{
    static const char keyword[] = "patternProperties";
    json_t *object = json_object_get(node->json, keyword);
    if (!object)
        return 0;
    if (!json_is_object(object))
        return schema_refuse(build, node, keyword, "must be an object");
    members->patterns = schema_arena_array(&build->schema->arena, json_object_size(object),
                                           sizeof *members->patterns);
    if (!members->patterns)
        return schema_refuse_memory(build);
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct schema_name name = {json_object_iter_key(i), json_object_iter_key_len(i)};
        struct schema_pattern_property *pattern = &members->patterns[members->pattern_count++];
        int status =
            schema_read_pattern(build, node, keyword, name.text, name.length, &pattern->code);
        if (status == 0)
            status = schema_build_child(build, node, keyword, &name, json_object_iter_value(i),
                                        &pattern->node);
        if (status < 0)
            return status;
    }
    return 0;
}

int schema_build_members(struct schema_build *build, struct schema_node *node, const char *keyword,
                         const json_t *value)
{
    (void)value;
    struct schema_members *members = schema_arena_alloc(&build->schema->arena, sizeof *members);
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_members, SCHEMA_OBJECTS);
    if (!members || !op)
        return schema_refuse_memory(build);
    op->u.members = members;
    int status = build_properties(build, node, members);
    if (status == 0)
        status = build_patterns(build, node, members);
    const json_t *additional = json_object_get(node->json, "additionalProperties");
    if (status < 0 || !additional)
        return status;
    return schema_build_child(build, node, "additionalProperties", NULL, additional,
                              &members->additional);
}

int schema_build_property_names(struct schema_build *build, struct schema_node *node,
                                const char *keyword, const json_t *value)
{
    struct schema_op *op =
        schema_add_op(build, node, keyword, schema_run_property_names, SCHEMA_OBJECTS);
    if (!op)
        return LLMSPELL_ENOMEM;
    return schema_build_child(build, node, keyword, NULL, value, &op->u.node);
}

/* True if no string of the list stands before index. */
static bool is_first(const struct schema_names *names, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (names->names[i].length == names->names[index].length &&
            memcmp(names->names[i].text, names->names[index].text, names->names[i].length) == 0)
            return false;
    return true;
}

static int read_names(struct schema_build *build, struct schema_node *node, const char *keyword,
                      const json_t *array, struct schema_names *ret_names)
{
    struct schema_names names = {.count = json_array_size(array)};
    if (!json_is_array(array))
        return schema_refuse(build, node, keyword, "needs an array of member names");
    names.names = schema_arena_array(&build->schema->arena, names.count, sizeof *names.names);
    if (!names.names)
        return schema_refuse_memory(build);
    for (size_t i = 0; i < names.count; i++) {
        const json_t *name = json_array_get(array, i);
        names.names[i] = (struct schema_name){json_string_value(name), json_string_length(name)};
        if (!json_is_string(name) || (i < 1000 && !is_first(&names, i)))
            return schema_refuse(build, node, keyword, "element %zu must be a %s", i,
                                 json_is_string(name) ? "name that is not there yet" : "string");
    }
    *ret_names = names;
    return 0;
}

int schema_build_required(struct schema_build *build, struct schema_node *node, const char *keyword,
                          const json_t *value)
{
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_required, SCHEMA_OBJECTS);
    if (!op)
        return LLMSPELL_ENOMEM;
    return read_names(build, node, keyword, value, &op->u.names);
}

/* Room for one dependency of each member of value, in a new operation. */
static struct schema_op *add_dependencies(struct schema_build *build, struct schema_node *node,
                                          const char *keyword, const json_t *value,
                                          schema_run_fn run)
{
    struct schema_op *op = schema_add_op(build, node, keyword, run, SCHEMA_OBJECTS);
    if (!op)
        return NULL;
    op->u.dependencies.list = schema_arena_array(&build->schema->arena, json_object_size(value),
                                                 sizeof *op->u.dependencies.list);
    if (op->u.dependencies.list)
        return op;
    schema_refuse_memory(build);
    return NULL;
}

static int build_dependencies(struct schema_build *build, struct schema_node *node,
                              const char *keyword, const json_t *value, schema_run_fn run)
{
    if (!json_is_object(value))
        return schema_refuse(build, node, keyword, "must be an object");
    json_t *object = (json_t *)value;
    struct schema_op *op = add_dependencies(build, node, keyword, value, run);
    if (!op)
        return LLMSPELL_ENOMEM;
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        struct schema_dependency *dependency = &op->u.dependencies.list[op->u.dependencies.count++];
        dependency->name =
            (struct schema_name){json_object_iter_key(i), json_object_iter_key_len(i)};
        const json_t *one = json_object_iter_value(i);
        int status = run == schema_run_dependent_required
                         ? read_names(build, node, keyword, one, &dependency->needs)
                         : schema_build_child(build, node, keyword, &dependency->name, one,
                                              &dependency->node);
        if (status < 0)
            return status;
    }
    return 0;
}

int schema_build_dependent_required(struct schema_build *build, struct schema_node *node,
                                    const char *keyword, const json_t *value)
{
    return build_dependencies(build, node, keyword, value, schema_run_dependent_required);
}

int schema_build_dependent_schemas(struct schema_build *build, struct schema_node *node,
                                   const char *keyword, const json_t *value)
{
    return build_dependencies(build, node, keyword, value, schema_run_dependent_schemas);
}
