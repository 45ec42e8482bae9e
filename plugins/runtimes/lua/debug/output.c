/* SPDX-License-Identifier: Apache-2.0
 * What a script writes, for a debugger that asked for it (attach with output): each text is an
 * event with the line that wrote it, and the values that were printed. The stream event that other
 * clients see goes out as well, marked so that the debugger's protocol does not send it twice. */
#include <string.h>

#include "debug.h"

static void send_stream(struct runtime *rt, const char *name, const char *text, size_t size)
{
    json_t *content = json_pack("{s:s, s:o}", "name", name, "text", text_json(text, size));
    rt->executor->emit_buffers(rt->call, "stream", content, json_pack("{s:b}", "debug", 1), NULL,
                               0);
}

static void add_place(struct debug *debug, json_t *body)
{
    lua_State *L = debug->rt->interrupt.current;
    struct frame_at at;
    if (!L || !frame_top(debug, L, &at))
        return;
    lua_getinfo(L, "l", &at.activation);
    const struct script *script = script_of_chunk(debug, at.activation.source);
    if (!script || at.activation.currentline <= 0)
        return;
    json_object_set_new(body, "source", script_source(script));
    json_object_set_new(body, "line", json_integer(at.activation.currentline));
}

int trace_write(struct runtime *rt, int32_t stream, const char *text, size_t size)
{
    struct debug *debug = rt->debug;
    const char *name = stream == LLMSPELL_STDOUT ? "stdout" : "stderr";
    if (debug->mute || !debug->options.output)
        return debug->mute;
    json_t *body = json_pack("{s:s, s:o}", "category", name, "output", text_json(text, size));
    add_place(debug, body);
    if (debug->printed)
        json_object_set_new(body, "variablesReference", json_integer(debug->printed));
    debug->printed = 0;
    send_stream(rt, name, text, size);
    rt->executor->emit(rt->call, "debug_event",
                       json_pack("{s:I, s:s, s:s, s:o}", "seq", ++debug->seq, "type", "event",
                                 "event", "output", "body", body));
    return 1;
}

void trace_print(lua_State *L, int count)
{
    struct debug *debug = runtime_of(L)->debug;
    int has_inside = 0;
    for (int i = 1; i <= count && !has_inside; i++)
        has_inside = lua_istable(L, i) || lua_isfunction(L, i) || lua_isuserdata(L, i);
    if (!has_inside || debug->mute || !debug->options.output)
        return;
    lua_createtable(L, count, 0);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    debug->printed = handle_keep(debug, L, -1);
    lua_pop(L, 1);
}
