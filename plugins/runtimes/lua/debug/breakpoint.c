/* SPDX-License-Identifier: Apache-2.0
 * Breakpoints of lines and of functions: where they stand. A line without code moves to the next
 * one with code. They are verified as soon as the text is known and compiles; one in a text that is
 * not known yet is looked at again when that is loaded. Whether one stops is hit.c's. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

static void clear_one(struct breakpoint *breakpoint)
{
    free(breakpoint->name);
    free(breakpoint->condition);
    free(breakpoint->hit_condition);
    free(breakpoint->log_message);
}

void breakpoint_clear(struct breakpoints *set)
{
    for (size_t i = 0; i < set->count; i++)
        clear_one(&set->items[i]);
    free(set->items);
    *set = (struct breakpoints){NULL, 0};
}

static char *copy(const json_t *object, const char *key)
{
    const char *text = llmspell_string(object, key);
    return text && *text ? strdup(text) : NULL;
}

static int is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static int is_same(const struct breakpoint *a, const struct breakpoint *b)
{
    return a->wanted == b->wanted && is_same_text(a->name, b->name) &&
           is_same_text(a->condition, b->condition) &&
           is_same_text(a->hit_condition, b->hit_condition) &&
           is_same_text(a->log_message, b->log_message);
}

/* One that was there before keeps its number and its count. */
static void take_over(struct debug *debug, struct breakpoint *breakpoint,
                      const struct breakpoints *before)
{
    for (size_t i = 0; i < before->count; i++)
        if (before->items[i].id && is_same(breakpoint, &before->items[i])) {
            breakpoint->id = before->items[i].id;
            breakpoint->hits = before->items[i].hits;
            before->items[i].id = 0; /* two on one line */
            return;
        }
    breakpoint->id = ++debug->next_id;
}

/* Replaces a set by what a client sends. -1: out of memory. */
static int replace(struct debug *debug, struct breakpoints *set, const json_t *list)
{
    struct breakpoints fresh = {calloc(json_array_size(list) + 1, sizeof *fresh.items),
                                json_array_size(list)};
    if (!fresh.items)
        return -1;
    for (size_t i = 0; i < fresh.count; i++) {
        const json_t *wanted = json_array_get(list, i);
        struct breakpoint *breakpoint = &fresh.items[i];
        json_int_t line = llmspell_integer(wanted, "line", 0);
        breakpoint->wanted = line > 0 && line < INT32_MAX ? (int)line : 0;
        breakpoint->name = copy(wanted, "name");
        breakpoint->condition = copy(wanted, "condition");
        breakpoint->hit_condition = copy(wanted, "hitCondition");
        breakpoint->log_message = copy(wanted, "logMessage");
        take_over(debug, breakpoint, set);
    }
    breakpoint_clear(set);
    *set = fresh;
    return 0;
}

/* ---- lines ---- */

static void mark_lines(struct script *script)
{
    int last = 0;
    for (size_t i = 0; i < script->lines.count; i++)
        last = script->lines.items[i].line > last ? script->lines.items[i].line : last;
    free(script->marks);
    script->marks = last ? calloc(1, (size_t)last / 8 + 1) : NULL;
    script->mark_end = script->marks ? last + 1 : 0;
    for (size_t i = 0; script->marks && i < script->lines.count; i++) {
        int line = script->lines.items[i].line;
        if (line > 0)
            script->marks[line / 8] |= (unsigned char)(1 << line % 8);
    }
}

static void place(struct breakpoint *breakpoint, const struct line_set *set, const char *fault)
{
    breakpoint->line = set->bits ? lines_next(set, breakpoint->wanted) : 0;
    breakpoint->is_verified = breakpoint->line > 0;
    breakpoint->message = fault;
    if (!fault && !breakpoint->line)
        breakpoint->message = "there is no code at this line or below it";
    if (breakpoint->hit_condition && breakpoint_hit_matches(breakpoint->hit_condition, 1) < 0)
        breakpoint->message =
            "a hit condition is a number, perhaps behind one of == ~= < <= > >= %";
}

