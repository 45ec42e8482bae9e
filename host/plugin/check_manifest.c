/* SPDX-License-Identifier: Apache-2.0
 * A manifest against the published schema, then what no schema can say: that its own schemas
 * compile and its examples fit them. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "plugin/check.h"
#include "plugin/sdk_files.h"
#include "schema/schema.h"
#include "tool/native.h"
#include "tool/params.h"
#include "util/near.h"

struct visit {
    struct check *check;
    const json_t *rules; /* the manifest's schema */
};

/* The keys that may stand where pointer leads to an unknown one: of the top level, or of the object
 * in it. */
static const json_t *known_keys(const struct visit *visit, const char *pointer)
{
    const json_t *properties = json_object_get(visit->rules, "properties");
    const char *slash = strrchr(pointer, '/');
    char key[64];
    if (!slash || slash == pointer)
        return properties;
    snprintf(key, sizeof key, "%.*s", (int)(strcspn(pointer + 1, "/")), pointer + 1);
    return json_object_get(json_object_get(properties, key), "properties");
}

static void find_unknown(const struct visit *visit, const char *pointer)
{
    const char *slash = strrchr(pointer, '/'), *key;
    struct near nearest = {.word = slash ? slash + 1 : pointer};
    json_t *value;
    json_object_foreach((json_t *)known_keys(visit, pointer), key, value)
    {
        near_offer(&nearest, key);
    }
    check_find_at(visit->check, CHECK_WARNING, pointer,
                  "unknown key \"%s\"%s%s%s (own ones start with x-)", nearest.word,
                  nearest.best ? "; did you mean \"" : "", nearest.best ? nearest.best : "",
                  nearest.best ? "\"?" : "");
}

static bool on_violation(void *data, const struct schema_violation *violation)
{
    struct visit *visit = data;
    if (strcmp(violation->keyword, "additionalProperties") == 0)
        find_unknown(visit, violation->instance_path);
    else if (strcmp(violation->keyword, "not") == 0)
        check_find_at(visit->check, CHECK_WARNING, violation->instance_path,
                      "it has a key that belongs to another kind of plugin; see docs/plugins.md");
    else
        check_find_at(visit->check, CHECK_ERROR, violation->instance_path, "%s: %s",
                      *violation->instance_path ? violation->instance_path : "the manifest",
                      violation->message);
    return true;
}

static void check_rules(struct check *check)
{
    struct error error = {0};
    struct schema *schema = NULL;
    LLMSPELL_CLEANUP_JSON json_t *rules = json_loads(sdk_manifest_schema, 0, NULL);
    struct visit visit = {check, rules};
    int rc = schema_compile(rules, SCHEMA_CHECK_FORMATS, &schema, &error);
    if (rc == 0)
        rc = schema_validate(schema, check->manifest, on_violation, &visit, &error);
    if (rc < 0)
        check_find(check, CHECK_ERROR, "%s", error.message);
    schema_free(schema);
}

static bool holds(const json_t *list, const char *text)
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

/* Where operations run: those that there are. */
static void check_isolation(struct check *check)
{
    const json_t *isolation = json_object_get(check->manifest, "isolation");
    const json_t *properties =
        json_object_get(json_object_get(check->manifest, "parameters"), "properties");
    const json_t *names = json_object_get(json_object_get(properties, "operation"), "enum");
    const char *key;
    json_t *place;
    if (!json_is_object(isolation))
        return;
    json_object_foreach((json_t *)isolation, key, place)
    {
        if (strcmp(key, "default") != 0 && !holds(names, key))
            check_find_at(check, CHECK_ERROR, "/isolation",
                          "\"isolation\" names %s, which is no value of the parameter operation",
                          key);
    }
}

/* What the host itself refuses, unless the schema has said so already. */
static void check_parse(struct check *check)
{
    struct error error = {0};
    LLMSPELL_CLEANUP_JSON json_t *again = NULL;
    int errors = check->errors;
    check_begin(check, "manifest");
    check_rules(check);
    int rc = manifest_parse(check->text, check->text_size, check->path, &again, NULL, &error);
    if (rc < 0 && check->errors == errors)
        check_find(check, CHECK_ERROR, "%s", error.message);
    check_isolation(check);
    check_end(check);
    if (rc == 0 && json_object_get(again, "native")) /* with the schemas that follow from it */
        json_object_update_missing((json_t *)check->manifest, again);
}

