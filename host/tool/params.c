/* SPDX-License-Identifier: Apache-2.0
 * Preparing and checking parameters. The plan is made once a tool, so that a call only walks the
 * members that it was given. */
#include "tool/params.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "util/near.h"

#define DEPTH_MAX 64

struct alias {
    const char *alias, *name; /* borrowed from the manifest */
};

struct property_value {
    const char *name;
    json_t *value; /* borrowed from the manifest */
};

struct params_plan {
    const json_t *properties;
    struct alias *aliases;
    struct property_value *enums, *defaults;
    const char **merges;
    size_t alias_count, enum_count, default_count, merge_count;
};

static size_t count_aliases(const json_t *properties)
{
    size_t count = 0;
    const char *name;
    json_t *property;
    json_object_foreach((json_t *)properties, name, property)
    {
        count += json_array_size(json_object_get(property, "x-aliases"));
    }
    return count;
}

static void plan_property(struct params_plan *plan, const char *name, json_t *property)
{
    size_t i;
    json_t *alias, *value;
    json_array_foreach(json_object_get(property, "x-aliases"), i, alias)
    {
        plan->aliases[plan->alias_count++] = (struct alias){json_string_value(alias), name};
    }
    if ((value = json_object_get(property, "x-enum-aliases")))
        plan->enums[plan->enum_count++] = (struct property_value){name, value};
    if ((value = json_object_get(property, "default")))
        plan->defaults[plan->default_count++] = (struct property_value){name, value};
    if (json_is_true(json_object_get(property, "x-merge")))
        plan->merges[plan->merge_count++] = name;
}

int params_plan_new(const json_t *parameters, struct params_plan **ret_plan,
                    struct error *ret_error)
{
    struct params_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    plan->properties = json_object_get(parameters, "properties");
    size_t count = json_object_size(plan->properties) + 1;
    plan->aliases = calloc(count_aliases(plan->properties) + 1, sizeof *plan->aliases);
    plan->enums = calloc(count, sizeof *plan->enums);
    plan->defaults = calloc(count, sizeof *plan->defaults);
    plan->merges = calloc(count, sizeof *plan->merges);
    if (!plan->aliases || !plan->enums || !plan->defaults || !plan->merges) {
        params_plan_free(plan);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    const char *name;
    json_t *property;
    json_object_foreach((json_t *)plan->properties, name, property)
    {
        plan_property(plan, name, property);
    }
    *ret_plan = plan;
    return 0;
}

void params_plan_free(struct params_plan *plan)
{
    if (!plan)
        return;
    free(plan->aliases);
    free(plan->enums);
    free(plan->defaults);
    free(plan->merges);
    free(plan);
}

/* ---- preparing ---- */

static bool too_deep(const json_t *value, int depth)
{
    const char *key;
    json_t *item;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (depth >= DEPTH_MAX)
        return true;
    json_object_foreach((json_t *)value, key, item)
    {
        if (too_deep(item, depth + 1))
            return true;
    }
    json_array_foreach(value, i, item)
    {
        if (too_deep(item, depth + 1))
            return true;
    }
    return false;
}

static const char *canonical(const struct params_plan *plan, const char *key)
{
    for (size_t i = 0; i < plan->alias_count; i++)
        if (plan->aliases[i].alias && strcmp(plan->aliases[i].alias, key) == 0)
            return plan->aliases[i].name;
    return NULL;
}

/* Copies the members of from, renamed; overwrite == false: only those that are absent. */
static int take_members(const struct params_plan *plan, const json_t *from, json_t *to,
                        bool overwrite, struct error *ret_error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)from, key, value)
    {
        const char *name = canonical(plan, key);
        if (overwrite && name && (json_object_get(from, name) || json_object_get(to, name))) {
            char path[ERROR_PATH_MAX];
            snprintf(path, sizeof path, "/%s", key);
            return error_set_at(ret_error, LLMSPELL_EINVAL, path,
                                "%s is another name of %s; give one of the two", key, name);
        }
        if (!name)
            name = key;
        if (!overwrite && json_object_get(to, name))
            continue;
        if (json_object_set(to, name, value) != 0)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    return 0;
}

