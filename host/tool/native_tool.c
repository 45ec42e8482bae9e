/* SPDX-License-Identifier: Apache-2.0
 * native.h behind the table of a tool, so that those who call tools see no difference. */
#include "tool/native_tool.h"

#include <stddef.h>
#include <string.h>

#include "plugin/catalog.h"
#include "tool/native.h"
#include "tool/nested.h"

static struct plugin *plugin_of(struct llmspell_ctx *ctx)
{
    return (struct plugin *)((char *)ctx - offsetof(struct plugin, ctx));
}

/* A callback parameter holds the name of what answers. */
static int call_named(void *data, struct llmspell_call *call, const char *name,
                      const json_t *arguments, json_t **ret_result, struct error *ret_error)
{
    const struct nested_tools *nested = data;
    return nested->invoke(call, name, arguments, ret_result, ret_error);
}

static int32_t open_tool(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    struct plugin *plugin = plugin_of(call->ctx);
    struct native *native = NULL;
    const json_t *manifest;
    struct error error;
    (void)config;
    int rc = plugin_manifest(plugin, &manifest, &error);
    if (rc == 0)
        rc = native_open(json_object_get(manifest, "native"), plugin->handle, &native, &error);
    if (rc < 0)
        return llmspell_fail(call, rc, "%s: %s", plugin->path, error.message);
    const struct nested_tools *nested = call->host->extension(call->ctx, NESTED_TOOLS);
    if (nested)
        native_set_callback(native, call_named, (void *)nested);
    *ret_self = native;
    return 0;
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    return native_invoke(self, call, params, ret_result);
}

static void close_tool(void *self)
{
    native_close(self);
}

const struct llmspell_tool native_tool_entry = {
    .size = sizeof native_tool_entry,
    .abi_major = LLMSPELL_ABI_MAJOR,
    .needs_minor = 0,
    .json_identity = json_object_get,
    .open = open_tool,
    .invoke = invoke,
    .close = close_tool,
};
