/* SPDX-License-Identifier: Apache-2.0
 * Names of BibTeX: "First von Last", "von Last, First", "von Last, Jr, First", {A Body}, others. */
#include "citation.h"

#include <ctype.h>

struct span {
    const char *text;
    size_t size;
};

static struct span trimmed(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return (struct span){from, (size_t)(to - from)};
}

/* The first place outside braces that is: mark 'a' the word and, ',' a comma, ' ' white space or
 * a tie. *ret_next: behind it. At the end: both the end. */
static const char *find(const char *from, const char *to, char mark, const char **ret_next)
{
    int depth = 0;
    for (const char *at = from; at < to; at++) {
        bool blank = isspace((unsigned char)*at) || *at == '~';
        if (*at == '\\' && at + 1 < to) {
            at++;
            continue;
        }
        depth += *at == '{' ? 1 : *at == '}' && depth > 0 ? -1 : 0;
        *ret_next = at + 1;
        if (depth > 0)
            continue;
        if ((mark == ',' && *at == ',') || (mark == ' ' && blank))
            return at;
        if (mark == 'a' && blank && to - at >= 4 && strncasecmp(at + 1, "and", 3) == 0 &&
            (at + 4 == to || isspace((unsigned char)at[4]))) {
            *ret_next = at + 4;
            return at;
        }
    }
    *ret_next = to;
    return to;
}

static void set_text(json_t *name, const char *key, struct span text)
{
    json_t *value = latex_text(text.text, text.size);
    if (json_string_length(value) > 0)
        json_object_set_new(name, key, value);
    else
        json_decref(value);
}

/* Whether a word of a name begins with a small letter, past braces and commands. */
static bool is_small(const char *from, const char *to)
{
    LLMSPELL_CLEANUP_JSON json_t *text = latex_text(from, (size_t)(to - from));
    const char *first = json_string_value(text);
    return *from != '{' && first && islower((unsigned char)*first);
}

/* "von Last": the particle goes up to the last small word that another one follows. */
static void set_family(json_t *name, struct span text)
{
    const char *end = text.text + text.size, *family = text.text, *next;
    for (const char *at = text.text; at < end; at = next) {
        const char *stop = find(at, end, ' ', &next);
        if (stop > at && next < end && is_small(at, stop))
            family = next;
    }
    if (family > text.text)
        set_text(name, "non-dropping-particle", trimmed(text.text, family));
    set_text(name, "family", trimmed(family, end));
}

/* "First von Last": the family begins with the first small word, or is the last one. */
static void set_plain(json_t *name, struct span text)
{
    const char *end = text.text + text.size, *family = NULL, *last = text.text, *next;
    for (const char *at = text.text; at < end; at = next) {
        const char *stop = find(at, end, ' ', &next);
        if (stop == at)
            continue;
        last = at;
        if (!family && next < end && at > text.text && is_small(at, stop))
            family = at;
    }
    if (!family)
        family = last;
    set_family(name, trimmed(family, end));
    set_text(name, "given", trimmed(text.text, family));
}

/* Whether one pair of braces holds all. */
static bool is_braced(struct span text)
{
    int depth = 0;
    for (size_t i = 0; i < text.size; i++) {
        depth += text.text[i] == '{' ? 1 : text.text[i] == '}' ? -1 : 0;
        if (depth == 0 && i + 1 < text.size)
            return false;
    }
    return text.size > 1 && text.text[0] == '{';
}

static json_t *read_name(struct span text)
{
    json_t *name = json_object();
    const char *end = text.text + text.size, *second, *third;
    const char *comma = find(text.text, end, ',', &second);
    if (is_braced(text) || (text.size == 6 && strncasecmp(text.text, "others", 6) == 0)) {
        set_text(name, "literal", text);
        return name;
    }
    if (comma == end) {
        set_plain(name, text);
        return name;
    }
    const char *more = find(second, end, ',', &third);
    set_family(name, trimmed(text.text, comma));
    set_text(name, "given", more < end ? trimmed(third, end) : trimmed(second, end));
    if (more < end)
        set_text(name, "suffix", trimmed(second, more));
    return name;
}

json_t *bibtex_names(const char *text)
{
    json_t *names = json_array();
    const char *end = text + strlen(text), *next;
    for (const char *at = text; names && at < end; at = next) {
        struct span name = trimmed(at, find(at, end, 'a', &next));
        if (name.size > 0 && json_array_append_new(names, read_name(name)) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}
