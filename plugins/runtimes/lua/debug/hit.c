/* SPDX-License-Identifier: Apache-2.0
 * Whether a breakpoint that is reached stops the code: its condition, its hit condition, its log
 * message. They run in the midst of a hook, on a thread of their own; an error in one of them never
 * reaches the code that is debugged. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "debug.h"

/* ---- hit conditions: "5", ">= 5", "% 3", … ---- */

int breakpoint_hit_matches(const char *condition, uint64_t hits)
{
    char operator[3] = "", *end;
    size_t length = 0;
    condition += strspn(condition, " \t");
    while (strchr("=<>%~!", *condition) && *condition && length < 2)
        operator[length++] = * condition++;
    condition += strspn(condition, " \t");
    if (!isdigit((unsigned char)*condition))
        return -1;
    uint64_t number = strtoull(condition, &end, 10);
    if (end[strspn(end, " \t")])
        return -1;
    if (length == 0 || strcmp(operator, "==") == 0 || strcmp(operator, "=") == 0)
        return hits == number;
    if (strcmp(operator, "%") == 0)
        return number > 0 && hits % number == 0;
    if (strcmp(operator, "~=") == 0 || strcmp(operator, "!=") == 0)
        return hits != number;
    if (*operator== '<')
        return operator[1] == '=' ? hits <= number : operator[1] ? -1 : hits<number;
    if (*operator== '>')
        return operator[1] == '=' ? hits >= number : operator[1] ? -1 : hits> number;
    return -1;
}

/* ---- messages ---- */

static void say(struct debug *debug, lua_State *L, const char *category, const struct text *text)
{
    lua_Debug activation;
    json_t *body = json_pack("{s:s, s:o}", "category", category, "output",
                             text_json(text->data ? text->data : "", text->size));
    if (lua_getstack(L, 0, &activation) && lua_getinfo(L, "Sl", &activation)) {
        const struct script *script = script_of_chunk(debug, activation.source);
        if (script) {
            json_object_set_new(body, "source", script_source(script));
            json_object_set_new(body, "line", json_integer(activation.currentline));
        }
    }
    debug_emit(debug, "output", body);
}

/* The text between braces; behind the closing one. */
static const char *find_brace(const char *at)
{
    int depth = 1;
    for (; *at; at++) {
        depth += *at == '{';
        depth -= *at == '}';
        if (depth == 0)
            return at;
    }
    return NULL;
}

static int to_text(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

static void add_value(struct debug *debug, lua_State *L, const char *expression, struct text *out)
{
    char *message = NULL;
    lua_State *scratch = expression_in_hook(debug, L, expression, &message);
    if (!scratch) {
        text_format(out, "{%s: %s}", expression, message ? message : "not enough memory");
        free(message);
        return;
    }
    lua_pushcfunction(scratch, to_text);
    lua_insert(scratch, -2);
    size_t size = 0;
    int status = lua_pcall(scratch, 1, 1, 0);
    const char *text = lua_tolstring(scratch, -1, &size);
    if (status == LUA_OK && text)
        text_add(out, text, size);
    else
        text_format(out, "{%s: %s}", expression, text ? text : "it cannot be shown");
    lua_settop(scratch, 0);
}

static void log_message(struct debug *debug, lua_State *L, const char *message)
{
    struct text out = {NULL, 0, 0, 0};
    while (*message) {
        const char *end = *message == '{' ? find_brace(message + 1) : NULL;
        if (!end) {
            text_add(&out, message++, 1);
            continue;
        }
        LLMSPELL_CLEANUP_FREE char *expression = strndup(message + 1, (size_t)(end - message) - 1);
        if (expression)
            add_value(debug, L, expression, &out);
        message = end + 1;
    }
    text_puts(&out, "\n");
    say(debug, L, "console", &out);
    text_free(&out);
}

/* ---- conditions ---- */

/* A condition that fails is no reason to miss the place: it stops, and says why. */
int hit_condition_holds(struct debug *debug, lua_State *L, const char *condition)
{
    char *message = NULL;
    if (!condition)
        return 1;
    lua_State *scratch = expression_in_hook(debug, L, condition, &message);
    if (scratch) {
        int holds = lua_toboolean(scratch, -1);
        lua_settop(scratch, 0);
        return holds;
    }
    struct text out = {NULL, 0, 0, 0};
    text_format(&out, "the condition \"%s\" failed: %s\n", condition,
                message ? message : "not enough memory");
    say(debug, L, "important", &out);
    text_free(&out);
    free(message);
    return 1;
}

int breakpoint_counts(struct debug *debug, lua_State *L, struct breakpoint *breakpoint)
{
    if (debug->quiet || !hit_condition_holds(debug, L, breakpoint->condition))
        return 0;
    breakpoint->hits++;
    if (breakpoint->hit_condition &&
        breakpoint_hit_matches(breakpoint->hit_condition, breakpoint->hits) == 0)
        return 0;
    if (!breakpoint->log_message)
        return 1;
    log_message(debug, L, breakpoint->log_message);
    return 0;
}

json_t *breakpoint_hit(struct debug *debug, lua_State *L, struct script *script, int line)
{
    json_t *hits = NULL;
    for (size_t i = 0; i < script->lines.count; i++) {
        struct breakpoint *breakpoint = &script->lines.items[i];
        if (breakpoint->line != line || !breakpoint_counts(debug, L, breakpoint))
            continue;
        if (!hits)
            hits = json_array();
        json_array_append_new(hits, json_integer(breakpoint->id));
    }
    return hits;
}
