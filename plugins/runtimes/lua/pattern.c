/* SPDX-License-Identifier: Apache-2.0 AND MIT
 * The matcher of Lua 5.4 (lstrlib.c), with a look at the interrupt wherever it tries again: a hook
 * cannot end it, since it runs no Lua code. Called by strings.c.
 *
 * Copyright (C) 1994-2022 Lua.org, PUC-Rio.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
 * associated documentation files (the "Software"), to deal in the Software without restriction,
 * including without limitation the rights to use, copy, modify, merge, publish, distribute,
 * sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all copies or
 * substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
 * NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
 * NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
 * DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
#include "pattern.h"

#include <ctype.h>
#include <string.h>

#define UNFINISHED (-1) /* the length of an open capture */

static inline int byte(char c)
{
    return (unsigned char)c;
}

static inline void look(const struct pattern *m)
{
    if (__builtin_expect(atomic_load_explicit(m->stop, memory_order_relaxed) != 0, 0))
        interrupt_raise(m->L);
}

/* ---- captures ---- */

static int check_capture(struct pattern *m, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->level || m->capture[i].size == UNFINISHED)
        return luaL_error(m->L, "invalid capture index %%%d", i + 1);
    return i;
}

static int capture_to_close(struct pattern *m)
{
    for (int level = m->level - 1; level >= 0; level--)
        if (m->capture[level].size == UNFINISHED)
            return level;
    return luaL_error(m->L, "invalid pattern capture");
}

static const char *start_capture(struct pattern *m, const char *s, const char *p, int what)
{
    if (m->level >= PATTERN_CAPTURES)
        luaL_error(m->L, "too many captures");
    m->capture[m->level].start = s;
    m->capture[m->level].size = what;
    m->level++;
    const char *end = pattern_match(m, s, p);
    if (!end)
        m->level--;
    return end;
}

static const char *end_capture(struct pattern *m, const char *s, const char *p)
{
    int i = capture_to_close(m);
    m->capture[i].size = s - m->capture[i].start;
    const char *end = pattern_match(m, s, p);
    if (!end)
        m->capture[i].size = UNFINISHED;
    return end;
}

/* %1 to %9 in the pattern. */
static const char *match_capture(struct pattern *m, const char *s, int digit)
{
    int i = check_capture(m, digit);
    size_t size = (size_t)m->capture[i].size;
    if ((size_t)(m->subject_end - s) >= size && memcmp(m->capture[i].start, s, size) == 0)
        return s + size;
    return NULL;
}

/* ---- single characters ---- */

static const char *class_end(struct pattern *m, const char *p)
{
    char first = *p++;
    if (first == PATTERN_ESCAPE) {
        if (p == m->end)
            luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (*p == '^')
        p++;
    do { /* a ] that comes first is one of the set */
        if (p == m->end)
            luaL_error(m->L, "malformed pattern (missing ']')");
        if (*(p++) == PATTERN_ESCAPE && p < m->end)
            p++;
    } while (*p != ']');
    return p + 1;
}

static int match_class(int c, int class)
{
    int is;
    switch (tolower(class)) {
    case 'a':
        is = isalpha(c);
        break;
    case 'c':
        is = iscntrl(c);
        break;
    case 'd':
        is = isdigit(c);
        break;
    case 'g':
        is = isgraph(c);
        break;
    case 'l':
        is = islower(c);
        break;
    case 'p':
        is = ispunct(c);
        break;
    case 's':
        is = isspace(c);
        break;
    case 'u':
        is = isupper(c);
        break;
    case 'w':
        is = isalnum(c);
        break;
    case 'x':
        is = isxdigit(c);
        break;
    case 'z':
        is = c == 0;
        break;
    default:
        return class == c;
    }
    return islower(class) ? is : !is;
}

/* p is at the [ of a set, last at its ]. */
static int match_set(int c, const char *p, const char *last)
{
    int is = 1;
    if (p[1] == '^') {
        is = 0;
        p++;
    }
    while (++p < last) {
        if (*p == PATTERN_ESCAPE) {
            p++;
            if (match_class(c, byte(*p)))
                return is;
        } else if (p[1] == '-' && p + 2 < last) {
            p += 2;
            if (byte(p[-2]) <= c && c <= byte(*p))
                return is;
        } else if (byte(*p) == c) {
            return is;
        }
    }
    return !is;
}

static int match_single(const struct pattern *m, const char *s, const char *p, const char *p_end)
{
    if (s >= m->subject_end)
        return 0;
    int c = byte(*s);
    switch (*p) {
    case '.':
        return 1;
    case PATTERN_ESCAPE:
        return match_class(c, byte(p[1]));
    case '[':
        return match_set(c, p, p_end - 1);
    default:
        return byte(*p) == c;
    }
}

/* ---- items ---- */

/* %bxy; p is at the x. */
static const char *match_balance(struct pattern *m, const char *s, const char *p)
{
    if (p >= m->end - 1)
        luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (*s != *p)
        return NULL;
    int open = *p, close = p[1], depth = 1;
    while (++s < m->subject_end) {
        look(m);
        if (*s == close) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == open) {
            depth++;
        }
    }
    return NULL;
}

