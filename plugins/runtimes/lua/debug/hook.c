/* SPDX-License-Identifier: Apache-2.0
 * The hook. No thread has one while there is no breakpoint and no step. With breakpoints: the call
 * hook; the return hook only while a function that holds a breakpoint is on the stack; the line
 * hook only while such a function runs, or one that is stepped through. lua_sethook walks all
 * frames of a thread, so the mask is written in place; where the layout of Lua's structs is not
 * what we know, all three hooks stay on instead. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

enum { ALL = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE };

static const char UNKNOWN = 0; /* its address: a base that has to be found */

static void on_any_event(struct debug *debug, lua_State *L, lua_Debug *activation)
    __attribute__((noinline));

const void *hook_unknown(void)
{
    return &UNKNOWN;
}

int hook_is_own(lua_State *L)
{
    return lua_gethook(L) == hook_event;
}

/* ---- which functions hold a breakpoint ---- */

static int table_has(lua_State *L, int line)
{
    int has = lua_rawgeti(L, -1, line) == LUA_TBOOLEAN;
    lua_pop(L, 1);
    return has;
}

/* Does the function have code at a line with a breakpoint? */
static int has_lines(lua_State *L, lua_Debug *about, const struct script *script)
{
    int has = 0;
    lua_getinfo(L, "L", about);
    for (size_t i = 0; lua_istable(L, -1) && i < script->lines.count && !has; i++)
        has = table_has(L, script->lines.items[i].line);
    lua_pop(L, 1);
    return has;
}

static void fill(struct debug *debug, lua_State *L, const void *frame, struct slot *slot)
{
    struct runtime *rt = debug->rt;
    lua_Debug about = {.i_ci = (struct CallInfo *)(uintptr_t)frame};
    size_t reserve = rt->memory_reserve;
    rt->memory_reserve = RUNTIME_RESERVE;
    lua_getinfo(L, "S", &about);
    slot->is_internal = (unsigned char)script_is_internal(about.source);
    if (!slot->is_internal && *about.what != 'C') {
        slot->script = script_find(debug, about.source);
        if (slot->script && !slot->script->is_loaded)
            script_loaded(debug, slot->script);
        if (slot->script && slot->script->lines.count > 0)
            slot->has_lines = (unsigned char)has_lines(L, &about, slot->script);
        if (debug->functions.count > 0)
            slot->entry = breakpoint_of_function(debug, L, &about, slot->script);
    }
    rt->memory_reserve = reserve;
}

static void forget_slots(struct debug *debug)
{
    memset(debug->slots, 0, sizeof debug->slots);
    debug->slots_protos = debug->rt->protos;
}

/* What is known of the frame's function; NULL of a C function. */
static struct slot *slot_of(struct debug *debug, lua_State *L, const void *frame)
{
    const void *function;
    int line = 0;
    if (debug->layout.is_known) {
        function = layout_function(frame);
    } else {
        lua_Debug about = {.i_ci = (struct CallInfo *)(uintptr_t)frame};
        lua_getinfo(L, "S", &about);
        function = *about.what == 'C' ? NULL : about.source; /* with the line, that is unique */
        line = about.linedefined;
    }
    if (!function)
        return NULL;
    if (debug->slots_protos != debug->rt->protos)
        forget_slots(debug); /* a new prototype may have the address of an old one */
    struct slot *slot =
        &debug->slots[(((uintptr_t)function >> 4) + (unsigned)line) & (DEBUG_SLOTS - 1)];
    if (slot->function == function && slot->line == line)
        return slot;
    *slot = (struct slot){.function = function, .line = line};
    fill(debug, L, frame, slot);
    slot->is_plain = !slot->has_lines && !slot->entry;
    return slot;
}

/* ---- which hooks are on ---- */

static int wants_lines(struct debug *debug, lua_State *L, const void *frame)
{
    if (debug->data_count > 0 || step_is_wanted(debug, L, frame))
        return 1;
    const struct slot *slot = slot_of(debug, L, frame);
    return slot && (slot->has_lines || slot->entry);
}

