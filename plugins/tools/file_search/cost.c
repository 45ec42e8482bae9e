/* SPDX-License-Identifier: Apache-2.0
 * Reads a regular expression for two questions (cost.h). It need not understand all of PCRE2: what
 * it does not know counts as dear, and is then only searched more slowly. */
#include "cost.h"

#include <ctype.h>
#include <string.h>

#include "charset.h"

#define PATTERN_MAX 1000 /* bytes; longer ones are dear */
#define GROUPS_MAX 16
#define LONG 16   /* repetitions that count as endless */
#define ENDLESS 8 /* endless repetitions that a cheap pattern may have */
#define FACTOR 4  /* product of the short ones */

/* Endless repetitions that end with these characters: given back if what follows can match them
 * as well. */
struct pending {
    struct set set;
    unsigned count;
};

struct reader {
    const char *at, *end;
    bool ignore_case, known, whole;
    unsigned given_back, endless, factor;
    struct pending pending, groups[GROUPS_MAX];
    bool negative[GROUPS_MAX]; /* a lookaround that must not match, or within one */
    unsigned depth;
    bool empty_branch; /* nothing was read since the group or the branch began */
};

/* Endless repetitions may have to give back what they took. */
static void give_back(struct reader *reader)
{
    reader->given_back += reader->pending.count;
    reader->pending.count = 0;
}

static void unknown(struct reader *reader, bool whole)
{
    reader->known = false;
    reader->whole = reader->whole && whole;
}

/* ---- items ---- */

/* Behind a backslash. True if it was an item that takes characters. */
static bool read_escape(struct reader *reader, struct set *ret_set)
{
    if (reader->at == reader->end) {
        unknown(reader, false);
        return false;
    }
    unsigned char c = (unsigned char)*reader->at++;
    if (set_of_escape((char)c, ret_set))
        return true;
    if (!isalnum(c)) {
        *ret_set = set_of_character(reader->ignore_case, c);
        return true;
    }
    const char *const controls = strchr("t\tn\nr\rf\fe\033a\a", c);
    if (controls) {
        *ret_set = set_of_character(reader->ignore_case, (unsigned char)controls[1]);
        return true;
    }
    if (c == 'b' || c == 'B') {
        give_back(reader);
        return false;
    }
    bool negative = reader->depth > 0 && reader->negative[reader->depth - 1];
    unknown(reader, !negative && strchr("hHvVNpPx0co", c));
    return false;
}

/* Behind "[" within a class: steps over [:alpha:]; [: alone is two characters. */
static void read_posix_class(struct reader *reader)
{
    const char *close = memchr(reader->at, ']', (size_t)(reader->end - reader->at));
    if (close && memchr(reader->at, '\\', (size_t)(close - reader->at)))
        unknown(reader, false); /* where that ends is hard to say */
    else if (close && close - reader->at >= 2 && close[-1] == *reader->at)
        reader->at = close + 1;
}

/* Behind "[": a set of characters, ranges and escapes; anything else counts as all characters. */
static struct set read_class(struct reader *reader)
{
    struct set set = {{0, 0}, 0}, part;
    bool negate = reader->at < reader->end && *reader->at == '^', plain = true;
    reader->at += negate;
    for (bool first = true; reader->at < reader->end; first = false) {
        unsigned char c = (unsigned char)*reader->at++;
        if (c == ']' && !first)
            return !plain ? set_all() : negate ? set_not(set) : set;
        part = set_of_character(reader->ignore_case, c);
        if (c == '[' && reader->at < reader->end && strchr(":.=", *reader->at)) {
            read_posix_class(reader);
            plain = false;
        } else if (c == '\\' && reader->at < reader->end) {
            c = (unsigned char)*reader->at++;
            if (!set_of_escape((char)c, &part)) {
                plain = plain && !isalnum(c);
                part = set_of_character(reader->ignore_case, c);
            }
        } else if (reader->end - reader->at >= 2 && reader->at[0] == '-' && reader->at[1] != ']') {
            unsigned char to = (unsigned char)reader->at[1];
            plain = plain && to < 128 && to != '\\' && to != '[';
            for (unsigned k = c; k <= to && plain; k++)
                part = set_join(part, set_of_character(reader->ignore_case, (unsigned char)k));
            reader->at += 2;
        }
        set = set_join(set, part);
    }
    return set_all();
}

/* ---- repetitions ---- */

/* {n}, {n,} and {n,m}; false: the brace is itself. */
static bool read_braces(struct reader *reader, unsigned *ret_min, unsigned *ret_max)
{
    const char *at = reader->at + 1;
    unsigned min = 0, max = 0;
    if (at == reader->end || !isdigit((unsigned char)*at))
        return false;
    for (; at < reader->end && isdigit((unsigned char)*at) && min < 100000; at++)
        min = min * 10 + (unsigned)(*at - '0');
    if (at < reader->end && *at == ',') {
        at++;
        bool open = at < reader->end && *at == '}';
        for (; at < reader->end && isdigit((unsigned char)*at) && max < 100000; at++)
            max = max * 10 + (unsigned)(*at - '0');
        max = open ? UINT32_MAX : max;
    } else {
        max = min;
    }
    if (at == reader->end || *at != '}')
        return false;
    reader->at = at + 1;
    *ret_min = min;
    *ret_max = max;
    return true;
}

static bool read_count(struct reader *reader, unsigned *ret_min, unsigned *ret_max)
{
    *ret_min = *ret_max = 1;
    if (reader->at == reader->end)
        return false;
    switch (*reader->at) {
    case '{':
        return read_braces(reader, ret_min, ret_max);
    case '*':
    case '?':
        *ret_min = 0;
        *ret_max = *reader->at == '?' ? 1 : UINT32_MAX;
        break;
    case '+':
        *ret_max = UINT32_MAX;
        break;
    default:
        return false;
    }
    reader->at++;
    return true;
}

