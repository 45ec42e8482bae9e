/* SPDX-License-Identifier: Apache-2.0
 * What looks like a secret though nobody registered it: all such forms have a ':' or a '=', so that
 * usual messages cost a search for these two. Called by redact.c. */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "log/redact.h"

#define NAME_MAX_SIZE 64

/* Text around the separator at `at`. */
struct place {
    const char *text;
    size_t size, at;
};

/* The word before the separator, and whether it stands in quotes. */
struct name {
    const char *text;
    size_t size;
    bool quoted;
};

/* A part of the text. */
struct span {
    size_t from, to;
};

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct name find_name(const struct place *place)
{
    size_t end = place->at;
    while (end > 0 && is_blank(place->text[end - 1]))
        end--;
    bool quoted = end > 0 && is_quote(place->text[end - 1]);
    if (quoted)
        end--;
    while (quoted && end > 0 && place->text[end - 1] == '\\')
        end--;
    size_t start = end;
    while (start > 0 && end - start < NAME_MAX_SIZE &&
           (isalnum((unsigned char)place->text[start - 1]) || strchr("_-", place->text[start - 1])))
        start--;
    return (struct name){.text = place->text + start, .size = end - start, .quoted = quoted};
}

static bool ends_with(const struct name *name, const char *word)
{
    size_t size = strlen(word);
    return name->size >= size && strncasecmp(name->text + name->size - size, word, size) == 0;
}

static bool ends_with_any(const struct name *name, const char *const *words)
{
    for (; *words; words++)
        if (ends_with(name, *words))
            return true;
    return false;
}

/* Where the value in the quotes ends that open at text[open] behind `slashes` backslashes. */
static size_t find_close(const struct place *place, size_t open, size_t slashes)
{
    for (size_t i = open + 1; i < place->size; i++) {
        size_t run = 0;
        if (place->text[i] != place->text[open])
            continue;
        while (i - run > open + 1 && place->text[i - run - 1] == '\\')
            run++;
        if (slashes == 0 && run % 2 == 0)
            return i;
        if (slashes > 0 && run <= slashes)
            return i - run;
    }
    return place->size;
}

/* The value behind the separator; *ret_quoted tells whether it stands in quotes. */
static struct span find_value(const struct place *place, bool *ret_quoted)
{
    size_t from = place->at + 1, slashes = 0;
    while (from < place->size && is_blank(place->text[from]))
        from++;
    while (from + slashes < place->size && place->text[from + slashes] == '\\')
        slashes++;
    *ret_quoted = from + slashes < place->size && is_quote(place->text[from + slashes]);
    if (*ret_quoted) {
        size_t open = from + slashes;
        return (struct span){open + 1, find_close(place, open, slashes)};
    }
    size_t to = from;
    while (to < place->size && !isspace((unsigned char)place->text[to]) &&
           !is_quote(place->text[to]) && place->text[to] != '&')
        to++;
    return (struct span){from, to};
}

/* The scheme stays to be seen, if it is one that everybody knows. */
static struct span find_credentials(const struct place *place)
{
    bool quoted = false;
    struct span span = find_value(place, &quoted);
    if (!quoted)
        while (span.to < place->size && !strchr("\r\n\"'", place->text[span.to]))
            span.to++;
    const char *value = place->text + span.from;
    size_t size = span.to - span.from;
    if ((size > 7 && strncasecmp(value, "Bearer ", 7) == 0))
        span.from += 7;
    else if (size > 6 && strncasecmp(value, "Basic ", 6) == 0)
        span.from += 6;
    return span;
}

/* scheme://user:password@host. A password may hold a '/', a port may not hold a letter. */
static struct span find_url_password(const struct place *place)
{
    static const char ends[] = " \t\r\n\"'<>";
    size_t start = place->at + 3, colon = start, end = start, last = 0;
    while (end < place->size && !strchr(ends, place->text[end]))
        end++;
    while (colon < end && !strchr(":/?#@[", place->text[colon]))
        colon++;
    if (colon >= end || place->text[colon] != ':')
        return (struct span){0, 0};
    size_t digits = colon + 1;
    while (digits < end && isdigit((unsigned char)place->text[digits]))
        digits++;
    if (digits == end || strchr("/?#,;)]", place->text[digits]))
        return (struct span){0, 0};
    for (size_t i = colon; i < end; i++)
        if (place->text[i] == '@')
            last = i;
    if (last == 0 && end < place->size)
        return (struct span){0, 0};
    return (struct span){colon + 1, last ? last : end}; /* without @: cut within the password */
}

static struct span find_secret(const struct place *place)
{
    static const char *const names[] = {
        "password",   "passwd",    "passphrase", "secret",      "api_key",     "api-key", "apikey",
        "access_key", "accesskey", "access-key", "private_key", "private-key", NULL};
    const struct span none = {0, 0};
    bool assigned = place->text[place->at] == '=', quoted = false;
    if (!assigned && place->size - place->at > 3 && memcmp(place->text + place->at, "://", 3) == 0)
        return find_url_password(place);
    struct name name = find_name(place);
    if (name.size == 0)
        return none;
    if (ends_with(&name, "authorization"))
        return find_credentials(place);
    struct span value = find_value(place, &quoted);
    if (ends_with_any(&name, names))
        return value;
    if (ends_with(&name, "token")) /* "unexpected token: x" is no secret */
        return assigned || (quoted && name.quoted) ? value : none;
    bool key = name.size == 3 && strncasecmp(name.text, "key", 3) == 0;
    return key && name.quoted && quoted ? value : none;
}

int redact_pattern(const char *text, size_t size, size_t at, unsigned char *mask)
{
    struct place place = {.text = text, .size = size, .at = at};
    struct span span = find_secret(&place);
    if (span.to <= span.from)
        return 0;
    if (mask)
        memset(mask + span.from, 1, span.to - span.from);
    return 1;
}