/* %f[set]; p is at the [. */
static int match_frontier(struct pattern *m, const char *s, const char *p, const char *p_end)
{
    char previous = '\0';
    if (s != m->subject)
        previous = s[-1];
    return !match_set(byte(previous), p, p_end - 1) && match_set(byte(*s), p, p_end - 1);
}

static const char *expand_most(struct pattern *m, const char *s, const char *p, const char *p_end)
{
    ptrdiff_t i = 0;
    while (match_single(m, s + i, p, p_end)) {
        i++;
        if ((i & 1023) == 0)
            look(m);
    }
    for (; i >= 0; i--) {
        look(m);
        const char *end = pattern_match(m, s + i, p_end + 1);
        if (end)
            return end;
    }
    return NULL;
}

static const char *expand_least(struct pattern *m, const char *s, const char *p, const char *p_end)
{
    for (;; s++) {
        look(m);
        const char *end = pattern_match(m, s, p_end + 1);
        if (end)
            return end;
        if (!match_single(m, s, p, p_end))
            return NULL;
    }
}

/* One character class with its suffix; the pattern goes on at *p if *ret_more is set. */
static inline __attribute__((always_inline)) const char *
match_item(struct pattern *m, const char *s, const char **p, int *ret_more)
{
    const char *start = *p, *end = class_end(m, start), *found;
    char suffix = *end;
    *ret_more = 1;
    if (!match_single(m, s, start, end)) {
        *p = end + 1;
        return suffix == '*' || suffix == '?' || suffix == '-' ? s : NULL;
    }
    switch (suffix) {
    case '?':
        look(m);
        found = pattern_match(m, s + 1, end + 1);
        *ret_more = found == NULL;
        *p = end + 1;
        return found ? found : s;
    case '+':
        *ret_more = 0;
        return expand_most(m, s + 1, start, end);
    case '*':
        *ret_more = 0;
        return expand_most(m, s, start, end);
    case '-':
        *ret_more = 0;
        return expand_least(m, s, start, end);
    default:
        *p = end;
        return s + 1;
    }
}

/* What begins with an escape and is no class; 0 if it is one. As match_item else. */
static inline __attribute__((always_inline)) int match_escape(struct pattern *m, const char **s,
                                                              const char **p)
{
    const char *at = *p, *set_end;
    switch (at[1]) {
    case 'b':
        *s = match_balance(m, *s, at + 2);
        *p = at + 4;
        return 1;
    case 'f':
        if (at[2] != '[')
            luaL_error(m->L, "missing '[' after '%%f' in pattern");
        set_end = class_end(m, at + 2);
        if (!match_frontier(m, *s, at + 2, set_end))
            *s = NULL;
        *p = set_end;
        return 1;
    default:
        if (!isdigit(byte(at[1])))
            return 0;
        *s = match_capture(m, *s, byte(at[1]));
        *p = at + 2;
        return 1;
    }
}

const char *pattern_match(struct pattern *m, const char *s, const char *p)
{
    int more = 1;
    if (m->depth-- == 0)
        luaL_error(m->L, "pattern too complex");
    while (s && more && p != m->end) {
        if (*p == '(') {
            s = p[1] == ')' ? start_capture(m, s, p + 2, PATTERN_POSITION)
                            : start_capture(m, s, p + 1, UNFINISHED);
            more = 0;
        } else if (*p == ')') {
            s = end_capture(m, s, p + 1);
            more = 0;
        } else if (*p == '$' && p + 1 == m->end) {
            s = s == m->subject_end ? s : NULL;
            more = 0;
        } else if (*p != PATTERN_ESCAPE || !match_escape(m, &s, &p)) {
            s = match_item(m, s, &p, &more);
        }
    }
    m->depth++;
    return s;
}

/* ---- for strings.c ---- */

void pattern_init(struct pattern *m, lua_State *L, struct span subject, const char *end)
{
    m->L = L;
    m->stop = &runtime_of(L)->interrupt.stop;
    m->depth = PATTERN_DEPTH;
    m->level = 0;
    m->subject = subject.start;
    m->subject_end = subject.end;
    m->end = end;
}

ptrdiff_t pattern_capture(struct pattern *m, int i, struct span match, const char **ret_text)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(m->L, "invalid capture index %%%d", i + 1);
        *ret_text = match.start;
        return match.end - match.start;
    }
    ptrdiff_t size = m->capture[i].size;
    *ret_text = m->capture[i].start;
    if (size == UNFINISHED)
        luaL_error(m->L, "unfinished capture");
    else if (size == PATTERN_POSITION)
        lua_pushinteger(m->L, (m->capture[i].start - m->subject) + 1);
    return size;
}

void pattern_push_capture(struct pattern *m, int i, struct span match)
{
    const char *text;
    ptrdiff_t size = pattern_capture(m, i, match, &text);
    if (size != PATTERN_POSITION)
        lua_pushlstring(m->L, text, (size_t)size);
}

int pattern_push_captures(struct pattern *m, struct span match)
{
    int count = m->level == 0 && match.start ? 1 : m->level;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        pattern_push_capture(m, i, match);
    return count;
}
