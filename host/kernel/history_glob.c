/* SPDX-License-Identifier: Apache-2.0
 * Glob patterns without recursion: after a mismatch only the last * takes one character more. */
#include "kernel/history_glob.h"

#include <stdint.h>
#include <string.h>

struct place {
    const char *at, *end;
    const char *close; /* the last ], or NULL: behind it no [ begins a set */
};

/* One code point; a byte that is not UTF-8 counts for itself. */
static uint32_t next(struct place *place)
{
    unsigned char first = (unsigned char)*place->at++;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    uint32_t code = more ? first & (0x3Fu >> more) : first;
    for (; more > 0 && place->at < place->end && (*place->at & 0xC0) == 0x80; more--)
        code = code << 6 | (*place->at++ & 0x3F);
    return code;
}

/* A set behind its [; false if it is never closed: then [ stands for itself. */
static bool match_set(struct place *pattern, uint32_t code, bool *ret_fits)
{
    struct place at = *pattern;
    bool not = at.at < at.end && *at.at == '^', fits = false;
    at.at += not ;
    for (bool first = true; at.at < at.end; first = false) {
        uint32_t low = next(&at), high = low;
        if (low == ']' && !first) {
            *pattern = at;
            *ret_fits = fits != not ;
            return true;
        }
        if (at.end - at.at >= 2 && at.at[0] == '-' && at.at[1] != ']') {
            at.at++;
            high = next(&at);
        }
        fits = fits || (low <= code && code <= high);
    }
    return false;
}

/* One element of the pattern, which is no *, against one character. */
static bool match_one(struct place *pattern, struct place *text)
{
    uint32_t code = next(text), wanted = next(pattern);
    bool fits;
    if (wanted == '?')
        return true;
    if (wanted == '[' && pattern->close && pattern->at <= pattern->close &&
        match_set(pattern, code, &fits))
        return fits;
    return wanted == code;
}

bool history_glob(const char *pattern, size_t pattern_size, const char *text, size_t text_size)
{
    const char *close = pattern_size ? memrchr(pattern, ']', pattern_size) : NULL;
    struct place p = {pattern, pattern + pattern_size, close}, t = {text, text + text_size, NULL};
    struct place star = {0}, retry = t;
    while (t.at < t.end) {
        if (p.at < p.end && *p.at == '*') {
            p.at++;
            star = p;
            retry = t;
            continue;
        }
        if (p.at < p.end && match_one(&p, &t))
            continue;
        if (!star.at)
            return false;
        next(&retry);
        t = retry;
        p = star;
    }
    while (p.at < p.end && *p.at == '*')
        p.at++;
    return p.at == p.end;
}
