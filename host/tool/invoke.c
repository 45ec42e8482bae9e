/* SPDX-License-Identifier: Apache-2.0
 * A call, step by step (TOOLS.md 2). */
#include "tool/invoke.h"

#include <string.h>

#include <llmspell/fs.h>

#include "tool/callback.h"
#include "tool/extensions.h"
#include "tool/tool.h"

#define MEMORY_MB 512 /* of a runner whose tool's manifest gives no limit */
#define WALL_MS 60000 /* of a call in a runner, likewise */

/* ---- llmspell.fs/1 ---- */

static const struct files *files_of(struct llmspell_call *base)
{
    const struct invocation *invocation = call_of(base)->owner;
    return invocation ? invocation->files : NULL;
}

static int32_t no_files(struct llmspell_call *base, const char *pointer)
{
    return error_set_at(&call_of(base)->error, LLMSPELL_EPERM, pointer,
                        "%s may not use files: its manifest names no fs: capability",
                        base->ctx->source);
}

static int32_t fs_open(struct llmspell_call *base, const char *path, int32_t flags, uint32_t mode,
                       const char *pointer)
{
    const struct files *files = files_of(base);
    if (!files)
        return no_files(base, pointer);
    return files_open(files, path, flags, mode, pointer, &call_of(base)->error);
}

static int32_t fs_open_parent(struct llmspell_call *base, const char *path, int32_t for_write,
                              const char *pointer, char *ret_name)
{
    const struct files *files = files_of(base);
    if (!files)
        return no_files(base, pointer);
    return files_open_parent(files, path, for_write != 0, pointer, ret_name, &call_of(base)->error);
}

static int32_t fs_state_folder(struct llmspell_call *base, const char **ret_path)
{
    const struct files *files = files_of(base);
    const char *folder = files ? files_state_folder(files) : NULL;
    if (!folder)
        return error_set(&call_of(base)->error, LLMSPELL_EPERM,
                         "%s has no folder for its state: its manifest does not name "
                         "fs:write:${statedir}, or the folder cannot be used",
                         base->ctx->source);
    *ret_path = folder;
    return 0;
}

const void *invoke_extension(struct llmspell_ctx *ctx, const char *id)
{
    static const struct llmspell_fs fs = {.size = sizeof fs,
                                          .open = fs_open,
                                          .open_parent = fs_open_parent,
                                          .state_folder = fs_state_folder};
    (void)ctx;
    return strcmp(id, LLMSPELL_FS) == 0 ? &fs : extensions_find(id);
}

/* ---- the steps ---- */

static int check_policy(const struct registry *registry, const struct tool *tool,
                        struct error *ret_error)
{
    const char *name = tool->plugin->head.name;
    const char *at = config_string(registry_config(registry), "policy", "tools_deny");
    size_t n = strlen(name);
    while (at && *at) {
        at += strspn(at, ", ");
        size_t length = strcspn(at, ", ");
        if (length == n && strncmp(at, name, n) == 0)
            return error_set(ret_error, LLMSPELL_EPERM,
                             "%s is not allowed here ([policy] tools_deny names it)", name);
        at += length;
    }
    return 0;
}

/* With its quotes and escapes. */
static int64_t string_bytes(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t size = json_string_length(string), escaped = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ')
            escaped += strchr("\b\f\n\r\t", c) && c ? 1 : 5;
        else
            escaped += c == '"' || c == '\\';
    }
    return (int64_t)(size + escaped) + 2;
}

/* A cheap measure of a value's compact JSON text, in bytes: numbers count as if they were short. */
static int64_t json_bytes(const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    int64_t bytes = 2;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return string_bytes(value);
    case JSON_OBJECT:
        json_object_foreach((json_t *)value, key, item)
        {
            bytes += (int64_t)strlen(key) + 4 + json_bytes(item);
        }
        return bytes - (json_object_size(value) > 0);
    case JSON_ARRAY:
        json_array_foreach(value, i, item)
        {
            bytes += 1 + json_bytes(item);
        }
        return bytes - (json_array_size(value) > 0);
    default:
        return 4;
    }
}

static int check_result(const struct tool *tool, const json_t *result, bool check_schema,
                        struct error *ret_error)
{
    int64_t bytes = tool->output_bytes ? json_bytes(result) : 0;
    if (bytes > tool->output_bytes)
        return error_set(ret_error, LLMSPELL_ELIMIT,
                         "the result has %lld bytes, more than the limit of %lld of %s",
                         (long long)bytes, (long long)tool->output_bytes, tool->plugin->head.name);
    if (!check_schema)
        return 0;
    struct error why;
    int rc = schema_check(tool->result, result, &why);
    if (rc == 1)
        return 0;
    return error_set(ret_error, LLMSPELL_EFAILED,
                     "the result of %s does not fit its manifest's result schema: at \"%s\": %s",
                     tool->plugin->head.name, why.path, why.message);
}