/* Within a negative lookaround: what could match over the end of the line would decide otherwise
 * there than within the line. */
static void check_negative(struct reader *reader, bool stays_in_line)
{
    if (reader->depth > 0 && reader->negative[reader->depth - 1] && !stays_in_line)
        unknown(reader, false);
}

/* An item was read: its repetition, and what it means for those before it. */
static void read_repetition(struct reader *reader, struct set set)
{
    unsigned min, max;
    bool lazy = false;
    check_negative(reader, !set_meets(set, set_of_ends()));
    if (read_count(reader, &min, &max) && reader->at < reader->end) {
        lazy = *reader->at == '?';
        if (*reader->at == '+') {
            unknown(reader, false); /* possessive */
            return;
        }
        reader->at += lazy;
        if (reader->at < reader->end && strchr("*{", *reader->at))
            unknown(reader, true); /* perhaps a repetition of the repetition */
    }
    bool endless = max > min + LONG;
    if (reader->pending.count && set_meets(reader->pending.set, set))
        give_back(reader);
    if (!endless)
        reader->factor *= max - min + 1;
    if (min > 64 || reader->factor > FACTOR)
        unknown(reader, true);
    reader->endless += endless;
    reader->given_back += endless && lazy;
    if (min > 0 || reader->pending.count == 0)
        reader->pending = (struct pending){set, endless && !lazy};
    else
        reader->pending = (struct pending){set_join(reader->pending.set, set),
                                           reader->pending.count + (endless && !lazy)};
    reader->empty_branch = false;
}

/* ---- groups ---- */

/* Behind "(?", at a lookaround: steps over its sign. */
static bool read_lookaround(struct reader *reader)
{
    const char *at = reader->at;
    at += at < reader->end && *at == '<';
    if (at == reader->end || (*at != '=' && *at != '!'))
        return false;
    reader->negative[reader->depth - 1] |= *at == '!';
    reader->at = at + 1;
    give_back(reader);
    unknown(reader, true);
    return true;
}

/* Behind "(?": groups that do nothing but to group, or have a name; lookarounds. */
static void read_group_kind(struct reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (read_lookaround(reader))
        return;
    if (left >= 2 && strncmp(reader->at, "i)", 2) == 0 && reader->depth == 1) {
        reader->ignore_case = true; /* an option and no group; the ")" is read next */
        reader->at += 1;
        return;
    }
    const char *at = reader->at;
    if (left >= 1 && *at == ':') {
        reader->at++;
        return;
    }
    at += left >= 1 && *at == 'P';
    bool name =
        reader->end - at >= 2 && *at == '<' && (isalpha((unsigned char)at[1]) || at[1] == '_');
    const char *close = name ? memchr(at, '>', (size_t)(reader->end - at)) : NULL;
    if (close)
        reader->at = close + 1;
    else
        unknown(reader, false);
}

static void read_open(struct reader *reader)
{
    if (reader->depth == GROUPS_MAX || (reader->at < reader->end && *reader->at == '*')) {
        unknown(reader, false);
        return;
    }
    reader->groups[reader->depth] = reader->pending;
    reader->negative[reader->depth] = reader->depth > 0 && reader->negative[reader->depth - 1];
    reader->depth++;
    reader->empty_branch = true;
    if (reader->at < reader->end && *reader->at == '?') {
        reader->at++;
        read_group_kind(reader);
    }
}

/* A branch ends: what it leaves pending may meet what follows the group. */
static void read_bar(struct reader *reader)
{
    give_back(reader);
    if (reader->depth > 0)
        reader->pending = reader->groups[reader->depth - 1];
    reader->empty_branch = true;
}

static void read_close(struct reader *reader)
{
    unsigned min, max;
    if (reader->depth > 0)
        reader->depth--;
    if (reader->empty_branch)
        give_back(reader);
    reader->empty_branch = false;
    if (read_count(reader, &min, &max)) {
        bool possessive = reader->at < reader->end && *reader->at == '+';
        unknown(reader, !possessive);
    }
}

static void read_next(struct reader *reader)
{
    unsigned char c = (unsigned char)*reader->at++;
    struct set set;
    switch (c) {
    case '\\':
        if (read_escape(reader, &set))
            read_repetition(reader, set);
        break;
    case '[':
        set = read_class(reader);
        read_repetition(reader, set);
        break;
    case '(':
        read_open(reader);
        break;
    case '|':
        read_bar(reader);
        break;
    case ')':
        read_close(reader);
        break;
    case '^':
    case '$':
        check_negative(reader, false);
        give_back(reader);
        break;
    case '.':
        read_repetition(reader, set_not(set_of_ends()));
        break;
    default:
        while (reader->at < reader->end && c >= 0xC0 && ((unsigned char)*reader->at & 0xC0) == 0x80)
            reader->at++;
        read_repetition(reader, set_of_character(reader->ignore_case, c));
    }
}

struct cost cost_of(const char *pattern, size_t size, bool ignore_case, bool word)
{
    struct reader reader = {.at = pattern,
                            .end = pattern + size,
                            .ignore_case = ignore_case,
                            .known = size <= PATTERN_MAX,
                            .whole = true,
                            .factor = 1};
    /* After something unknown one goes on for `whole`, which any later item can refute. */
    while (reader.at < reader.end && reader.whole)
        read_next(&reader);
    if (word)
        give_back(&reader);
    bool cheap =
        reader.known && reader.whole && reader.given_back <= 1 && reader.endless <= ENDLESS;
    return (struct cost){
        .whole = reader.whole, .cheap = cheap, .linear = cheap && reader.endless == 0};
}
