/* SPDX-License-Identifier: Apache-2.0 AND MIT
 * string.find, match, gmatch, gsub, rep, lower, upper and reverse: what Lua's own do (lstrlib.c,
 * whose licence stands in pattern.c), with a look at the interrupt in each loop. Methods of strings
 * go through the same table. Called by state.c. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "pattern.h"
#include "state.h"

#define SPECIALS "^$*+?.([%-"

/* A relative start position, as bytes from 1 on. */
static size_t start_position(lua_Integer position, size_t size)
{
    if (position > 0)
        return (size_t)position;
    if (position == 0 || position < -(lua_Integer)size)
        return 1;
    return size + (size_t)position + 1;
}

/* ---- find and match ---- */

static const char *find_plain(lua_State *L, const char *text, size_t size, struct span what)
{
    size_t rest = (size_t)(what.end - what.start);
    if (rest == 0)
        return text;
    if (rest > size)
        return NULL;
    rest--;
    size -= rest; /* it cannot begin after that */
    while (size > 0) {
        interrupt_look(L);
        size_t slice = size < RUNTIME_SLICE ? size : RUNTIME_SLICE;
        const char *found = memchr(text, *what.start, slice);
        if (found && memcmp(found + 1, what.start + 1, rest) == 0)
            return found;
        size_t passed = found ? (size_t)(found - text) + 1 : slice;
        text += passed;
        size -= passed;
    }
    return NULL;
}

static int is_plain(const char *pattern, size_t size)
{
    for (size_t at = 0; at <= size; at += strlen(pattern + at) + 1) /* there may be NULs */
        if (strpbrk(pattern + at, SPECIALS))
            return 0;
    return 1;
}

static int match_from(lua_State *L, const char *s, struct span subject, struct span pattern,
                      int find)
{
    struct pattern m;
    const char *p = pattern.start;
    int anchored = *p == '^';
    pattern_init(&m, L, subject, pattern.end);
    p += anchored;
    do {
        pattern_again(&m, s);
        const char *end = pattern_match(&m, s, p);
        if (!end)
            continue;
        if (!find)
            return pattern_push_captures(&m, (struct span){s, end});
        lua_pushinteger(L, (s - subject.start) + 1);
        lua_pushinteger(L, end - subject.start);
        return pattern_push_captures(&m, (struct span){NULL, NULL}) + 2;
    } while (s++ < subject.end && !anchored);
    luaL_pushfail(L);
    return 1;
}

static int find_or_match(lua_State *L, int find)
{
    size_t size, pattern_size;
    const char *s = luaL_checklstring(L, 1, &size);
    const char *p = luaL_checklstring(L, 2, &pattern_size);
    struct span subject = {s, s + size}, pattern = {p, p + pattern_size};
    size_t start = start_position(luaL_optinteger(L, 3, 1), size) - 1;
    if (start > size) {
        luaL_pushfail(L);
        return 1;
    }
    if (!find || !(lua_toboolean(L, 4) || is_plain(p, pattern_size)))
        return match_from(L, s + start, subject, pattern, find);
    const char *found = find_plain(L, s + start, size - start, pattern);
    if (!found) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, (found - s) + 1);
    lua_pushinteger(L, (found - s) + (lua_Integer)pattern_size);
    return 2;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, 1);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, 0);
}

/* ---- gmatch ---- */

struct gmatch {
    const char *at, *pattern;
    const char *last; /* end of the last match */
    struct pattern m;
};

/* Upvalues: subject, pattern (kept alive), struct gmatch. */
static int gmatch_next(lua_State *L)
{
    struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
    g->m.L = L;
    for (const char *s = g->at; s <= g->m.subject_end; s++) {
        pattern_again(&g->m, s);
        const char *end = pattern_match(&g->m, s, g->pattern);
        if (end && end != g->last) {
            g->at = g->last = end;
            return pattern_push_captures(&g->m, (struct span){s, end});
        }
    }
    return 0;
}

static int string_gmatch(lua_State *L)
{
    size_t size, pattern_size;
    const char *s = luaL_checklstring(L, 1, &size);
    const char *p = luaL_checklstring(L, 2, &pattern_size);
    size_t start = start_position(luaL_optinteger(L, 3, 1), size) - 1;
    lua_settop(L, 2);
    struct gmatch *g = lua_newuserdatauv(L, sizeof *g, 0);
    pattern_init(&g->m, L, (struct span){s, s + size}, p + pattern_size);
    g->at = s + (start > size ? size + 1 : start);
    g->pattern = p;
    g->last = NULL;
    lua_pushcclosure(L, gmatch_next, 3);
    return 1;
}

/* ---- gsub ---- */

static void add_escaped(struct pattern *m, luaL_Buffer *out, char c, struct span match)
{
    const char *text;
    if (c == PATTERN_ESCAPE) {
        luaL_addchar(out, c);
    } else if (c == '0') {
        luaL_addlstring(out, match.start, (size_t)(match.end - match.start));
    } else if (isdigit((unsigned char)c)) {
        ptrdiff_t size = pattern_capture(m, c - '1', match, &text);
        if (size == PATTERN_POSITION)
            luaL_addvalue(out);
        else
            luaL_addlstring(out, text, (size_t)size);
    } else {
        luaL_error(m->L, "invalid use of '%c' in replacement string", PATTERN_ESCAPE);
    }
}