static int merge_options(const struct params_plan *plan, json_t *params, struct error *ret_error)
{
    for (size_t i = 0; i < plan->merge_count; i++) {
        json_t *options = json_object_get(params, plan->merges[i]);
        if (!json_is_object(options))
            continue; /* the schema says what is wrong with it */
        json_incref(options);
        json_object_del(params, plan->merges[i]);
        int rc = take_members(plan, options, params, false, ret_error);
        json_decref(options);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void replace_enum_aliases(const struct params_plan *plan, json_t *params)
{
    for (size_t i = 0; i < plan->enum_count; i++) {
        const json_t *value = json_object_get(params, plan->enums[i].name);
        char digits[24];
        const char *text = json_string_value(value);
        if (json_is_integer(value)) {
            snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
            text = digits;
        }
        json_t *real = text ? json_object_get(plan->enums[i].value, text) : NULL;
        if (real)
            json_object_set_new(params, plan->enums[i].name, json_deep_copy(real));
    }
}

/* Values of the manifest are copied: Jansson's counters are not for two threads at once. */
int params_prepare(const struct params_plan *plan, const json_t *params, json_t **ret_params,
                   struct error *ret_error)
{
    if (params && !json_is_null(params) && !json_is_object(params))
        return error_set_at(ret_error, LLMSPELL_EINVAL, "",
                            "the parameters must be a JSON object of names and values");
    if (too_deep(params, 0))
        return error_set_at(ret_error, LLMSPELL_EINVAL, "",
                            "the parameters are nested deeper than %d levels", DEPTH_MAX);
    LLMSPELL_CLEANUP_JSON json_t *prepared = json_object();
    if (!prepared)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = 0;
    if (json_is_object(params))
        rc = take_members(plan, params, prepared, true, ret_error);
    if (rc == 0)
        rc = merge_options(plan, prepared, ret_error);
    if (rc < 0)
        return rc;
    replace_enum_aliases(plan, prepared);
    for (size_t i = 0; i < plan->default_count; i++)
        if (!json_object_get(prepared, plan->defaults[i].name) &&
            json_object_set_new(prepared, plan->defaults[i].name,
                                json_deep_copy(plan->defaults[i].value)) != 0)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_params = llmspell_steal_json(&prepared);
    return 0;
}

/* ---- checking ---- */

struct pick {
    const struct params_plan *plan;
    struct error *error;
    int rank; /* of what is in error; RANKS: nothing yet */
};

enum { RANK_SELECTOR, RANK_UNKNOWN, RANK_OTHER, RANKS };

static bool is_at(const char *path, const char *pointer)
{
    size_t n = strlen(pointer);
    return strncmp(path, pointer, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int rank_of(const struct schema_violation *violation)
{
    if (is_at(violation->instance_path, "/operation") ||
        is_at(violation->instance_path, "/check_type"))
        return RANK_SELECTOR;
    if (strcmp(violation->keyword, "additionalProperties") == 0 ||
        strcmp(violation->keyword, "unevaluatedProperties") == 0)
        return RANK_UNKNOWN;
    return RANK_OTHER;
}

/* True if the top-level property that path lies in is marked x-secret. */
static bool is_secret(const struct params_plan *plan, const char *path)
{
    char name[128];
    if (*path != '/')
        return false;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path + 1, "/"), path + 1);
    return json_is_true(json_object_get(json_object_get(plan->properties, name), "x-secret"));
}

/* What was probably meant by the unknown member at path, a name or an alias, or NULL. */
static const char *nearest_member(const struct params_plan *plan, const char *path)
{
    struct near nearest = {.word = path + 1};
    const char *name;
    json_t *property;
    if (*path != '/' || strchr(path + 1, '/'))
        return NULL;
    json_object_foreach((json_t *)plan->properties, name, property)
    {
        near_offer(&nearest, name);
    }
    for (size_t i = 0; i < plan->alias_count; i++)
        if (plan->aliases[i].alias)
            near_offer(&nearest, plan->aliases[i].alias);
    return nearest.best;
}

/* Messages of these say kinds and lengths, so that they give no secret away. */
static bool tells_no_value(const char *keyword)
{
    return strcmp(keyword, "required") == 0 || strcmp(keyword, "type") == 0 ||
           strcmp(keyword, "minLength") == 0 || strcmp(keyword, "maxLength") == 0;
}

static bool pick_violation(void *data, const struct schema_violation *violation)
{
    struct pick *pick = data;
    int rank = rank_of(violation);
    if (rank >= pick->rank)
        return true;
    pick->rank = rank;
    const char *path = violation->instance_path;
    const char *near = rank == RANK_UNKNOWN ? nearest_member(pick->plan, path) : NULL;
    bool hide = is_secret(pick->plan, path) && !tells_no_value(violation->keyword);
    error_set_at(pick->error, LLMSPELL_EINVAL, path, "%s %s (%s)%s%s%s",
                 *path ? path : "the parameters", hide ? "is not acceptable" : violation->message,
                 violation->keyword, near ? "; did you mean " : "", near ? near : "",
                 near ? "?" : "");
    return rank != RANK_SELECTOR;
}

/* path, old_path … */
static bool is_path_name(const char *name)
{
    size_t n = strlen(name);
    return strcmp(name, "path") == 0 || (n > 5 && strcmp(name + n - 5, "_path") == 0);
}

/* A NUL inside a path would cut it short in C: refused here, for all tools. */
static int check_paths(const json_t *params, struct error *ret_error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)params, name, value)
    {
        if (!json_is_string(value) || !is_path_name(name) ||
            strlen(json_string_value(value)) == json_string_length(value))
            continue;
        char path[ERROR_PATH_MAX];
        snprintf(path, sizeof path, "/%s", name);
        return error_set_at(ret_error, LLMSPELL_EINVAL, path, "%s holds a NUL character", path);
    }
    return 0;
}

int params_check(const struct params_plan *plan, const struct schema *schema, const json_t *params,
                 struct error *ret_error)
{
    struct error chosen;
    struct pick pick = {plan, &chosen, RANKS};
    int rc = schema_validate(schema, params, pick_violation, &pick, ret_error);
    if (rc < 0)
        return rc;
    if (rc == 1)
        return check_paths(params, ret_error);
    if (ret_error)
        *ret_error = chosen;
    return LLMSPELL_EINVAL;
}
