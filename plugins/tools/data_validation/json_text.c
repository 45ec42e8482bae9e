/* SPDX-License-Identifier: Apache-2.0
 * Is a text JSON (RFC 8259)? Jansson would refuse large numbers and deep nesting, which JSON has;
 * this looks at the grammar alone, without recursion. */
#include "validation.h"

struct scan {
    const char *at, *end;
    unsigned char *objects; /* one bit for each open container: 1 = an object */
    size_t depth;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && memchr(" \t\n\r", *scan->at, 4))
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_digits(struct scan *scan)
{
    const char *from = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return scan->at > from;
}

static bool take_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return false;
    if (take(scan, '.') && !take_digits(scan))
        return false;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    if (!take(scan, '+'))
        take(scan, '-');
    return take_digits(scan);
}

static bool take_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    char c = *scan->at++;
    if (c != 'u')
        return memchr("\"\\/bfnrt", c, 8) != NULL;
    for (int i = 0; i < 4; i++, scan->at++)
        if (scan->at == scan->end || !memchr("0123456789abcdefABCDEF", *scan->at, 22))
            return false;
    return true;
}

static bool take_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"')
            return true;
        if ((unsigned char)c < 0x20 || (c == '\\' && !take_escape(scan)))
            return false;
    }
    return false;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static bool in_object(const struct scan *scan)
{
    size_t i = scan->depth - 1;
    return scan->objects[i / 8] >> i % 8 & 1;
}

static void open_container(struct scan *scan, bool object)
{
    size_t i = scan->depth++;
    unsigned char bit = (unsigned char)(1u << i % 8);
    scan->objects[i / 8] =
        (unsigned char)(object ? scan->objects[i / 8] | bit : scan->objects[i / 8] & ~bit);
}

static bool take_key(struct scan *scan)
{
    skip_space(scan);
    if (!take_string(scan))
        return false;
    skip_space(scan);
    return take(scan, ':');
}

/* A value up to its end, or up to the first value inside it; *ret_open says which. */
static bool take_value(struct scan *scan, bool *ret_open)
{
    skip_space(scan);
    bool object = take(scan, '{');
    *ret_open = false;
    if (object || take(scan, '[')) {
        skip_space(scan);
        if (take(scan, object ? '}' : ']'))
            return true;
        open_container(scan, object);
        *ret_open = true;
        return !object || take_key(scan);
    }
    if (scan->at < scan->end && *scan->at == '"')
        return take_string(scan);
    return take_word(scan, "true") || take_word(scan, "false") || take_word(scan, "null") ||
           take_number(scan);
}

/* After a value: closes what ends here. *ret_more: another value follows. */
static bool close_containers(struct scan *scan, bool *ret_more)
{
    *ret_more = false;
    while (scan->depth > 0) {
        bool object = in_object(scan);
        skip_space(scan);
        if (take(scan, ',')) {
            *ret_more = true;
            return !object || take_key(scan);
        }
        if (!take(scan, object ? '}' : ']'))
            return false;
        scan->depth--;
    }
    return true;
}

bool is_json(const char *text, size_t size)
{
    LLMSPELL_CLEANUP_FREE unsigned char *objects = calloc(size / 8 + 1, 1);
    struct scan scan = {text, text + size, objects, 0};
    bool more = objects != NULL, open = false;
    while (more) {
        if (!take_value(&scan, &open) || (!open && !close_containers(&scan, &more)))
            return false;
    }
    skip_space(&scan);
    return objects && scan.at == scan.end;
}