static void add_string(struct pattern *m, luaL_Buffer *out, struct span match)
{
    size_t left;
    const char *text = lua_tolstring(m->L, 3, &left), *escape;
    while ((escape = memchr(text, PATTERN_ESCAPE, left))) {
        luaL_addlstring(out, text, (size_t)(escape - text));
        add_escaped(m, out, escape[1], match);
        left -= (size_t)(escape + 2 - text);
        text = escape + 2;
    }
    luaL_addlstring(out, text, left);
}

/* Adds what replaces the match; false if a function or table left it as it is. */
static int add_value(struct pattern *m, luaL_Buffer *out, struct span match, int type)
{
    lua_State *L = m->L;
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, pattern_push_captures(m, match), 1);
    } else if (type == LUA_TTABLE) {
        pattern_push_capture(m, 0, match);
        lua_gettable(L, 3);
    } else {
        add_string(m, out, match);
        return 1;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, match.start, (size_t)(match.end - match.start));
        return 0;
    }
    if (!lua_isstring(L, -1))
        return luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return 1;
}

static int string_gsub(lua_State *L)
{
    size_t size, pattern_size;
    const char *s = luaL_checklstring(L, 1, &size), *end = s + size, *last = NULL;
    const char *p = luaL_checklstring(L, 2, &pattern_size), *p_end = p + pattern_size;
    int type = lua_type(L, 3), anchored = *p == '^', changed = 0;
    lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)size + 1), count = 0;
    struct pattern m;
    luaL_Buffer out;
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    luaL_buffinit(L, &out);
    p += anchored;
    pattern_init(&m, L, (struct span){s, end}, p_end);
    while (count < limit) {
        pattern_again(&m, s);
        const char *match_end = pattern_match(&m, s, p);
        if (match_end && match_end != last) {
            count++;
            changed = add_value(&m, &out, (struct span){s, match_end}, type) | changed;
            s = last = match_end;
        } else if (s < end) {
            luaL_addchar(&out, *s++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    if (changed) {
        luaL_addlstring(&out, s, (size_t)(end - s));
        luaL_pushresult(&out);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

/* ---- whole strings ---- */

static void copy(lua_State *L, char *to, const char *from, size_t size)
{
    for (size_t slice; size > 0; size -= slice, to += slice, from += slice) {
        interrupt_look(L);
        slice = size < RUNTIME_SLICE ? size : RUNTIME_SLICE;
        memcpy(to, from, slice);
    }
}

/* Repeats the first unit bytes of room up to size. */
static void fill(lua_State *L, char *room, size_t unit, size_t size)
{
    for (size_t filled = unit, part; filled < size; filled += part) {
        size_t phase = filled % unit;
        interrupt_look(L);
        part = filled - phase;
        if (part > RUNTIME_SLICE)
            part = RUNTIME_SLICE;
        if (part > size - filled)
            part = size - filled;
        memcpy(room + filled, room + phase, part);
    }
}

static int string_rep(lua_State *L)
{
    size_t size, gap;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &gap);
    /* Lua's own limit; with memory_mb it is for that to say "not enough memory" */
    const size_t most = runtime_of(L)->memory_limit ? PTRDIFF_MAX : INT_MAX;
    if (count <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (size + gap < size || size + gap > most / (size_t)count)
        return luaL_error(L, "resulting string too large");
    size_t unit = size + gap, total = (size_t)count * unit - gap;
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, total);
    copy(L, room, text, size);
    if (count > 1 && unit > 0) {
        copy(L, room + size, separator, gap);
        fill(L, room, unit, total);
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

/* Calls change on the bytes of the first argument, slice by slice, into a new string. */
static int change_bytes(lua_State *L, void (*change)(char *, const char *, size_t))
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, size);
    for (size_t at = 0, slice; at < size; at += slice) {
        interrupt_look(L);
        slice = size - at < RUNTIME_SLICE ? size - at : RUNTIME_SLICE;
        change(room + at, text + at, slice);
    }
    luaL_pushresultsize(&buffer, size);
    return 1;
}

static void to_lower(char *to, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)tolower((unsigned char)from[i]);
}

static void to_upper(char *to, const char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)toupper((unsigned char)from[i]);
}

static int string_lower(lua_State *L)
{
    return change_bytes(L, to_lower);
}

static int string_upper(lua_State *L)
{
    return change_bytes(L, to_upper);
}

static int string_reverse(lua_State *L)
{
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    luaL_Buffer buffer;
    char *room = luaL_buffinitsize(L, &buffer, size);
    for (size_t i = 0; i < size; i++) {
        if (i % RUNTIME_SLICE == 0)
            interrupt_look(L);
        room[i] = text[size - i - 1];
    }
    luaL_pushresultsize(&buffer, size);
    return 1;
}

void strings_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", string_find},   {"match", string_match},     {"gmatch", string_gmatch},
        {"gsub", string_gsub},   {"rep", string_rep},         {"lower", string_lower},
        {"upper", string_upper}, {"reverse", string_reverse}, {NULL, NULL}};
    lua_getglobal(L, "string");
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