static int64_t least(int64_t a, int64_t b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

int invoke_entry(const struct llmspell_tool *entry, void *self, struct call *call,
                 const struct files *files, struct extensions *extensions, const json_t *params,
                 json_t **ret_result)
{
    struct invocation invocation = {files, extensions};
    call->owner = &invocation;
    return entry->invoke(self, &call->base, params, ret_result);
}

static int64_t wall_limit(const struct registry *registry, const struct tool *tool,
                          const struct invoke_options *options)
{
    int64_t configured = config_integer(registry_config(registry), "tools", "timeout");
    return least(options->timeout_ms, least(configured, tool->wall_ms));
}

static int run_in_process(struct registry *registry, struct tool *tool, const json_t *params,
                          const struct invoke_options *options, json_t **ret_result,
                          struct error *ret_error)
{
    struct callback_scope scope = {registry, params, options};
    struct runner_call call = {
        .key = options->grants ? NULL : tool,
        .plugin = tool->plugin,
        .grants = options->grants ? options->grants : tool->grants,
        .config = tool->config,
        .setup = tool->setup,
        .crashes = &tool->crashes,
        .memory_mb = tool->memory_mb > 0 ? tool->memory_mb : MEMORY_MB,
        .output_bytes = tool->output_bytes,
        .params = params,
        .wall_ms = wall_limit(registry, tool, options),
        .cancel = options->cancel,
        .progress = options->progress,
        .progress_data = options->progress_data,
        .nested = json_object_get(tool->manifest, "native") ? callback_answer : NULL,
        .nested_data = &scope,
    };
    if (call.wall_ms == 0)
        call.wall_ms = WALL_MS;
    atomic_store_explicit(&tool->ran, true, memory_order_relaxed);
    return runners_call(registry_runners(registry), &call, ret_result, ret_error);
}

static int run(const struct registry *registry, struct tool *tool, const json_t *params,
               const struct invoke_options *options, json_t **ret_result, struct error *ret_error)
{
    int64_t wall_ms = wall_limit(registry, tool, options);
    struct call call;
    call_init(&call, &tool->plugin->ctx);
    call.cancel = options->cancel;
    call.deadline_ns = wall_ms > 0 ? clock_monotonic_ns() + wall_ms * 1000000 : 0;
    call.progress = options->progress;
    call.progress_data = options->progress_data;
    json_t *result = NULL;
    const struct files *files = options->files ? options->files : tool->files;
    int rc = invoke_entry(tool->entry, tool->self, &call, files, tool->extensions, params, &result);
    if (rc >= 0 && !result)
        return error_set(ret_error, LLMSPELL_EFAILED, "%s returned no result: a bug in the tool",
                         tool->plugin->head.name);
    if (rc >= 0) {
        *ret_result = result;
        return 0;
    }
    if (rc == LLMSPELL_ETIMEOUT && !*call.error.message)
        return error_set(ret_error, rc, "%s was stopped after its time limit of %lld ms",
                         tool->plugin->head.name, (long long)wall_ms);
    return call_error(&call, rc, ret_error);
}

static int invoke(struct registry *registry, struct tool *tool, const json_t *params,
                  const struct invoke_options *options, json_t **ret_result,
                  struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *prepared = NULL, *result = NULL;
    int rc = tool_describe(tool, registry, ret_error);
    if (rc == 0)
        rc = params_prepare(tool->plan, params, &prepared, ret_error);
    if (rc == 0)
        rc = params_check(tool->plan, tool->parameters, prepared, ret_error);
    if (rc == 0)
        rc = check_policy(registry, tool, ret_error);
    if (rc == 0)
        rc = callback_check(tool->manifest, prepared, options->functions, ret_error);
    if (rc == 0 && isolation_in_process(&tool->isolation, prepared))
        rc = run_in_process(registry, tool, prepared, options, &result, ret_error);
    else if (rc == 0 && (rc = tool_open(tool, registry, ret_error)) == 0)
        rc = run(registry, tool, prepared, options, &result, ret_error);
    if (rc == 0)
        rc = check_result(tool, result, options->check_result, ret_error);
    if (rc == 0)
        *ret_result = llmspell_steal_json(&result);
    return rc;
}

json_t *error_json(const struct error *error)
{
    json_t *object = json_pack("{s:s, s:s}", "code", llmspell_error_name(error->code), "message",
                               error->message);
    if (object && error->has_path)
        json_object_set_new(object, "path", json_string(error->path));
    return object;
}

static json_t *make_reply(const char *name, json_t *result, const struct error *error,
                          int64_t started_ns)
{
    double ms = (double)((clock_monotonic_ns() - started_ns + 500) / 1000) / 1000.0;
    json_t *reply = json_object();
    json_object_set_new(reply, "status", json_string(result ? "ok" : "error"));
    json_object_set_new(reply, "tool", json_string(name));
    json_object_set_new(reply, result ? "result" : "error", result ? result : error_json(error));
    json_object_set_new(reply, "duration_ms", json_real(ms));
    return reply;
}

int tool_invoke(struct registry *registry, const char *name, const json_t *params,
                const struct invoke_options *options, json_t **ret_reply)
{
    int64_t started_ns = clock_monotonic_ns();
    struct error error = {0};
    struct tool *tool = NULL;
    json_t *result = NULL;
    int rc = registry_find(registry, name, &tool, &error);
    if (rc == 0)
        rc = invoke(registry, tool, params, options, &result, &error);
    error.code = rc;
    *ret_reply = make_reply(tool ? tool->plugin->head.name : name, result, &error, started_ns);
    return rc;
}
