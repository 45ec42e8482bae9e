/* SPDX-License-Identifier: Apache-2.0
 * The global Comm: open, register, unregister, list, and comm objects with send, close, on_msg,
 * on_close. What clients send comes in by comm_request.c. */
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "comm.h"

#define COMM_TYPE "llmspell.comm"
#define BUFFERS_MAX 480 /* of one message; receivers limit its frames, too */

/* ---- open comms ---- */

int comm_push_record(lua_State *L, const char *id)
{
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    lua_getfield(L, -1, id);
    lua_remove(L, -2);
    if (lua_istable(L, -1))
        return 1;
    lua_pop(L, 1);
    return 0;
}

void comm_forget(lua_State *L, const char *id)
{
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    lua_pushnil(L);
    lua_setfield(L, -2, id);
    lua_pop(L, 1);
}

void comm_push_new(lua_State *L, const char *id, const char *target)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, target);
    lua_setfield(L, -2, "target");
    luaL_setmetatable(L, COMM_TYPE);
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, RECORD_COMM);
    lua_setfield(L, -2, id);
    lua_pop(L, 1);
}

/* The id of the comm object at 1; pushes it. */
static const char *check_id(lua_State *L)
{
    lua_pushliteral(L, "id");
    if (!lua_istable(L, 1) || lua_rawget(L, 1) != LUA_TSTRING)
        luaL_argerror(L, 1, "expected a comm; write comm:send(…)");
    return lua_tostring(L, -1);
}

/* The same of one that is open; pushes its record, too. */
static const char *check_open(lua_State *L)
{
    const char *id = check_id(L);
    if (comm_push_record(L, id)) {
        lua_rawgeti(L, -1, RECORD_COMM);
        int same = lua_rawequal(L, -1, 1);
        lua_pop(L, 1);
        if (same)
            return id;
    }
    luaL_error(L, "the comm %s is closed", id);
    return NULL;
}

/* ---- sending ---- */

/* The strings of an array, which keeps them; pushes the memory of the result. */
static struct llmspell_buffer *check_buffers(lua_State *L, int index, uint32_t *ret_count)
{
    *ret_count = 0;
    if (index == 0 || lua_isnil(L, index))
        return NULL;
    luaL_argexpected(L, lua_istable(L, index), index, "array of strings");
    lua_Unsigned count = lua_rawlen(L, index);
    luaL_argcheck(L, count <= BUFFERS_MAX, index, "a message takes at most 480 buffers");
    struct llmspell_buffer *buffers = lua_newuserdatauv(L, (count + 1) * sizeof *buffers, 0);
    for (lua_Unsigned i = 0; i < count; i++) {
        size_t size = 0;
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_argerror(L, index, "the buffers have to be strings");
        buffers[i].data = lua_tolstring(L, -1, &size);
        buffers[i].size = size;
        lua_pop(L, 1);
    }
    *ret_count = (uint32_t)count;
    return buffers;
}

/* Pushes a box with the value at index (0: nowhere); empty is for none. */
static json_t **check_value(lua_State *L, int index, const char *what, json_t *empty)
{
    struct convert_error error;
    json_t **box = convert_box(L);
    *box = empty;
    if (index == 0 || lua_isnil(L, index))
        return box;
    json_decref(empty);
    *box = NULL;
    if (convert_pull(L, index, box, &error) < 0)
        luaL_error(L, "the %s of a comm: %s", what, error.message);
    return box;
}

/* What of a message stands where on the stack; 0: nowhere. */
struct outgoing {
    const char *msg_type, *id, *target;
    int data, metadata, buffers;
};

static int32_t emit(struct runtime *rt, const struct outgoing *out, json_t *content,
                    json_t *metadata, const struct llmspell_buffer *buffers, uint32_t count)
{
    const struct llmspell_executor *executor = rt->executor;
    output_flush(rt);
    if (executor->size > offsetof(struct llmspell_executor, header))
        return executor->emit_buffers(rt->call, out->msg_type, content, metadata, buffers, count);
    json_decref(metadata); /* an older host: comms without binary data work */
    return executor->emit(rt->call, out->msg_type, content);
}

