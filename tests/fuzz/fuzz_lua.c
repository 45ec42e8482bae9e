/* SPDX-License-Identifier: Apache-2.0
 * Code as a client sends it: the first byte says where the cursor stands, the rest is completed,
 * inspected and checked for completeness, in a runtime that is opened once. None of it runs. */
#include <stdint.h>
#include <stdlib.h>

#include <llmspell/plugin.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_log(struct llmspell_ctx *ctx, int32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

static int32_t on_fail(struct llmspell_call *call, int32_t code, const char *path,
                       const char *message)
{
    (void)call;
    (void)path;
    (void)message;
    return code;
}

static int32_t on_cancelled(const struct llmspell_call *call)
{
    (void)call;
    return 0;
}

static void on_write(struct llmspell_call *call, int32_t stream, const char *text, uint64_t size)
{
    (void)call;
    (void)stream;
    (void)text;
    (void)size;
}

static int32_t on_emit(struct llmspell_call *call, const char *msg_type, json_t *content)
{
    (void)call;
    (void)msg_type;
    json_decref(content);
    return 0;
}

/* One tool, whatever is asked for. */
static int32_t on_request(struct llmspell_call *call, const char *msg_type, json_t *content,
                          json_t **ret_reply)
{
    (void)call;
    (void)msg_type;
    json_decref(content);
    *ret_reply = json_pack(
        "{s:s, s:[{s:s, s:s}], s:{s:s, s:{s:s, s:[s], s:{s:{s:[s, s]}, s:{s:s, s:{s:{s:s}}}}}}}",
        "status", "ok", "tools", "name", "t", "category", "c", "info", "name", "t", "parameters",
        "type", "object", "required", "a", "properties", "a", "enum", "x", "y", "b", "type",
        "object", "properties", "d", "type", "boolean");
    return 0;
}

static const struct llmspell_executor the_executor = {.size = sizeof(struct llmspell_executor),
                                                      .write = on_write,
                                                      .emit = on_emit,
                                                      .request = on_request};

static const void *on_extension(struct llmspell_ctx *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return &the_executor;
}

static const struct llmspell_host the_host = {.size = sizeof(struct llmspell_host),
                                              .abi_major = LLMSPELL_ABI_MAJOR,
                                              .abi_minor = LLMSPELL_ABI_MINOR,
                                              .log = on_log,
                                              .fail = on_fail,
                                              .cancelled = on_cancelled,
                                              .extension = on_extension};

static void ask(void *self, struct llmspell_call *call, const char *msg_type, json_t *content)
{
    json_t *reply = NULL;
    if (llmspell_runtime_v1.request(self, call, msg_type, content, &reply) < 0 || !reply)
        abort();
    json_decref(reply);
}

static void *open_runtime(struct llmspell_call *call)
{
    static const char SETUP[] =
        "t = Tool.get('t') obj = {a = {b = {}}, ['c d'] = 1} setmetatable(obj, {__index = obj})\n"
        "-- A comment.\nfunction f(x, ...) return x end\n--[[ Another ]]\nfunction obj.g() end";
    void *self = NULL;
    json_t *config = json_object(), *content = json_pack("{s:s}", "code", SETUP);
    if (llmspell_runtime_v1.open(call, config, &self) < 0)
        abort();
    ask(self, call, "execute_request", content);
    json_decref(content);
    json_decref(config);
    return self;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct llmspell_call call = {.size = sizeof call, .host = &the_host};
    static void *self;
    if (!self)
        self = open_runtime(&call);
    if (size == 0 || size > 65536)
        return 0;
    json_t *code = json_stringn_nocheck((const char *)data + 1, size - 1);
    json_t *content = json_pack("{s:o, s:I, s:i}", "code", code, "cursor_pos",
                                *data == 255 ? -1 : (json_int_t)*data, "detail_level", *data & 1);
    ask(self, &call, "complete_request", content);
    ask(self, &call, "inspect_request", content);
    ask(self, &call, "is_complete_request", content);
    json_decref(content);
    return 0;
}
