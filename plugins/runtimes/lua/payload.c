/* SPDX-License-Identifier: Apache-2.0
 * The globals page and set_next_input: what a cell asks of its front end in execute_reply's
 * `payload`. As in IPython the last of each kind counts, so that a loop cannot fill memory. */
#include <string.h>

#include "display.h"

/* Takes item over. */
static void put(struct runtime *rt, const char *source, json_t *item)
{
    json_t *list = rt->shown->payload ? rt->shown->payload : json_array();
    rt->shown->payload = list;
    for (size_t i = json_array_size(list); i-- > 0;)
        if (llmspell_is(json_array_get(list, i), "source", source))
            json_array_remove(list, i);
    if (!item || json_array_append_new(list, item) < 0)
        rt->host->log(rt->ctx, LLMSPELL_LOG_WARN, "a payload could not be kept: out of memory");
}

/* Only a cell that is shown has a reply that a front end looks at. */
static int is_wanted(const struct runtime *rt)
{
    return rt->shown && !rt->shown->silent;
}

/* page(value [, start]): shows it in the pager, from line start on */
static int page(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    luaL_checkany(L, 1);
    lua_Integer start = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, start >= 0, 2, "the line to start at is 0 or more");
    if (!is_wanted(rt))
        return 0;
    json_t *bundle = bundle_is(L, 1) ? bundle_raw(L, 1) : bundle_values(L, 1, 1);
    put(rt, "page",
        json_pack("{s:s, s:O, s:I}", "source", "page", "data", json_object_get(bundle, "data"),
                  "start", (json_int_t)start));
    json_decref(bundle);
    return 0;
}

/* set_next_input(text [, replace]): makes a cell of text, or replaces the one that runs */
static int set_next_input(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    size_t size = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    int replace = lua_toboolean(L, 2);
    if (!is_wanted(rt))
        return 0;
    put(rt, "set_next_input",
        json_pack("{s:s, s:o, s:b}", "source", "set_next_input", "text", text_json(text, size),
                  "replace", replace));
    return 0;
}

void payload_open(lua_State *L)
{
    lua_register(L, "page", page);
    lua_register(L, "set_next_input", set_next_input);
}
