/* SPDX-License-Identifier: Apache-2.0
 * The Lua runtime: descriptor, open, close, and the table of requests that it answers. The kernel
 * calls all of it on its executor thread, but for interrupt and attend. */
#include <string.h>

#include "state.h"
#include "trace.h"

static const struct {
    const char *msg_type;
    int32_t (*answer)(struct runtime *rt, const json_t *content, json_t **ret_reply);
} REQUESTS[] = {{"execute_request", execute_request},  {"complete_request", complete_request},
                {"inspect_request", inspect_request},  {"is_complete_request", is_complete_request},
                {"comm_open", comm_request},           {"comm_msg", comm_request},
                {"comm_close", comm_request},          {"comm_info_request", comm_info_request},
                {"debuggee_request", debuggee_request}};

static void lua_runtime_close(void *self)
{
    struct runtime *rt = self;
    if (!rt)
        return;
    trace_close(rt);
    state_close(rt);
    interrupt_close(rt);
    json_decref(rt->environment);
    free(rt->path);
    free(rt);
}

static int32_t lua_runtime_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    const struct llmspell_executor *executor = call->host->extension(call->ctx, LLMSPELL_EXECUTOR);
    if (!executor)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "this host has no executor (%s)",
                             LLMSPELL_EXECUTOR);
    struct runtime *rt = calloc(1, sizeof *rt);
    if (!rt)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    rt->host = call->host;
    rt->ctx = call->ctx;
    rt->executor = executor;
    rt->safe = llmspell_is(config, "stdlib", "safe");
    rt->timeout_s = llmspell_number(config, "timeout_s", 0);
    rt->memory_limit = (size_t)llmspell_integer(config, "memory_mb", 0) << 20;
    rt->memory_reserve = RUNTIME_RESERVE;
    const char *path = llmspell_string(config, "path");
    rt->path = path ? strdup(path) : NULL;
    int32_t code = interrupt_open(rt, call);
    if (code < 0) {
        free(rt->path);
        free(rt);
        return code;
    }
    code = state_open(rt, call, rt->path);
    if (code < 0) {
        lua_runtime_close(rt);
        return code;
    }
    *ret_self = rt;
    return 0;
}

static int32_t lua_runtime_request(void *self, struct llmspell_call *call, const char *msg_type,
                                   const json_t *content, json_t **ret_reply)
{
    struct runtime *rt = self;
    for (size_t i = 0; i < sizeof REQUESTS / sizeof *REQUESTS; i++) {
        if (strcmp(REQUESTS[i].msg_type, msg_type) != 0)
            continue;
        struct nest nest;
        int32_t code = nest_begin(rt, call, &nest);
        if (code < 0)
            return code;
        rt->msg_type = msg_type;
        code = REQUESTS[i].answer(rt, content, ret_reply);
        lua_settop(rt->L, 0);
        nest_end(rt, &nest);
        return code;
    }
    return llmspell_fail(call, LLMSPELL_EUNKNOWN, "the Lua runtime does not know %s", msg_type);
}

static void lua_runtime_interrupt(void *self)
{
    interrupt_request(self);
}

static void lua_runtime_attend(void *self)
{
    interrupt_attend(self);
}

static int32_t lua_runtime_status(void *self, json_t **ret_status)
{
    const struct runtime *rt = self;
    json_t *status =
        json_pack("{s:I, s:I}", "heap_bytes", (json_int_t)atomic_load(&rt->memory_used),
                  "heap_limit_bytes", (json_int_t)rt->memory_limit);
    if (!status)
        return LLMSPELL_ENOMEM;
    *ret_status = status;
    return 0;
}

LLMSPELL_RUNTIME(.open = lua_runtime_open, .request = lua_runtime_request,
                 .interrupt = lua_runtime_interrupt, .close = lua_runtime_close,
                 .status = lua_runtime_status, .attend = lua_runtime_attend)