struct placing {
    struct debug *debug;
    struct script *script;
    struct line_set set;
    char *own;    /* the text, if it was read for this */
    int is_known; /* the text */
};

static int read_lines(lua_State *L)
{
    struct placing *placing = lua_touserdata(L, 1);
    struct code code;
    placing->is_known = script_text(placing->script, &code, &placing->own);
    if (placing->is_known)
        lines_of_text(L, code, &placing->set);
    return 0;
}

/* An interrupt may end it anywhere, even when the set is complete: the caller frees what is in it,
 * also after an error. */
static int32_t find_lines(struct placing *placing)
{
    int32_t code = debug_protect(placing->debug, read_lines, placing);
    free(placing->own);
    placing->own = NULL;
    return code;
}

static void place_all(struct placing *placing)
{
    struct script *script = placing->script;
    const char *fault = NULL;
    if (!placing->is_known)
        fault = "no code of this file is loaded, and it cannot be read";
    else if (!placing->set.bits)
        fault = "the text does not compile";
    for (size_t i = 0; i < script->lines.count; i++)
        place(&script->lines.items[i], &placing->set, fault);
    mark_lines(script);
}

static json_t *describe(const struct breakpoint *breakpoint, const struct script *script)
{
    json_t *body =
        json_pack("{s:i, s:b}", "id", breakpoint->id, "verified", breakpoint->is_verified);
    if (script) {
        json_object_set_new(body, "source", script_source(script));
        json_object_set_new(body, "line",
                            json_integer(breakpoint->line ? breakpoint->line : breakpoint->wanted));
    }
    if (breakpoint->message)
        json_object_set_new(body, "message", json_string(breakpoint->message));
    return body;
}

static json_t *describe_all(const struct breakpoints *set, const struct script *script)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->count; i++)
        json_array_append_new(list, describe(&set->items[i], script));
    return json_pack("{s:o}", "breakpoints", list);
}

/* The text has come: tells of those that changed. It may run in the midst of a hook. */
void breakpoint_resolve(struct debug *debug, struct script *script)
{
    struct placing placing = {.debug = debug, .script = script};
    if (script->lines.count == 0)
        return;
    struct breakpoint *before = malloc(script->lines.count * sizeof *before);
    if (!before)
        return;
    memcpy(before, script->lines.items, script->lines.count * sizeof *before);
    if (find_lines(&placing) == 0)
        place_all(&placing);
    free(placing.set.bits);
    for (size_t i = 0; i < script->lines.count; i++) {
        const struct breakpoint *now = &script->lines.items[i];
        if (now->is_verified != before[i].is_verified || now->line != before[i].line)
            debug_emit(
                debug, "breakpoint",
                json_pack("{s:s, s:o}", "reason", "changed", "breakpoint", describe(now, script)));
    }
    free(before);
}

int32_t breakpoint_set_lines(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    const json_t *source = json_object_get(arguments, "source");
    struct placing placing = {.debug = debug, .script = script_of_source(debug, source)};
    struct script *script = placing.script;
    if (!script)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/source",
                                "setBreakpoints needs a source with path, an absolute file name, "
                                "or with a sourceReference that there is");
    debug->line_count -= script->lines.count;
    int failed = replace(debug, &script->lines, json_object_get(arguments, "breakpoints"));
    debug->line_count += script->lines.count;
    if (failed)
        return llmspell_fail(debug->rt->call, LLMSPELL_ENOMEM, "out of memory");
    int32_t code = find_lines(&placing);
    place_all(&placing);
    free(placing.set.bits);
    hook_changed(debug);
    if (code == 0)
        *ret_body = describe_all(&script->lines, script);
    return code;
}

