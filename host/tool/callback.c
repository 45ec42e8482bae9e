/* SPDX-License-Identifier: Apache-2.0
 * Callbacks of native tools. The tool's process is not trusted: only what a parameter of the call
 * names is called, else it could act with the rights of any tool. */
#include "tool/callback.h"

#include <string.h>

#include <llmspell/tool.h>

#include "tool/invoke.h"
#include "tool/nested.h"

/* What follows the prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text && strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* ---- before the call ---- */

static bool is_known(const struct callback_functions *functions, const char *name)
{
    size_t i;
    json_t *known;
    json_array_foreach(functions ? functions->names : NULL, i, known)
    {
        if (json_is_string(known) && strcmp(json_string_value(known), name) == 0)
            return true;
    }
    return false;
}

/* The name of the function that the callback parameter `argument` holds, or NULL. */
static const char *function_in(const json_t *argument, const json_t *params)
{
    const char *name = llmspell_string(argument, "name");
    if (!name || !llmspell_is(argument, "type", "callback"))
        return NULL;
    return behind(llmspell_string(params, name), NESTED_FUNCTION);
}

/* Text that names a function may come from anybody. */
static int check_texts(const json_t *arguments, const json_t *params,
                       const struct callback_functions *functions, struct error *ret_error)
{
    size_t i;
    json_t *argument;
    json_array_foreach(arguments, i, argument)
    {
        char path[ERROR_PATH_MAX];
        const char *name = function_in(argument, params);
        if (!name || is_known(functions, name))
            continue;
        snprintf(path, sizeof path, "/%s", llmspell_string(argument, "name"));
        return error_set_at(ret_error, LLMSPELL_EINVAL, path,
                            "%s is text that names a function: only a script can pass one, and it "
                            "passes the function itself; write %sNAME, the name of a tool",
                            path, NESTED_TOOL);
    }
    return 0;
}

static bool is_held(const json_t *arguments, const json_t *params, const char *name)
{
    size_t i;
    json_t *argument;
    json_array_foreach(arguments, i, argument)
    {
        const char *held = function_in(argument, params);
        if (held && strcmp(held, name) == 0)
            return true;
    }
    return false;
}

int callback_check(const json_t *manifest, const json_t *params,
                   const struct callback_functions *functions, struct error *ret_error)
{
    const json_t *arguments = json_object_get(json_object_get(manifest, "native"), "arguments");
    int rc = arguments ? check_texts(arguments, params, functions, ret_error) : 0;
    size_t i;
    json_t *known;
    json_array_foreach(functions ? functions->names : NULL, i, known)
    {
        char path[ERROR_PATH_MAX];
        const char *name = json_string_value(known);
        if (rc < 0 || !name || is_held(arguments, params, name))
            continue;
        snprintf(path, sizeof path, "/%s", name);
        rc = error_set_at(ret_error, LLMSPELL_EINVAL, path,
                          "%s is a function; only a callback of a native tool takes one", path);
    }
    return rc;
}

/* ---- while it runs ---- */

static bool is_named(const json_t *params, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)params, key, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
            return true;
    }
    return false;
}

static int call_tool(const struct callback_scope *scope, const char *name, const json_t *params,
                     int64_t wall_ms, json_t **ret_result, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    if (scope->options->depth >= NESTED_DEPTH_MAX)
        return error_set(ret_error, LLMSPELL_ELIMIT, "more than %d tools call one another",
                         NESTED_DEPTH_MAX);
    struct invoke_options options = {.timeout_ms = wall_ms,
                                     .cancel = scope->options->cancel,
                                     .depth = scope->options->depth + 1};
    int rc = tool_invoke(scope->registry, name, params, &options, &reply);
    if (rc < 0) {
        const json_t *error = json_object_get(reply, "error");
        /* unknown is who is called back, not who was called */
        return error_set(ret_error, rc == LLMSPELL_EUNKNOWN ? LLMSPELL_EINVAL : rc, "tool %s: %s",
                         name, llmspell_string(error, "message"));
    }
    *ret_result = json_incref(json_object_get(reply, "result"));
    return 0;
}

int callback_answer(void *data, const char *name, const json_t *arguments, int64_t wall_ms,
                    json_t **ret_result, struct error *ret_error)
{
    const struct callback_scope *scope = data;
    const struct callback_functions *functions = scope->options->functions;
    if (!is_named(scope->params, name))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "%s may not be called from here: no parameter names it", name);
    const char *tool = behind(name, NESTED_TOOL), *function = behind(name, NESTED_FUNCTION);
    if (tool)
        return call_tool(scope, tool, arguments, wall_ms, ret_result, ret_error);
    if (function && is_known(functions, function))
        return functions->call(functions->data, function, arguments, ret_result, ret_error);
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "\"%s\" names no callback: write %sNAME, the name of a tool", name,
                     NESTED_TOOL);
}
