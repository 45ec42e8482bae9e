/* SPDX-License-Identifier: Apache-2.0
 * The table of keywords: their builders, in the order in which their operations run. Called by
 * compile.c for each schema object. */
#include "schema/build.h"

/* A row is built once if any of its keywords is there; the first that is there is handed over. */
static const struct {
    const char *keywords[3];
    schema_build_fn build;
} rows[] = {
    {{"type"}, schema_build_type},
    {{"enum"}, schema_build_choices},
    {{"const"}, schema_build_choices},
    {{"multipleOf"}, schema_build_number},
    {{"minimum"}, schema_build_number},
    {{"exclusiveMinimum"}, schema_build_number},
    {{"maximum"}, schema_build_number},
    {{"exclusiveMaximum"}, schema_build_number},
    {{"minLength"}, schema_build_size},
    {{"maxLength"}, schema_build_size},
    {{"pattern"}, schema_build_pattern},
    {{"format"}, schema_build_format},
    {{"minItems"}, schema_build_size},
    {{"maxItems"}, schema_build_size},
    {{"uniqueItems"}, schema_build_unique},
    {{"contains", "minContains", "maxContains"}, schema_build_contains},
    {{"prefixItems", "items"}, schema_build_elements},
    {{"minProperties"}, schema_build_size},
    {{"maxProperties"}, schema_build_size},
    {{"propertyNames"}, schema_build_property_names},
    {{"properties", "patternProperties", "additionalProperties"}, schema_build_members},
    {{"required"}, schema_build_required},
    {{"dependentRequired"}, schema_build_dependent_required},
    {{"$ref"}, schema_build_reference},
    {{"$dynamicRef"}, schema_build_reference},
    {{"allOf"}, schema_build_logic},
    {{"anyOf"}, schema_build_logic},
    {{"oneOf"}, schema_build_logic},
    {{"not"}, schema_build_logic},
    {{"if", "then", "else"}, schema_build_condition},
    {{"dependentSchemas"}, schema_build_dependent_schemas},
    {{"unevaluatedItems"}, schema_build_unevaluated},
    {{"unevaluatedProperties"}, schema_build_unevaluated},
    {{"contentSchema"}, schema_build_single},
    {{"$defs"}, schema_build_definitions},
    {{"definitions"}, schema_build_definitions}, /* of old, still common in tools */
};

int schema_build_keywords(struct schema_build *build, struct schema_node *node)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const json_t *value = NULL;
        const char *keyword = NULL;
        for (size_t k = 0; k < 3 && rows[i].keywords[k] && !value; k++) {
            keyword = rows[i].keywords[k];
            value = json_object_get(node->json, keyword);
        }
        int status = value ? rows[i].build(build, node, keyword, value) : 0;
        if (status < 0)
            return status;
    }
    return 0;
}