static int mask_for(const struct debug *debug, lua_State *L, int lines)
{
    if (!debug->layout.is_known)
        return ALL;
    int returns = debug->base || lines || debug->step.any || debug->step.L == L;
    return LUA_MASKCALL | (returns ? LUA_MASKRET : 0) | (lines ? LUA_MASKLINE : 0);
}

/* An interrupt may come at any time, and sets a hook of its own: it must not be overwritten. */
static void set_mask(struct debug *debug, lua_State *L, int mask)
{
    const struct chain *chain = debug->chain_count > 0 ? chain_of(debug, L) : NULL;
    if (!debug->layout.is_known)
        return;
    mask |= chain ? chain->mask : 0;
    volatile int *place = layout_mask(&debug->layout, L);
    if (*place == mask)
        return;
    *place = mask;
    atomic_signal_fence(memory_order_seq_cst);
    interrupt_recheck(debug->rt, L);
}

void hook_begin_thread(struct debug *debug, lua_State *L)
{
    debug->base_L = L;
    debug->is_simple = debug->layout.is_known && debug->everywhere && !debug->step.any &&
                       debug->step.L != L && debug->data_count == 0 && debug->chain_count == 0;
}

/* Finds the outermost frame with a breakpoint. */
static void settle(struct debug *debug, lua_State *L, const void *frame)
{
    hook_begin_thread(debug, L);
    debug->base = NULL;
    if (!debug->layout.is_known)
        return;
    for (; layout_previous(frame); frame = layout_previous(frame)) {
        const struct slot *slot = slot_of(debug, L, frame);
        if (slot && (slot->has_lines || slot->entry))
            debug->base = frame;
    }
}

int hook_is_wanted(const struct debug *debug, lua_State *L)
{
    return debug->quiet == 0 && (debug->everywhere || debug->step.any || debug->step.L == L);
}

void hook_put_back(struct debug *debug, lua_State *L, int mask)
{
    const struct chain *chain = debug->chain_count > 0 ? chain_of(debug, L) : NULL;
    lua_sethook(L, hook_event, chain ? mask | chain->mask : mask, chain ? chain->count : 0);
    interrupt_recheck(debug->rt, L);
}

void hook_install(struct debug *debug, lua_State *L)
{
    if (!hook_is_own(L)) {
        thread_known(L, L);
        if (lua_gethook(L) && chain_keep(debug, L) < 0)
            return; /* without memory the script's own goes on alone */
    }
    debug->base_L = L;
    debug->base = &UNKNOWN;
    hook_put_back(debug, L, ALL);
}

void hook_uninstall(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    if (!hook_is_own(L))
        return;
    if (rt->debugger)
        chain_restore(rt->debugger, L);
    interrupt_recheck(rt, L);
}

void hook_remove_all(struct debug *debug, lua_State *L)
{
    thread_each(debug, L, hook_uninstall);
}

void hook_changed(struct debug *debug)
{
    debug->epoch++;
    debug->everywhere = debug->line_count || debug->functions.count || debug->data_count;
    debug->base = &UNKNOWN;
    debug->entry = NULL;
    debug->has_changed = 1; /* what runs gets its hook when it goes on */
    forget_slots(debug);
}

/* ---- events ---- */

void hook_stop(struct debug *debug, lua_State *L, const char *reason, json_t *hits)
{
    struct stop_reason why = {.reason = reason, .hits = hits};
    stop_here(debug, L, &why);
}

static void on_line(struct debug *debug, lua_State *L, lua_Debug *activation)
{
    const void *frame = activation->i_ci;
    struct slot *slot = slot_of(debug, L, frame);
    int line = activation->currentline;
    json_t *hits = NULL;
    if (!slot || slot->is_internal)
        return;
    if (debug->data_count > 0 && (hits = data_changed(debug, L))) {
        hook_stop(debug, L, "data breakpoint", hits);
        return;
    }
    if (debug->entry == frame) {
        debug->entry = NULL;
        if (breakpoint_counts(debug, L, debug->entry_breakpoint)) {
            hook_stop(debug, L, "function breakpoint",
                      json_pack("[i]", debug->entry_breakpoint->id));
            return;
        }
    }
    if (slot->has_lines && lines_has(slot->script->marks, slot->script->mark_end, line) &&
        (hits = breakpoint_hit(debug, L, slot->script, line)))
        hook_stop(debug, L, "breakpoint", hits);
    else if (step_reached(debug, L, activation))
        hook_stop(debug, L, debug->step.reason, NULL);
}

