/* SPDX-License-Identifier: Apache-2.0
 * What clients send to comms: comm_open, comm_msg and comm_close call the script's functions, in
 * order with cells; their errors end nothing else. comm_info_request names the open comms. */
#include <stddef.h>
#include <string.h>

#include "comm.h"

struct delivery {
    struct runtime *rt;
    const json_t *content;
    const char *id, *target;
    const char *refused; /* why nobody took it; static */
    int opened;          /* by this message */
    json_t *error;       /* error reply */
};

/* ---- the arguments of the script's functions ---- */

static int has_extra(const struct runtime *rt)
{
    return rt->executor->size > offsetof(struct llmspell_executor, header);
}

static void push_buffers(lua_State *L, struct runtime *rt)
{
    uint32_t count = 0;
    const struct llmspell_buffer *buffers =
        has_extra(rt) ? rt->executor->buffers(rt->call, &count) : NULL;
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushlstring(L, buffers[i].data, buffers[i].size);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_header(lua_State *L, struct runtime *rt)
{
    const char *text = has_extra(rt) ? rt->executor->header(rt->call) : "";
    json_t **box = convert_box(L);
    *box = json_loads(text, 0, NULL);
    if (*box)
        convert_push(L, *box);
    else
        lua_newtable(L);
    lua_remove(L, -2);
}

/* Pushes data, buffers and {msg_type, header, metadata, content, buffers}. */
static void push_message(lua_State *L, const struct delivery *d)
{
    const json_t *metadata = has_extra(d->rt) ? d->rt->executor->metadata(d->rt->call) : NULL;
    convert_push(L, d->content);
    int content = lua_gettop(L);
    lua_getfield(L, content, "data");
    push_buffers(L, d->rt);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, d->rt->msg_type);
    lua_setfield(L, -2, "msg_type");
    push_header(L, d->rt);
    lua_setfield(L, -2, "header");
    if (metadata)
        convert_push(L, metadata);
    else
        lua_newtable(L);
    lua_setfield(L, -2, "metadata");
    lua_pushvalue(L, content);
    lua_setfield(L, -2, "content");
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "buffers");
    lua_remove(L, content);
}

/* ---- delivering: the message handler is at 1, rt->L is otherwise empty ---- */

/* Calls the function at index 2 with what follows it. */
static void call_handler(lua_State *L, struct delivery *d)
{
    int status = execute_call(L, lua_gettop(L) - 2);
    if (status != LUA_OK)
        d->error = report_error(L, status);
}

static int push_target(lua_State *L, const char *target)
{
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_TARGETS);
    int type = lua_getfield(L, -1, target);
    lua_remove(L, -2);
    if (type == LUA_TFUNCTION)
        return 1;
    lua_pop(L, 1);
    return 0;
}

static void deliver_open(lua_State *L, struct delivery *d)
{
    if (comm_push_record(L, d->id)) {
        lua_pop(L, 1);
        d->rt->host->log(d->rt->ctx, LLMSPELL_LOG_DEBUG, "comm_open of a comm that is open");
        return;
    }
    if (!push_target(L, d->target)) {
        widget_load_for(L, d->target);
        if (!push_target(L, d->target)) {
            d->refused = "no such target is registered (Comm.register)";
            return;
        }
    }
    comm_push_new(L, d->id, d->target);
    d->opened = 1;
    push_message(L, d);
    call_handler(L, d);
}

static void deliver_to(lua_State *L, struct delivery *d, int member)
{
    if (!comm_push_record(L, d->id)) {
        d->rt->host->log(d->rt->ctx, LLMSPELL_LOG_DEBUG, "a message for a comm that is not open");
        return;
    }
    if (member == RECORD_ON_CLOSE)
        comm_forget(L, d->id);
    lua_rawgeti(L, -1, member);
    lua_remove(L, -2);
    if (!lua_isfunction(L, -1))
        return;
    push_message(L, d);
    call_handler(L, d);
}

static int deliver(lua_State *L)
{
    struct delivery *d = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_pushcfunction(L, report_handler);
    if (strcmp(d->rt->msg_type, "comm_open") == 0)
        deliver_open(L, d);
    else
        deliver_to(L, d,
                   strcmp(d->rt->msg_type, "comm_close") == 0 ? RECORD_ON_CLOSE : RECORD_ON_MSG);
    return 0;
}

static int forget(lua_State *L)
{
    comm_forget(L, lua_touserdata(L, 1));
    return 0;
}

static void set_error(struct delivery *d, json_t *error)
{
    json_decref(d->error);
    d->error = error;
}

static void run(struct delivery *d)
{
    struct runtime *rt = d->rt;
    interrupt_begin(rt);
    interrupt_pending(rt); /* cancelled before it began: sets the hook */
    int status = state_call(rt, deliver, d);
    if (status != LUA_OK && !d->error)
        d->error = report_outer(rt, status);
    lua_settop(rt->L, 0);
    enum stop stop = interrupt_pending(rt);
    if (stop != STOP_NONE) /* os.exit is no error */
        set_error(d, stop == STOP_EXIT ? NULL : report_stop(rt));
    output_flush(rt);
    interrupt_end(rt);
    if (d->opened && d->error) {
        state_call(rt, forget, (void *)(uintptr_t)d->id);
        lua_settop(rt->L, 0);
    }
    free(rt->traceback);
    rt->traceback = NULL;
}

int32_t comm_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    struct delivery d = {.rt = rt, .content = content};
    d.id = llmspell_string(content, "comm_id");
    d.target = llmspell_string(content, "target_name");
    if (!d.id)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/comm_id", "%s needs comm_id, a string",
                                rt->msg_type);
    if (!d.target && strcmp(rt->msg_type, "comm_open") == 0)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/target_name",
                                "comm_open needs target_name, a string");
    run(&d);
    if (d.refused)
        return llmspell_fail(rt->call, LLMSPELL_ENOTFOUND, "%s", d.refused);
    return llmspell_return(rt->call, ret_reply,
                           d.error ? d.error : json_pack("{s:s}", "status", "ok"));
}

/* ---- comm_info_request ---- */

struct info {
    const char *target; /* only of this one; NULL: all */
    json_t *comms;
};

/* The comms are the keys of a table; their targets stand in objects that a script may change. */
static int collect_info(lua_State *L)
{
    struct info *info = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, 3)) {
        lua_rawgeti(L, -1, RECORD_COMM);
        lua_pushliteral(L, "target");
        const char *target = lua_rawget(L, -2) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (!info->target || strcmp(info->target, target) == 0)
            json_object_set_new(info->comms, lua_tostring(L, 3),
                                json_pack("{s:s}", "target_name", target));
    }
    return 0;
}

int32_t comm_info_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    struct info info = {.target = llmspell_string(content, "target_name"), .comms = json_object()};
    if (info.comms)
        state_call(rt, collect_info, &info);
    return llmspell_return(rt->call, ret_reply,
                           json_pack("{s:s, s:o}", "status", "ok", "comms", info.comms));
}
