/* SPDX-License-Identifier: Apache-2.0
 * completions: what complete_request offers, with the names that a frame sees in front of the
 * globals. */
#include <string.h>

#include "debug.h"

static const char NAMES = 0; /* its address is the key of the table of names */

int trace_push_names(lua_State *L)
{
    return lua_rawgetp(L, LUA_REGISTRYINDEX, &NAMES) == LUA_TTABLE;
}

struct naming {
    struct frame_at at;
    int has_frame;
};

static int set_names(lua_State *L)
{
    struct naming *naming = lua_touserdata(L, 1);
    if (naming->has_frame)
        names_push_all(L, &naming->at);
    else
        lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &NAMES);
    return 0;
}

static const char *type_of(const json_t *entry)
{
    static const struct {
        const char *ours, *dap;
    } TYPES[] = {{"function", "function"}, {"keyword", "keyword"},   {"module", "module"},
                 {"class", "class"},       {"property", "property"}, {"instance", "variable"}};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (llmspell_is(entry, "type", TYPES[i].ours))
            return TYPES[i].dap;
    return "text";
}

/* Where line number n (from 1) begins, in code points. */
static json_int_t line_start(const char *text, json_int_t n)
{
    json_int_t start = 0;
    for (; *text && n > 1; text++) {
        n -= *text == '\n';
        start += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return start;
}

static json_t *make_targets(const json_t *reply, json_int_t first)
{
    json_t *targets = json_array();
    const json_t *entry;
    size_t i;
    json_array_foreach(
        json_object_get(json_object_get(reply, "metadata"), "_jupyter_types_experimental"), i,
        entry)
    {
        json_int_t start = llmspell_integer(entry, "start", 0);
        json_int_t end = llmspell_integer(entry, "end", start);
        json_t *target =
            json_pack("{s:O, s:s, s:I, s:I}", "label", json_object_get(entry, "text"), "type",
                      type_of(entry), "start", start - first + 1, "length", end - start);
        json_t *signature = json_object_get(entry, "signature");
        if (signature)
            json_object_set(target, "detail", signature);
        json_array_append_new(targets, target);
    }
    return json_pack("{s:o}", "targets", targets);
}

int32_t completion_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct runtime *rt = debug->rt;
    struct naming naming = {.has_frame = 0};
    const char *text = llmspell_string(arguments, "text");
    if (!text)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/arguments/text",
                                "completions needs text and column");
    int32_t code = frame_argument(debug, arguments, "frameId", &naming.at, &naming.has_frame);
    if (code == 0)
        code = debug_protect(debug, set_names, &naming);
    if (code < 0)
        return code;
    json_int_t first = line_start(text, llmspell_integer(arguments, "line", 1));
    json_int_t column = llmspell_integer(arguments, "column", 1);
    LLMSPELL_CLEANUP_JSON json_t *content =
        json_pack("{s:s, s:I}", "code", text, "cursor_pos", first + (column > 0 ? column - 1 : 0));
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    code = complete_request(rt, content, &reply);
    naming.has_frame = 0;
    debug_protect(debug, set_names, &naming);
    if (code == 0)
        *ret_body = make_targets(reply, first);
    return code;
}
