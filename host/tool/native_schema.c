/* SPDX-License-Identifier: Apache-2.0
 * JSON Schemas out of a description, and whether an author's own schema fits it. */
#include <stdlib.h>
#include <string.h>

#include "tool/native.h"
#include "tool/native_spec.h"
#include "util/near.h"

#include <llmspell/tool.h>

static json_t *value_schema(const struct native_value *value, bool incoming);

/* An integer's own limits, but those of 64 bits: JSON numbers here have those anyway. */
static json_t *scalar_schema(const struct native_type *type, bool incoming)
{
    if (type->kind == NATIVE_BOOL)
        return json_pack("{s:s}", "type", "boolean");
    if (type->kind == NATIVE_REAL)
        return incoming ? json_pack("{s:s}", "type", "number")
                        : json_pack("{s:[s, s]}", "type", "number", "null");
    if (type->size == 8 && type->is_signed)
        return json_pack("{s:s}", "type", "integer");
    if (type->size == 8)
        return json_pack("{s:[s, s], s:i, s:s}", "type", "integer", "string", "minimum", 0,
                         "pattern", "^[0-9]{1,20}$");
    json_int_t most = (json_int_t)((UINT64_C(1) << (8 * type->size - type->is_signed)) - 1);
    return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
                     type->is_signed ? -most - 1 : (json_int_t)0, "maximum", most);
}

static json_t *array_schema(const struct native_value *value, bool incoming)
{
    json_t *schema = json_pack("{s:s, s:o*}", "type", "array", "items",
                               scalar_schema(value->type.item, incoming));
    json_int_t fixed = value->type.count ? (json_int_t)value->type.count : value->size;
    if (fixed > 0 && value->in && (incoming || value->length_from == NATIVE_NO_LINK))
        json_object_set_new(schema, "minItems", json_integer(fixed));
    if (fixed > 0)
        json_object_set_new(schema, "maxItems", json_integer(fixed));
    return schema;
}

static json_t *struct_schema(const struct native_type *type, bool incoming)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < type->value_count; i++) {
        const struct native_value *field = &type->values[i];
        if (field->type.kind == NATIVE_POINTER)
            continue;
        json_object_set_new(properties, field->name, value_schema(field, incoming));
        if (!field->nullable || !incoming)
            json_array_append_new(required, json_string(field->name));
    }
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

static json_t *bare_schema(const struct native_value *value, bool incoming)
{
    const struct native_type *type = &value->type;
    switch (type->kind) {
    case NATIVE_ARRAY:
        return array_schema(value, incoming);
    case NATIVE_STRUCT:
        return struct_schema(type, incoming);
    case NATIVE_BYTES:
    case NATIVE_BUFFER:
        return value->text ? json_pack("{s:s}", "type", "string")
                           : json_pack("{s:s, s:s}", "type", "string", "contentEncoding", "base64");
    case NATIVE_CHARS:
        return json_pack("{s:s, s:I}", "type", "string", "maxLength",
                         (json_int_t)type->count - (incoming ? 1 : 0));
    case NATIVE_STRING:
    case NATIVE_CALLBACK:
        return json_pack("{s:s}", "type", "string");
    default:
        return scalar_schema(type, incoming);
    }
}

/* A string or struct that is handed out by pointer may be NULL. */
static bool may_be_null(const struct native_value *value, bool incoming)
{
    if (incoming)
        return value->nullable;
    return value->nullable || value->type.kind == NATIVE_STRING ||
           (value->type.kind == NATIVE_STRUCT && value->pointer && !value->in);
}

static json_t *value_schema(const struct native_value *value, bool incoming)
{
    json_t *schema = bare_schema(value, incoming);
    const char *type = json_string_value(json_object_get(schema, "type"));
    if (type && may_be_null(value, incoming))
        json_object_set_new(schema, "type", json_pack("[s, s]", type, "null"));
    if (value->description)
        json_object_set_new(schema, "description", json_string(value->description));
    if (incoming && value->fallback)
        json_object_set(schema, "default", (json_t *)value->fallback);
    return schema;
}

static json_t *object_schema(json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

json_t *native_schema_parameters(const struct native_spec *spec)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < spec->argument_count; i++) {
        const struct native_value *value = &spec->arguments[i];
        if (!native_is_param(value))
            continue;
        json_object_set_new(properties, value->name, value_schema(value, true));
        if (!value->fallback && !value->nullable)
            json_array_append_new(required, json_string(value->name));
    }
    return object_schema(properties, required);
}

json_t *native_schema_result(const struct native_spec *spec)
{
    json_t *properties = json_object(), *required = json_array();
    for (size_t i = 0; i < spec->argument_count; i++) {
        const struct native_value *value = &spec->arguments[i];
        if (!native_is_shown(value))
            continue;
        json_object_set_new(properties, value->name, value_schema(value, false));
        json_array_append_new(required, json_string(value->name));
    }
    if (native_shows_return(spec)) {
        json_object_set_new(properties, spec->result.name, value_schema(&spec->result, false));
        json_array_append_new(required, json_string(spec->result.name));
    }
    return object_schema(properties, required);
}