/* A library of the system is looked into; symbols of the plugin's own are check_elf.c's. */
static void check_native(struct check *check)
{
    struct error error = {0};
    struct native *native = NULL;
    const json_t *spec = json_object_get(check->manifest, "native");
    check_begin(check, "native: library, symbols, types");
    int rc = native_check(check->manifest, check->path, &error);
    if (rc == 0 && llmspell_string(spec, "library"))
        rc = native_open(spec, NULL, &native, &error);
    if (rc < 0)
        check_find_at(check, CHECK_ERROR, "/native", "%s", error.message);
    native_close(native);
    check_end(check);
}

/* Compiles the schema below key; NULL: it does not, and the report says why. */
static struct schema *compile(struct check *check, const char *name, const char *key)
{
    struct error error = {0};
    struct schema *schema = NULL;
    char pointer[64];
    const json_t *document = json_object_get(check->manifest, key);
    snprintf(pointer, sizeof pointer, "/%s", key);
    check_begin(check, name);
    if (document && schema_compile(document, SCHEMA_CHECK_FORMATS, &schema, &error) < 0)
        check_find_at(check, CHECK_ERROR, pointer, "%s", error.message);
    else if (document)
        check_schema(check, pointer, document);
    check_end(check);
    return schema;
}

static void check_result(struct check *check, size_t index, const json_t *example,
                         const struct schema *schema)
{
    struct error error = {0};
    char pointer[ERROR_PATH_MAX + 64];
    const json_t *value = json_object_get(example, "result");
    if (!value || !schema || schema_check(schema, value, &error) == 1)
        return;
    snprintf(pointer, sizeof pointer, "/examples/%zu/result%s", index, error.path);
    check_find_at(check, CHECK_ERROR, pointer, "%s: %s", pointer, error.message);
}

/* As a call would take them: aliases and defaults first. An example may show an error. */
static void check_params(struct check *check, size_t index, const json_t *example,
                         const struct params_plan *plan, const struct schema *schema)
{
    struct error error = {0};
    char pointer[ERROR_PATH_MAX + 64];
    LLMSPELL_CLEANUP_JSON json_t *prepared = NULL;
    if (json_object_get(example, "error"))
        return;
    int rc = params_prepare(plan, json_object_get(example, "params"), &prepared, &error);
    if (rc == 0)
        rc = params_check(plan, schema, prepared, &error);
    if (rc >= 0)
        return;
    snprintf(pointer, sizeof pointer, "/examples/%zu/params%s", index, error.path);
    check_find_at(check, CHECK_ERROR, pointer, "%s: %s", pointer, error.message);
}

static void check_examples(struct check *check, const struct schema *parameters,
                           const struct schema *result)
{
    struct error error = {0};
    struct params_plan *plan = NULL;
    const json_t *examples = json_object_get(check->manifest, "examples");
    size_t i;
    json_t *example;
    check_begin(check, "examples");
    if (json_array_size(examples) == 0)
        check_find_at(check, CHECK_WARNING, "",
                      "it has no examples: they show users how to call "
                      "it, and they are its first tests");
    if (parameters &&
        params_plan_new(json_object_get(check->manifest, "parameters"), &plan, &error) < 0)
        check_find_at(check, CHECK_ERROR, "/parameters", "%s", error.message);
    json_array_foreach(examples, i, example)
    {
        check_result(check, i, example, result);
        if (plan)
            check_params(check, i, example, plan, parameters);
    }
    params_plan_free(plan);
    check_end(check);
}

void check_manifest(struct check *check)
{
    check_parse(check);
    if (!llmspell_is(check->manifest, "kind", "tool"))
        return;
    if (json_object_get(check->manifest, "native"))
        check_native(check);
    struct schema *parameters = compile(check, "schema of the parameters", "parameters");
    struct schema *result = compile(check, "schema of the result", "result");
    check_examples(check, parameters, result);
    schema_free(parameters);
    schema_free(result);
}
