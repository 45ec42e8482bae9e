/* SPDX-License-Identifier: Apache-2.0
 * Reads a regular expression for runs of characters outside of all groups, and keeps the longest.
 */
#include "needle.h"

#include <ctype.h>
#include <string.h>

struct reader {
    const char *pattern, *at, *end;
    bool known;
    unsigned depth; /* of groups; what is in one is stepped over */
    struct needle run, best;
    size_t last; /* bytes of the run's last character; 0: it was no character of its own */
};

static void end_run(struct reader *reader)
{
    if (reader->run.size > reader->best.size)
        reader->best = reader->run;
    reader->run.size = reader->last = 0;
}

static bool at_end(const struct reader *reader)
{
    return reader->at >= reader->end;
}

static char peek(const struct reader *reader)
{
    return at_end(reader) ? '\0' : *reader->at;
}

/* ---- items ---- */

/* A character that stands for itself; from: where its item begins. */
static void take_character(struct reader *reader, const char *from, const char *text, size_t size)
{
    if (reader->depth > 0)
        return;
    if (reader->run.size + size > NEEDLE_MAX)
        end_run(reader);
    if (reader->run.size == 0)
        reader->run.leads = from == reader->pattern;
    memcpy(reader->run.text + reader->run.size, text, size);
    reader->run.size += size;
    reader->last = size;
}

static void read_plain(struct reader *reader)
{
    const char *from = reader->at++;
    while (!at_end(reader) && (*reader->at & 0xC0) == 0x80)
        reader->at++;
    take_character(reader, from, from, (size_t)(reader->at - from));
}

/* At p or P behind a backslash: one letter or a name in braces follows. */
static void skip_property(struct reader *reader)
{
    const char *close = peek(reader) == '{'
                            ? memchr(reader->at, '}', (size_t)(reader->end - reader->at))
                            : reader->at;
    reader->known = reader->known && !at_end(reader) && close;
    reader->at = close ? close + 1 : reader->end;
}

static void read_escape(struct reader *reader)
{
    const char *from = reader->at++;
    char c = peek(reader);
    if (!at_end(reader) && !isalnum((unsigned char)c) && !(c & 0x80)) {
        take_character(reader, from, reader->at++, 1);
        return;
    }
    end_run(reader);
    reader->at++;
    if (c == 'p' || c == 'P')
        skip_property(reader);
    else if (!c || !strchr("dDwWsSbBhHvVNtnrfea", c))
        reader->known = false;
}

/* A class that is easy to step over: no POSIX names, no \Q within. */
static void skip_class(struct reader *reader)
{
    end_run(reader);
    reader->at++;
    reader->at += peek(reader) == '^';
    reader->at += peek(reader) == ']';
    for (; !at_end(reader) && *reader->at != ']'; reader->at++) {
        if (*reader->at == '[')
            reader->known = false;
        if (*reader->at == '\\' && (++reader->at >= reader->end || strchr("QEc", *reader->at)))
            reader->known = false;
    }
    reader->at++;
}

/* ---- groups ---- */

/* Behind "(?": what neither takes options nor chooses by conditions. */
static void skip_group_kind(struct reader *reader)
{
    char c = peek(reader);
    if (c == 'P')
        c = ++reader->at < reader->end ? *reader->at : '\0';
    if (c == '\0' || !strchr(":=!<", c))
        reader->known = false;
    else
        reader->at++; /* of a name each letter is an item within the group */
}

static void read_open(struct reader *reader)
{
    end_run(reader);
    reader->at++;
    reader->depth++;
    if (peek(reader) == '*')
        reader->known = false;
    if (peek(reader) == '?') {
        reader->at++;
        skip_group_kind(reader);
    }
}

static void read_close(struct reader *reader)
{
    reader->known = reader->known && reader->depth > 0;
    reader->depth--;
    reader->at++;
}

/* ---- repetitions ---- */

/* Whether the item may be missing. Of the braces only their first figure matters. */
static bool may_be_missing(struct reader *reader)
{
    const char *at = reader->at + 1;
    if (*reader->at != '{')
        return *reader->at != '+';
    while (at < reader->end && *at == '0')
        at++;
    return at == reader->end || !isdigit((unsigned char)*at);
}

static void skip_braces(struct reader *reader)
{
    const char *at = reader->at + 1;
    while (at < reader->end && (isdigit((unsigned char)*at) || *at == ','))
        at++;
    if (at == reader->end || *at != '}' || !isdigit((unsigned char)reader->at[1]))
        reader->known = false; /* perhaps no repetition */
    reader->at = at;
}

static void read_repetition(struct reader *reader)
{
    if (may_be_missing(reader)) {
        reader->run.size -= reader->last;
        reader->last = 0;
    }
    end_run(reader);
    if (*reader->at == '{')
        skip_braces(reader);
    reader->at++;
    reader->at += peek(reader) == '?' || peek(reader) == '+';
    if (!at_end(reader) && strchr("*{", *reader->at))
        reader->known = false; /* perhaps a repetition of the repetition */
}

static void read_next(struct reader *reader)
{
    switch (*reader->at) {
    case '\\':
        read_escape(reader);
        break;
    case '[':
        skip_class(reader);
        break;
    case '(':
        read_open(reader);
        break;
    case ')':
        read_close(reader);
        break;
    case '*':
    case '+':
    case '?':
    case '{':
        read_repetition(reader);
        break;
    case '|':
        reader->known = reader->known && reader->depth > 0;
        reader->at++;
        break;
    case '.':
    case '^':
    case '$':
        end_run(reader);
        reader->at++;
        break;
    default:
        read_plain(reader);
    }
}

struct needle needle_of(const char *pattern, size_t size)
{
    struct reader reader = {
        .pattern = pattern, .at = pattern, .end = pattern + size, .known = true};
    while (reader.known && reader.at < reader.end)
        read_next(&reader);
    end_run(&reader);
    if (!reader.known)
        reader.best.size = 0;
    return reader.best;
}