int32_t breakpoint_locations(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    const json_t *source = json_object_get(arguments, "source");
    struct placing placing = {.debug = debug, .script = script_of_source(debug, source)};
    json_int_t first = llmspell_integer(arguments, "line", 1);
    json_int_t last = llmspell_integer(arguments, "endLine", first);
    if (!placing.script)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/source",
                                "breakpointLocations needs a source with path or sourceReference");
    int32_t code = find_lines(&placing);
    if (code < 0) {
        free(placing.set.bits);
        return code;
    }
    json_t *list = json_array();
    for (json_int_t line = first < 1 ? 1 : first; line <= last && line < placing.set.end; line++)
        if (lines_has(placing.set.bits, placing.set.end, (int)line))
            json_array_append_new(list, json_pack("{s:I}", "line", line));
    free(placing.set.bits);
    *ret_body = json_pack("{s:o}", "breakpoints", list);
    return 0;
}

/* ---- functions ---- */

/* "f" fits f, M.f and M:f; "M.f" fits M:f, too. */
static int fits(const char *wanted, const char *name)
{
    size_t wanted_size = strlen(wanted), size = strlen(name);
    if (size < wanted_size)
        return 0;
    const char *tail = name + size - wanted_size;
    if (tail > name && tail[-1] != '.' && tail[-1] != ':')
        return 0;
    for (size_t i = 0; i < wanted_size; i++)
        if (wanted[i] != tail[i] && !(strchr(".:", wanted[i]) && strchr(".:", tail[i])))
            return 0;
    return 1;
}

struct breakpoint *breakpoint_of_function(struct debug *debug, lua_State *L, lua_Debug *about,
                                          struct script *script)
{
    const char *name = script ? script_function(script, about->linedefined) : NULL;
    if (!name && !(script && script->has_functions && script->function_count > 0)) {
        lua_getinfo(L, "n", about); /* the text is not known: what the caller calls it */
        name = about->name;
    }
    for (size_t i = 0; name && i < debug->functions.count; i++) {
        struct breakpoint *breakpoint = &debug->functions.items[i];
        if (!breakpoint->name || !fits(breakpoint->name, name))
            continue;
        if (!breakpoint->is_verified)
            debug_emit(debug, "breakpoint",
                       json_pack("{s:s, s:{s:i, s:b}}", "reason", "changed", "breakpoint", "id",
                                 breakpoint->id, "verified", 1));
        breakpoint->is_verified = 1;
        breakpoint->message = NULL;
        return breakpoint;
    }
    return NULL;
}

/* Is a function of that name defined in a script that is loaded? */
static int is_defined(const struct debug *debug, const char *wanted)
{
    for (struct script *script = debug->scripts; script; script = script->next) {
        if (!script->is_loaded)
            continue;
        script_function(script, 0); /* reads them */
        for (size_t i = 0; i < script->function_count; i++)
            if (fits(wanted, script->functions[i].name))
                return 1;
    }
    return 0;
}

int32_t breakpoint_set_functions(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    if (replace(debug, &debug->functions, json_object_get(arguments, "breakpoints")) < 0)
        return llmspell_fail(debug->rt->call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; i < debug->functions.count; i++) {
        struct breakpoint *breakpoint = &debug->functions.items[i];
        breakpoint->is_verified = breakpoint->name && is_defined(debug, breakpoint->name);
        if (!breakpoint->is_verified)
            breakpoint->message = "no Lua function of that name is known yet";
    }
    hook_changed(debug);
    *ret_body = describe_all(&debug->functions, NULL);
    return 0;
}

void breakpoint_clear_all(struct debug *debug)
{
    for (struct script *script = debug->scripts; script; script = script->next) {
        breakpoint_clear(&script->lines);
        mark_lines(script);
    }
    breakpoint_clear(&debug->functions);
    debug->line_count = 0;
    debug->entry = NULL;
    debug->entry_breakpoint = NULL;
}