static void on_call(struct debug *debug, lua_State *L, lua_Debug *activation)
{
    const void *frame = activation->i_ci;
    if (debug->step.L == L && !debug->step.any)
        step_call(debug, L, activation);
    if (frame == debug->base && activation->event == LUA_HOOKCALL)
        debug->base = NULL; /* it was left by an error */
    struct slot *slot = slot_of(debug, L, frame);
    if (slot && slot->entry) {
        debug->entry = frame;
        debug->entry_breakpoint = slot->entry;
    }
    if (slot && (slot->has_lines || slot->entry) && !debug->base)
        debug->base = frame;
    set_mask(debug, L, mask_for(debug, L, wants_lines(debug, L, frame)));
}

static void on_return(struct debug *debug, lua_State *L, const lua_Debug *activation)
{
    const void *frame = activation->i_ci;
    if (debug->step.L == L && !debug->step.any)
        step_return(debug, L, activation);
    if (frame == debug->entry)
        debug->entry = NULL;
    if (frame == debug->base)
        debug->base = NULL;
    if (!debug->layout.is_known)
        return;
    const void *caller = layout_previous(frame);
    int lines = caller && layout_previous(caller) && wants_lines(debug, L, caller);
    set_mask(debug, L, mask_for(debug, L, lines));
    if (lines) {
        layout_trap(frame);
        layout_trap(caller);
    }
}

/* In a function with a breakpoint: a line without one. */
static int is_plain_line(const struct debug *debug, const lua_Debug *activation)
{
    const void *function = layout_function(activation->i_ci);
    const struct slot *slot = &debug->slots[(uintptr_t)function >> 4 & (DEBUG_SLOTS - 1)];
    return slot->function == function && !debug->entry &&
           debug->slots_protos == debug->rt->protos && slot->has_lines &&
           !lines_has(slot->script->marks, slot->script->mark_end, activation->currentline);
}

/* Most of all events: no line is wanted, and none of the function that runs from here on. */
static inline int changes_nothing(const struct debug *debug, lua_State *L,
                                  const lua_Debug *activation)
{
    if (!debug || debug->base_L != L || debug->base == &UNKNOWN || !debug->is_simple)
        return 0;
    if (activation->event == LUA_HOOKLINE)
        return is_plain_line(debug, activation);
    int mask = debug->base ? LUA_MASKCALL | LUA_MASKRET : LUA_MASKCALL;
    const void *frame = activation->i_ci;
    if (*layout_mask(&debug->layout, L) != mask || frame == debug->base)
        return 0;
    if (activation->event == LUA_HOOKRET)
        frame = layout_previous(frame);
    const void *function = layout_function(frame);
    const struct slot *slot = &debug->slots[(uintptr_t)function >> 4 & (DEBUG_SLOTS - 1)];
    return !function || (slot->function == function && slot->is_plain &&
                         debug->slots_protos == debug->rt->protos);
}

void hook_event(lua_State *L, lua_Debug *activation)
{
    struct debug *debug = runtime_of(L)->debug;
    if (__builtin_expect(changes_nothing(debug, L, activation), 1))
        return;
    on_any_event(debug, L, activation);
}

static void on_any_event(struct debug *debug, lua_State *L, lua_Debug *activation)
{
    if (!debug || !hook_is_wanted(debug, L)) {
        hook_uninstall(L);
        return;
    }
    if ((debug->chain_count > 0 && !chain_call(debug, L, activation)) ||
        activation->event == LUA_HOOKCOUNT)
        return;
    int is_line = activation->event == LUA_HOOKLINE;
    if (debug->base_L != L || debug->base == &UNKNOWN) {
        settle(debug, L, activation->i_ci);
        if (is_line)
            set_mask(debug, L, mask_for(debug, L, wants_lines(debug, L, activation->i_ci)));
    }
    if (is_line)
        on_line(debug, L, activation);
    else if (activation->event == LUA_HOOKRET)
        on_return(debug, L, activation);
    else
        on_call(debug, L, activation);
}
