/* SPDX-License-Identifier: Apache-2.0
 * tool_request: list, info, invoke, search, test. */
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

static json_t *invalid(const char *path, const char *message)
{
    struct error error;
    error_set_at(&error, LLMSPELL_EINVAL, path, "%s", message);
    return failed(&error);
}

static json_t *list(struct registry *registry, const json_t *content, const json_t *words)
{
    struct error error;
    json_t *tools;
    int rc = registry_list(registry, llmspell_string(content, "category"), words, &tools, &error);
    return rc < 0 ? failed(&error) : json_pack("{s:s, s:o}", "status", "ok", "tools", tools);
}

/* query: a string of words, or an array of them. */
static json_t *search(struct registry *registry, const json_t *content)
{
    const json_t *query = json_object_get(content, "query");
    if (json_is_array(query))
        return list(registry, content, query);
    if (!json_is_string(query))
        return invalid("/query", "search needs \"query\": a string or an array of words");
    LLMSPELL_CLEANUP_JSON json_t *words = json_array();
    const char *at = json_string_value(query);
    while (*(at += strspn(at, " \t\n"))) {
        size_t n = strcspn(at, " \t\n");
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

static json_t *test(struct registry *registry, const char *name)
{
    struct error error;
    json_t *tests;
    int rc = tool_test(registry, name, &tests, &error);
    if (rc < 0)
        return failed(&error);
    return json_pack("{s:s, s:s, s:o}", "status", rc == 0 ? "ok" : "error", "tool", name, "tests",
                     tests);
}

static json_t *answer(struct operation *operation, struct registry *registry, const json_t *content)
{
    const char *command = llmspell_string(content, "command");
    const char *name = llmspell_string(content, "name");
    if (!command)
        return invalid("/command", "tool_request needs \"command\": list, info, invoke, search or "
                                   "test");
    if (strcmp(command, "list") == 0)
        return list(registry, content, NULL);
    if (strcmp(command, "search") == 0)
        return search(registry, content);
    if (strcmp(command, "info") != 0 && strcmp(command, "invoke") != 0 &&
        strcmp(command, "test") != 0)
        return invalid("/command",
                       "no such command: list, info, invoke, search and test are known");
    if (!name)
        return invalid("/name", "this command needs \"name\", the name of a tool");
    if (strcmp(command, "info") == 0)
        return info(registry, name);
    return strcmp(command, "test") == 0 ? test(registry, name)
                                        : invoke(operation, registry, content, name);
}

json_t *answer_tool(struct operation *operation, const json_t *content)
{
    struct registry *registry = kernel_registry(operation->kernel);
    json_t *reply = answer(operation, registry, content);
    registry_unref(registry);
    return reply;
}