/* ---- an author's own schema ---- */

static bool contains(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

/* Every type that the property allows must be one that the argument takes. */
static int check_type(const struct native_at *up, const struct native_value *value,
                      const json_t *property)
{
    const struct native_at at = native_at_key(up, "type");
    LLMSPELL_CLEANUP_JSON json_t *own = value_schema(value, true);
    LLMSPELL_CLEANUP_JSON json_t *one =
        json_pack("[O*]", json_object_get(property, "type")); /* a name counts as a list */
    const json_t *allowed = json_object_get(own, "type"),
                 *named = json_object_get(property, "type");
    size_t i;
    json_t *type;
    if (!allowed || !one)
        return native_no_memory(at.up);
    json_array_foreach(json_is_array(named) ? named : one, i, type)
    {
        const char *text = json_string_value(type);
        bool fits =
            text && (json_is_array(allowed) ? contains(allowed, text)
                                            : strcmp(json_string_value(allowed), text) == 0);
        bool integer = text && strcmp(text, "integer") == 0 && value->type.kind == NATIVE_REAL;
        if (!fits && !integer)
            return native_bad(&at, "\"%s\" does not fit the argument \"%s\", whose type is %s",
                              text ? text : "?", value->name, value->type.name);
    }
    return 0;
}

static const struct native_value *find_param(const struct native_spec *spec, const char *name,
                                             const char **ret_near)
{
    struct near near = {.word = name};
    for (size_t i = 0; i < spec->argument_count; i++) {
        const struct native_value *value = &spec->arguments[i];
        if (!native_is_param(value))
            continue;
        if (strcmp(value->name, name) == 0)
            return value;
        near_offer(&near, value->name);
    }
    *ret_near = near.best;
    return NULL;
}

static int check_properties(const struct native_at *at, const struct native_spec *spec,
                            const json_t *properties)
{
    const char *name, *near_name = NULL;
    json_t *property;
    json_object_foreach((json_t *)properties, name, property)
    {
        const struct native_at here = native_at_key(at, name);
        const struct native_value *value = find_param(spec, name, &near_name);
        if (!value)
            return near_name
                       ? native_bad(&here, "no argument takes it; did you mean \"%s\"?", near_name)
                       : native_bad(&here, "no argument of \"native\" takes it");
        int rc = check_type(&here, value, property);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int native_schema_fits(const struct native_spec *spec, const json_t *parameters, const char *file,
                       struct error *ret_error)
{
    struct error own;
    const struct native_at root = {.file = file, .error = ret_error ? ret_error : &own};
    const struct native_at at = native_at_key(&root, "parameters");
    const struct native_at list = native_at_key(&at, "properties");
    const json_t *properties = json_object_get(parameters, "properties");
    int rc = check_properties(&list, spec, properties);
    for (size_t i = 0; rc == 0 && i < spec->argument_count; i++) {
        const struct native_value *value = &spec->arguments[i];
        if (!native_is_param(value))
            continue;
        const json_t *property = json_object_get(properties, value->name);
        const struct native_at here = native_at_key(&list, value->name);
        if (!property)
            return native_bad(&here, "is missing: the function has an argument \"%s\"",
                              value->name);
        if (!value->nullable && !value->fallback && !json_object_get(property, "default") &&
            !contains(json_object_get(parameters, "required"), value->name))
            return native_bad(&at, "must require \"%s\", or give it a default", value->name);
    }
    return rc;
}

/* ---- for the manifest ---- */

int native_check(const json_t *manifest, const char *path, struct error *ret_error)
{
    struct native_spec spec;
    const json_t *parameters = json_object_get(manifest, "parameters");
    int rc = native_spec_parse(json_object_get(manifest, "native"), path, &spec, ret_error);
    if (rc < 0)
        return rc;
    if (parameters)
        rc = native_schema_fits(&spec, parameters, path, ret_error);
    native_spec_clear(&spec);
    return rc;
}

int native_derive(json_t *manifest, struct error *ret_error)
{
    struct native_spec spec;
    int rc = native_spec_parse(json_object_get(manifest, "native"), NULL, &spec, ret_error);
    if (rc < 0)
        return rc;
    if (!json_object_get(manifest, "parameters"))
        rc = json_object_set_new(manifest, "parameters", native_schema_parameters(&spec));
    if (rc == 0 && !json_object_get(manifest, "result"))
        rc = json_object_set_new(manifest, "result", native_schema_result(&spec));
    native_spec_clear(&spec);
    return rc == 0 ? 0 : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}
