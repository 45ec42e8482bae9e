/* SPDX-License-Identifier: Apache-2.0
 * tool_request: list, info, invoke, search, test. */
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "util/utf8.h"

static json_t *failed(const struct error *error)
{
    json_t *reply = error_reply(error->code, error->message);
    if (reply)
        json_object_set_new(reply, "error", error_json(error));
    return reply;
}

static bool is_given(const json_t *value)
{
    return value && !json_is_null(value);
}

static json_t *list(struct registry *registry, const json_t *content, const json_t *words)
{
    struct error error;
    json_t *tools;
    const json_t *category = json_object_get(content, "category");
    if (is_given(category) && !json_is_string(category))
        return field_reply("category", "must be a string, the name of a category");
    int rc = registry_list(registry, llmspell_string(content, "category"), words, &tools, &error);
    return rc < 0 ? failed(&error) : json_pack("{s:s, s:o}", "status", "ok", "tools", tools);
}

static json_t *search_words(struct registry *registry, const json_t *content, const json_t *words)
{
    char field[32];
    size_t i;
    json_t *word;
    json_array_foreach(words, i, word)
    {
        snprintf(field, sizeof field, "query/%zu", i);
        if (!json_is_string(word))
            return field_reply(field, "must be a string, a word to look for");
    }
    return list(registry, content, words);
}

/* query: a string of words, or an array of them. */
static json_t *search(struct registry *registry, const json_t *content)
{
    const json_t *query = json_object_get(content, "query");
    if (json_is_array(query))
        return search_words(registry, content, query);
    if (!json_is_string(query))
        return field_reply("query", "must be a string or an array of words: search needs it");
    LLMSPELL_CLEANUP_JSON json_t *words = json_array();
    const char *at = json_string_value(query);
    while (*(at += strspn(at, " \t\r\n"))) {
        size_t n = strcspn(at, " \t\r\n");
        json_array_append_new(words, json_stringn(at, n));
        at += n;
    }
    return list(registry, content, words);
}

static json_t *info(struct registry *registry, const char *name)
{
    struct error error;
    json_t *manifest;
    if (registry_info(registry, name, &manifest, &error) < 0)
        return failed(&error);
    return json_pack("{s:s, s:O, s:o}", "status", "ok", "tool", json_object_get(manifest, "name"),
                     "info", manifest);
}

struct progress {
    struct operation *operation;
    const char *tool;
};

/* At most ten a second, see plugin/call.c. */
static void on_progress(void *data, double done, double total, const char *message)
{
    const struct progress *progress = data;
    LLMSPELL_CLEANUP_FREE char *text = message ? utf8_repair(message, strlen(message), NULL) : NULL;
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:f, s:f, s:s*}", "tool", progress->tool, "done", done, "total", total,
                  "message", text);
    if (content)
        publish(progress->operation->kernel, progress->operation, "tool_progress", content);
}

static json_t *invoke(struct operation *operation, struct registry *registry, const json_t *content,
                      const char *name)
{
    struct progress progress = {operation, name};
    struct invoke_options options = {
        .timeout_ms = llmspell_integer(content, "timeout_ms", 0),
        .cancel = &operation->cancel,
        .progress = on_progress,
        .progress_data = &progress,
        .depth = operation->depth,
        .functions = operation->functions,
        .check_result = config_bool(registry_config(registry), "tools", "check_results"),
    };
    json_t *reply;
    tool_invoke(registry, name, json_object_get(content, "params"), &options, &reply);
    return reply;
}

static json_t *test(struct operation *operation, struct registry *registry, const char *name)
{
    struct error error;
    json_t *tests, *reply;
    const char *tool;
    int failures = tool_test(registry, name, &operation->cancel, &tool, &tests, &error);
    if (failures < 0)
        return failed(&error);
    if (failures > 0) {
        error_set(&error, LLMSPELL_EFAILED, "%d of %zu examples of %s failed", failures,
                  json_array_size(tests), tool);
        reply = failed(&error);
    } else {
        reply = json_pack("{s:s}", "status", "ok");
    }
    json_object_set_new(reply, "tool", json_string(tool));
    json_object_set_new(reply, "tests", tests);
    return reply;
}

/* The commands that concern one tool. */
static json_t *answer_named(struct operation *operation, struct registry *registry,
                            const json_t *content, const char *command)
{
    const json_t *timeout = json_object_get(content, "timeout_ms");
    const char *name = llmspell_string(content, "name");
    if (!name)
        return field_reply("name", "must be a string, the name of a tool: %s needs it", command);
    if (strcmp(command, "info") == 0)
        return info(registry, name);
    if (strcmp(command, "test") == 0)
        return test(operation, registry, name);
    if (is_given(timeout) && (!json_is_integer(timeout) || json_integer_value(timeout) < 0))
        return field_reply("timeout_ms", "must be a whole number of milliseconds, 0 or more");
    return invoke(operation, registry, content, name);
}

static json_t *answer(struct operation *operation, struct registry *registry, const json_t *content)
{
    const char *command = llmspell_string(content, "command");
    if (!command)
        return field_reply("command", "must be a string: list, info, invoke, search or test");
    if (strcmp(command, "list") == 0)
        return list(registry, content, NULL);
    if (strcmp(command, "search") == 0)
        return search(registry, content);
    if (strcmp(command, "info") == 0 || strcmp(command, "invoke") == 0 ||
        strcmp(command, "test") == 0)
        return answer_named(operation, registry, content, command);
    return field_reply("command", "is \"%.60s\": list, info, invoke, search and test are known",
                       command);
}

json_t *answer_tool(struct operation *operation, const json_t *content)
{
    struct registry *registry = kernel_registry(operation->kernel);
    json_t *reply = answer(operation, registry, content);
    registry_unref(registry);
    return reply;
}