static void send_message(lua_State *L, const struct outgoing *out)
{
    struct runtime *rt = runtime_of(L);
    uint32_t count = 0;
    if (!rt->call)
        luaL_error(L, "a comm sends only while a request runs");
    json_t **data = check_value(L, out->data, "data", json_object());
    json_t **metadata = check_value(L, out->metadata, "metadata", NULL);
    const struct llmspell_buffer *buffers = check_buffers(L, out->buffers, &count);
    json_t *content = json_pack("{s:s, s:s*, s:O}", "comm_id", out->id, "target_name", out->target,
                                "data", *data);
    json_decref(*data); /* not only when the collector comes by */
    *data = NULL;
    json_t *taken = *metadata;
    *metadata = NULL;
    if (emit(rt, out, content, taken, buffers, count) < 0)
        luaL_error(L, "%s could not be sent: the id or the target is no text", out->msg_type);
}

/* comm:send(data [, buffers [, metadata]]) -> comm */
static int comm_send(lua_State *L)
{
    lua_settop(L, 4);
    struct outgoing out = {"comm_msg", check_open(L), NULL, 2, 4, 3};
    send_message(L, &out);
    lua_settop(L, 1);
    return 1;
}

/* comm:close([data [, buffers]]); nothing happens if it is closed */
static int comm_close(lua_State *L)
{
    lua_settop(L, 3);
    struct outgoing out = {"comm_close", check_id(L), NULL, 2, 0, 3};
    if (!comm_push_record(L, out.id))
        return 0;
    send_message(L, &out);
    comm_forget(L, out.id);
    return 0;
}

/* ---- receiving ---- */

static int set_handler(lua_State *L, int member)
{
    lua_settop(L, 2);
    luaL_argexpected(L, lua_isfunction(L, 2) || lua_isnil(L, 2), 2, "function");
    check_open(L);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, member);
    lua_settop(L, 1);
    return 1;
}

/* comm:on_msg(function(data, buffers, message)) -> comm */
static int comm_on_msg(lua_State *L)
{
    return set_handler(L, RECORD_ON_MSG);
}

/* comm:on_close(function(data, buffers, message)) -> comm */
static int comm_on_close(lua_State *L)
{
    return set_handler(L, RECORD_ON_CLOSE);
}

/* ---- functions of Comm ---- */

static void make_id(lua_State *L, char ret_id[33])
{
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        luaL_error(L, "no random bytes for an id");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(ret_id + 2 * i, 3, "%02x", random[i]);
}

/* Comm.open(target [, data [, {metadata = …, buffers = …, id = …}]]) -> comm */
static int comm_open(lua_State *L)
{
    char id[33] = "";
    lua_settop(L, 3);
    struct outgoing out = {.msg_type = "comm_open", .id = id, .data = 2};
    out.target = luaL_checkstring(L, 1);
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        lua_getfield(L, 3, "metadata");
        lua_getfield(L, 3, "buffers");
        lua_getfield(L, 3, "id");
        out.metadata = 4;
        out.buffers = 5;
        out.id = luaL_optstring(L, 6, id);
    }
    if (out.id == id)
        make_id(L, id);
    else if (comm_push_record(L, out.id))
        return luaL_error(L, "a comm with the id %s is open", out.id);
    send_message(L, &out);
    comm_push_new(L, out.id, out.target);
    return 1;
}

/* Comm.register(target, function(comm, data, buffers, message)) */
static int comm_register(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_TARGETS);
    lua_insert(L, 1);
    lua_rawset(L, 1);
    return 0;
}

/* Comm.unregister(target) -> whether it was registered */
static int comm_unregister(lua_State *L)
{
    const char *target = luaL_checkstring(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_TARGETS);
    lua_pushboolean(L, lua_getfield(L, -1, target) != LUA_TNIL);
    lua_pushnil(L);
    lua_setfield(L, -4, target);
    return 1;
}

/* Comm.list() -> array of the comms that are open */
static int comm_list(lua_State *L)
{
    lua_Integer count = 0;
    lua_newtable(L);
    lua_getfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        lua_rawgeti(L, -1, RECORD_COMM);
        lua_rawseti(L, -5, ++count);
    }
    lua_pop(L, 1);
    return 1;
}

void comm_open_library(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", comm_open},
                                         {"register", comm_register},
                                         {"unregister", comm_unregister},
                                         {"list", comm_list},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{"send", comm_send},
                                       {"close", comm_close},
                                       {"on_msg", comm_on_msg},
                                       {"on_close", comm_on_close},
                                       {NULL, NULL}};
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, COMM_OPEN);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, COMM_TARGETS);
    luaL_newmetatable(L, COMM_TYPE);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, COMM_LIBRARY);
    state_global(L, "Comm");
}
