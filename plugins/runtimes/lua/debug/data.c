/* SPDX-License-Identifier: Apache-2.0
 * Data breakpoints: a field of a table, or a global, is compared with what it was at every line of
 * every thread. That is slow, as such breakpoints are; nothing of it is there without one. A dataId
 * is a number in a table of the registry, whose entries are {table, key, the last value}. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define IDS_MAX 1000

static const char DATA = 0; /* its address is the key */

enum { ENTRY_TABLE = 1, ENTRY_KEY, ENTRY_LAST };

static void push_data(lua_State *L)
{
    luaL_checkstack(L, 10, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &DATA) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &DATA);
}

/* ---- dataBreakpointInfo ---- */

struct inquiry {
    struct debug *debug;
    struct handle handle;
    struct frame_at at;
    const char *name;
    int id;
};

/* Pushes the key that is shown under the name; 0: there is none. */
static int push_key(lua_State *L, int table, const char *name)
{
    char *end = NULL;
    lua_Integer number = *name == '[' ? strtoll(name + 1, &end, 10) : 0;
    if (end && end > name + 1 && strcmp(end, "]") == 0)
        lua_pushinteger(L, number);
    else
        lua_pushstring(L, name);
    lua_pushvalue(L, -1);
    int is_there = lua_rawget(L, table) != LUA_TNIL;
    lua_pop(L, 1);
    return is_there;
}

static int inquire(lua_State *L)
{
    struct inquiry *inquiry = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (inquiry->handle.kind == HANDLE_VALUE || inquiry->handle.kind == HANDLE_KEPT)
        handle_push(L, &inquiry->handle);
    else
        names_push_environment(L, inquiry->handle.frame ? &inquiry->at : NULL);
    if (!lua_istable(L, 1) || !push_key(L, 1, inquiry->name))
        return 0;
    push_data(L);
    inquiry->id = (int)lua_rawlen(L, 3) + 1;
    if (inquiry->id > IDS_MAX)
        return luaL_error(L, "more than %d fields were asked for", IDS_MAX);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, 4, ENTRY_TABLE);
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, ENTRY_KEY);
    lua_rawseti(L, 3, inquiry->id);
    return 0;
}

int32_t data_info(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct inquiry inquiry = {.debug = debug,
                              .handle = {.kind = HANDLE_GLOBALS},
                              .name = llmspell_string(arguments, "name")};
    json_int_t reference = llmspell_integer(arguments, "variablesReference", 0);
    const struct handle *handle = reference > 0 ? handle_find(debug, reference) : NULL;
    if (!inquiry.name || (reference > 0 && !handle))
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments",
                                "dataBreakpointInfo needs name, and a variablesReference that "
                                "there is now");
    if (handle)
        inquiry.handle = *handle;
    int is_local = inquiry.handle.kind == HANDLE_LOCALS || inquiry.handle.kind == HANDLE_VARARGS ||
                   inquiry.handle.kind == HANDLE_UPVALUES;
    if (inquiry.handle.frame && !frame_find(debug, inquiry.handle.frame, &inquiry.at))
        is_local = 1;
    int32_t code = is_local ? 0 : debug_protect(debug, inquire, &inquiry);
    if (code < 0)
        return code;
    if (inquiry.id)
        *ret_body = json_pack("{s:o, s:s, s:[s], s:b}", "dataId", json_sprintf("%d", inquiry.id),
                              "description", inquiry.name, "accessTypes", "write", "canPersist", 0);
    else
        *ret_body = json_pack("{s:n, s:s}", "dataId", "description",
                              "only fields of tables and globals can be watched");
    return 0;
}

/* ---- setDataBreakpoints ---- */

static void free_all(struct debug *debug)
{
    for (size_t i = 0; i < debug->data_count; i++) {
        free(debug->data[i].condition);
        free(debug->data[i].hit_condition);
    }
    free(debug->data);
    debug->data = NULL;
    debug->data_count = 0;
}

void data_clear(struct debug *debug)
{
    lua_State *L = debug->rt->L;
    free_all(debug);
    if (!L || !lua_checkstack(L, 1))
        return;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &DATA);
}

/* Pushes the entry and the field's value; 0 and nothing if there is no such entry. */
static int push_value(lua_State *L, int id)
{
    push_data(L);
    if (lua_rawgeti(L, -1, id) != LUA_TTABLE) {
        lua_pop(L, 2);
        return 0;
    }
    lua_remove(L, -2);
    lua_rawgeti(L, -1, ENTRY_TABLE);
    lua_rawgeti(L, -2, ENTRY_KEY);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return 1;
}

/* 1 if the value is another one than it was; it is the last one now. */
static int has_changed(lua_State *L, int id)
{
    if (!push_value(L, id))
        return 0;
    lua_rawgeti(L, -2, ENTRY_LAST);
    int changed = !lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    if (changed)
        lua_rawseti(L, -2, ENTRY_LAST);
    else
        lua_pop(L, 1);
    lua_pop(L, 1);
    return changed;
}

static int remember(lua_State *L)
{
    const struct debug *debug = lua_touserdata(L, 1);
    for (size_t i = 0; i < debug->data_count; i++)
        has_changed(L, debug->data[i].data_id);
    return 0;
}

static char *copy(const json_t *object, const char *key)
{
    const char *text = llmspell_string(object, key);
    return text && *text ? strdup(text) : NULL;
}

int32_t data_set(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    const json_t *list = json_object_get(arguments, "breakpoints"), *wanted;
    json_t *reply = json_array();
    size_t i;
    free_all(debug);
    debug->data = calloc(json_array_size(list) + 1, sizeof *debug->data);
    json_array_foreach(list, i, wanted)
    {
        const char *data_id = llmspell_string(wanted, "dataId");
        int id = data_id ? (int)strtol(data_id, NULL, 10) : 0;
        if (id > 0 && debug->data)
            debug->data[debug->data_count++] =
                (struct data_breakpoint){.id = ++debug->next_id,
                                         .data_id = id,
                                         .condition = copy(wanted, "condition"),
                                         .hit_condition = copy(wanted, "hitCondition")};
        json_array_append_new(
            reply,
            id > 0 ? json_pack("{s:i, s:b}", "id", debug->next_id, "verified", 1)
                   : json_pack("{s:b, s:s}", "verified", 0, "message", "there is no such dataId"));
    }
    int32_t code = debug_protect(debug, remember, debug);
    hook_changed(debug);
    if (code < 0)
        json_decref(reply);
    else
        *ret_body = json_pack("{s:o}", "breakpoints", reply);
    return code;
}

/* ---- at a line ---- */

json_t *data_changed(struct debug *debug, lua_State *L)
{
    json_t *hits = NULL;
    if (!lua_checkstack(L, 10))
        return NULL;
    for (size_t i = 0; i < debug->data_count; i++) {
        struct data_breakpoint *breakpoint = &debug->data[i];
        if (!has_changed(L, breakpoint->data_id) ||
            !hit_condition_holds(debug, L, breakpoint->condition))
            continue;
        breakpoint->hits++;
        if (breakpoint->hit_condition &&
            breakpoint_hit_matches(breakpoint->hit_condition, breakpoint->hits) == 0)
            continue;
        if (!hits)
            hits = json_array();
        json_array_append_new(hits, json_integer(breakpoint->id));
    }
    return hits;
}
