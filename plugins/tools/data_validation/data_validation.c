/* SPDX-License-Identifier: Apache-2.0
 * data_validation: checks any JSON value against rules or a JSON Schema. This file is the entry and
 * the list of errors. Called by the host's tool registry. */
#include "validation.h"

#define VALUE_MAX 1024 /* bytes of a value that is shown with its error */
#define STEPS 256      /* between two looks at the cancel flag */

static int count_bytes(const char *bytes, size_t size, void *data)
{
    size_t *left = data;
    (void)bytes;
    if (size > *left)
        return -1;
    *left -= size;
    return 0;
}

static bool is_small(const json_t *value)
{
    size_t left = VALUE_MAX;
    if (json_is_string(value) && json_string_length(value) > VALUE_MAX)
        return false;
    return json_dump_callback(value, count_bytes, &left, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
}

int32_t check_report(struct check *check, const char *path, const char *rule, const char *message,
                     const json_t *value)
{
    if (json_array_size(check->errors) == check->max_errors) {
        check->truncated = true;
        return 0;
    }
    json_t *shown = value && is_small(value) ? (json_t *)value : NULL;
    json_t *error = json_pack("{s:s, s:s, s:s, s:O*}", "path", path, "rule", rule, "message",
                              message, "value", shown);
    if (json_array_append_new(check->errors, error) == 0)
        return 0;
    return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t check_step(struct check *check)
{
    return ++check->steps % STEPS ? 0 : llmspell_cancelled(check->call);
}

static int32_t check_rules(struct check *check, const json_t *params)
{
    const json_t *rules = json_object_get(params, "rules");
    int32_t rc = rules_prepare(check, rules);
    return rc < 0 ? rc : walk(check, rules, json_object_get(params, "input"));
}

static int32_t check_schema(struct check *check, const json_t *params)
{
    LLMSPELL_CLEANUP_JSON json_t *found = NULL;
    json_t *input = json_object_get(params, "input"), *item;
    size_t i;
    int32_t rc = check->schemas->check(check->call, json_object_get(params, "schema"), input,
                                       (uint32_t)check->max_errors + 1, "/schema", &found);
    json_array_foreach(found, i, item)
    {
        const char *path = llmspell_string(item, "path");
        int32_t status = check_report(check, path, llmspell_string(item, "keyword"),
                                      llmspell_string(item, "message"), pointer_find(input, path));
        if (status < 0)
            return status;
    }
    return rc < 0 ? rc : 0;
}

static int32_t finish(struct check *check, json_t **ret_result)
{
    size_t count = json_array_size(check->errors);
    return llmspell_return(check->call, ret_result,
                           json_pack("{s:b, s:O, s:I, s:b}", "valid", count == 0, "errors",
                                     check->errors, "error_count", (json_int_t)count, "truncated",
                                     check->truncated));
}

static void clear(struct check *check)
{
    for (size_t i = 0; i < check->compiled_count; i++) {
        pcre2_code_free(check->compiled[i].code);
        free(check->compiled[i].pointer);
        choices_clear(&check->compiled[i].choices);
    }
    free(check->compiled);
    regex_guard_clear(&check->guard);
    pcre2_match_data_free(check->match);
    json_decref(check->errors);
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    __attribute__((cleanup(clear))) struct check check = {
        .call = call,
        .schemas = llmspell_schema_get(call),
        .match = pcre2_match_data_create(1, NULL),
        .errors = json_array(),
        .max_errors = (size_t)llmspell_integer(params, "max_errors", 100)};
    (void)self;
    if (!check.schemas)
        return LLMSPELL_EUNAVAILABLE;
    if (!check.match || !check.errors)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = regex_guard_init(&check.guard, call, REGEX_MATCH_LIMIT);
    if (rc == 0)
        rc = llmspell_is(params, "operation", "schema") ? check_schema(&check, params)
                                                        : check_rules(&check, params);
    return rc < 0 ? rc : finish(&check, ret_result);
}

LLMSPELL_TOOL(.invoke = invoke)
